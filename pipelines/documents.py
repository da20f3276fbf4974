"""The shape of documents between a reader and everything after it."""

from dataclasses import dataclass

import pyarrow as pa

BATCH_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("byte_offset", pa.int64(), nullable=False),
        pa.field("byte_length", pa.int64(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
    ]
)
"""Columns of a batch of documents; `docs/architecture.md` says what each one means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A record of a shard that is no document; it is counted and listed, never passed over."""

    row: int
    byte_offset: int  # in the decompressed shard; -1 where the format has no offsets
    byte_length: int
    reason: str  # one of FAILURE_REASONS
    detail: str  # for a person; holds no text of the document


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardDamage:
    """The place after which nothing of a shard can be read; always the last thing a reader yields."""

    byte_offset: int  # decompressed bytes read soundly before it; -1 where the format has no offsets
    reason: str  # `truncated` or `corrupt`
    detail: str


FAILURE_REASONS = (
    "bad_json",
    "bad_utf8",
    "no_text",
    "text_not_string",
    "lone_surrogate",
    "too_large",
    "bad_html",
    "damaged_shard",
)
