"""Copying: the documents that a sample takes of a source, each shard's in a file of their own.

Of each source a few shards are read, those of the lowest hashes, and of each shard no more than its beginning.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from filters.columns import TextColumn
from mixes.errors import DataError
from mixes.spec.mix import MixSpec
from mixes.spec.sampling import shard_hash
from mixes.spec.source import SourceSpec
from pipelines.documents import Failure, ShardDamage
from pipelines.listing import Shard
from pipelines.plan import Plan, estimated_text_bytes
from pipelines.readers import ShardReader
from pipelines.settings import read_settings
from pipelines.stations.digests import digest_halves, is_in_sample, text_digests

MAX_SHARDS = 8
"""Shards of a source that a trial reads at most."""
MAX_SHARD_BYTES = 33_554_432
"""UTF-8 bytes of text of a shard after which a trial stops reading it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTrial:
    """What was read of one shard."""

    stored_bytes: int  # read of it
    is_whole: bool
    num_documents: int
    text_bytes: int
    num_failed: int
    sampled_documents: int
    sampled_bytes: int
    sampled_squares: float  # sum of their squared sizes
    tokens: int  # of those that every station kept
    residual_squares: float  # of kept ones: squared differences from the source's tokens a byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """The documents that a sample took of a shard, in a file of their own."""

    path: str
    shard: ShardTrial
    seconds: float


def chosen_shards(plan: Plan, index: int) -> list[Shard]:
    """Return the shards of a source that are read for a sample."""
    shards = [shard for unit in plan.units if unit.source == index for shard in unit.shards]
    return sorted(shards, key=lambda shard: shard_hash(shard.name, plan.spec.seed))[:MAX_SHARDS]


def copy_source(
    plan: Plan, index: int, share: float, folder: Path, report: Callable[[int], object]
) -> tuple[float, list[Copy]]:
    """Copy the documents that the sample takes of a source; return which share of those read they are.

    `report` is told now and then how many stored bytes of its shards are done with since.
    """
    chosen = chosen_shards(plan, index)
    document_share = min(1.0, share * plan.sources[index].num_shards / len(chosen))
    target = folder / "copies" / str(index)
    target.mkdir(parents=True)
    copies = [
        _copy_shard(shard, plan.spec, plan.spec.sources[index], document_share, target / f"{number}.jsonl", report)
        for number, shard in enumerate(chosen)
    ]
    if not any(copy.shard.sampled_documents for copy in copies):
        read = sum(copy.shard.num_documents for copy in copies)
        raise DataError(
            f"source '{plan.spec.sources[index].name}': a sample of {document_share:g} takes none of its {read:,} "
            "documents read; give a larger --sample"
        )
    return document_share, copies


def _copy_shard(
    shard: Shard, spec: MixSpec, source: SourceSpec, document_share: float, path: Path, report: Callable[[int], object]
) -> Copy:
    started, reported = time.process_time(), 0
    reader = ShardReader(shard.uri, shard.name, read_settings(spec, source))
    num_documents = num_failed = text_bytes = 0
    sizes: list[int] = []
    is_whole = True
    stored_bytes = shard.size
    with path.open("wb") as stream:
        for item in reader:
            report(reader.bytes_so_far - reported)
            reported = reader.bytes_so_far
            if isinstance(item, Failure):
                num_failed += 1
            elif isinstance(item, ShardDamage):
                break
            else:
                for line, size in _sampled_lines(item, source, spec.seed, document_share):
                    stream.write(line)
                    sizes.append(size)
                num_documents += item.num_rows
                text_bytes = reader.text_bytes
                if text_bytes >= MAX_SHARD_BYTES:
                    is_whole = False
                    stored_bytes = _stored_so_far(shard, reader)
                    break
    report(max(shard.size, 0) - reported)  # it is done with, though its end was not read
    return Copy(
        path=str(path),
        shard=ShardTrial(
            stored_bytes=stored_bytes,
            is_whole=is_whole,
            num_documents=num_documents,
            text_bytes=text_bytes,
            num_failed=num_failed,
            sampled_documents=len(sizes),
            sampled_bytes=sum(sizes),
            sampled_squares=float(sum(size * size for size in sizes)),
            tokens=0,
            residual_squares=0.0,
        ),
        seconds=time.process_time() - started,
    )


def _stored_so_far(shard: Shard, reader: ShardReader) -> int:
    """Return how much of a shard its beginning takes; of parquet, all of which is read for its digest, about."""
    if reader.bytes_so_far < shard.size:
        return reader.bytes_so_far
    return int(shard.size * min(1.0, reader.text_bytes / max(1.0, estimated_text_bytes(shard))))


def _sampled_lines(
    records: pa.RecordBatch, source: SourceSpec, seed: int, document_share: float
) -> Iterator[tuple[bytes, int]]:
    """Yield the documents of a batch that the sample takes, as lines of JSON, with the sizes of their texts."""
    halves = digest_halves(text_digests(TextColumn.from_arrow(records.column("text"))))
    chosen = records.take(pa.array(np.flatnonzero(is_in_sample(halves, seed, document_share))))
    for name, text, metadata in zip(
        *(chosen.column(key).to_pylist() for key in ("id", "text", "metadata")), strict=True
    ):
        rest = metadata.strip()[1:-1]
        own = json.dumps({source.id_field: name, source.text_field: text})[1:-1]
        yield f"{{{', '.join(filter(None, [own, rest]))}}}\n".encode(), len(text.encode())
