"""Shards to record batches of documents; `docs/reading.md` says what is a document, a failure and a damage."""

from pipelines.readers.settings import ReadSettings
from pipelines.readers.shards import FORMATS, ShardReader, shard_format

__all__ = ["FORMATS", "ReadSettings", "ShardReader", "shard_format"]
