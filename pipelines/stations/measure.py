"""Measure: leave one row for each record of a unit, with every measure and both digests.

Documents beyond the source's sample have no measures: theirs are null.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.definitions import MeasureGroup
from mixes.errors import DataError
from pipelines.documents import Failure, ShardDamage
from pipelines.listing import Shard
from pipelines.plan import Unit
from pipelines.readers import ShardReader
from pipelines.settings import BuildSettings, SourceSettings
from pipelines.stations.digests import digest_halves
from pipelines.stations.texts import FailedRecord, Read, ReadBatch, ReadShard, UnitFiles

_EXCERPT_CHARACTERS = 600
_EXCERPTS = 512  # documents of a unit that keep an excerpt for certain; later ones ever more rarely
_ROWS_A_GROUP = 65_536

BASE_COLUMNS = [
    pa.field("shard", pa.int32()),  # index in the unit
    pa.field("row", pa.int64()),
    pa.field("byte_offset", pa.int64()),
    pa.field("byte_length", pa.int64()),
    pa.field("id", pa.string()),
    pa.field("id_key", pa.uint64()),  # 64-bit digest of the id: the order of ids without their strings
    pa.field("digest", pa.binary(16)),  # BLAKE2b of the text after span edits
    pa.field("bytes", pa.int64()),  # UTF-8 bytes of the text as it was read; of a failed record its bytes in the shard
    pa.field("failure", pa.dictionary(pa.int32(), pa.string())),
    pa.field("detail", pa.string()),
    pa.field("excerpt", pa.string()),
]


def measures_uri(settings: BuildSettings, unit: Unit) -> str:
    """Return where the measures of a unit lie."""
    return settings.uri(settings.sources[unit.source].measures_folder, f"{unit.name}.parquet")


def edit_column(reason: str) -> str:
    """Return the column of the bytes that a document loses to span edits for one reason."""
    return f"edit_{reason}"


def measure_files(unit: Unit, settings: BuildSettings, groups: Callable[[], Sequence[MeasureGroup]]) -> UnitFiles:
    """Return the file of a unit's measures, not yet made.

    The file's metadata holds, under `gristmill`, one JSON object a shard: name, digest, stored bytes, what was
    skipped and the damage, if any.

    Args:
        unit: The unit.
        settings: The build's settings.
        groups: Gives the measure groups of its source, set up; not called where the file is not made.
    """
    return UnitFiles(
        uris=(measures_uri(settings, unit),),
        start=lambda streams: _UnitMeasurer(unit, settings.sources[unit.source], groups(), *streams),
    )


class _UnitMeasurer:
    """Writes the rows of one unit, in the order in which its shards give them."""

    def __init__(self, unit: Unit, source: SourceSettings, groups: Sequence[MeasureGroup], stream: BinaryIO) -> None:
        self._unit = unit
        self._groups = groups
        self._shards: list[dict[str, object]] = []
        self._failures: list[Failure] = []  # of one shard
        self._pending: list[pa.RecordBatch] = []
        self._num_pending = 0
        self._schema = pa.schema(
            [
                *BASE_COLUMNS,
                *(pa.field(edit_column(reason), pa.int64()) for reason in source.edit_reasons),
                *(pa.field(name, kind) for group in groups for name, kind in group.columns().items()),
            ]
        )
        self._of_groups = [name for group in groups for name in group.columns()]
        self._writer = pq.ParquetWriter(
            pa.PythonFile(stream, mode="w"), self._schema, compression="zstd", compression_level=3
        )

    def add(self, item: Read) -> None:
        """Measure documents, note failures and what was read of a shard.

        Raises:
            DataError: A measure cannot be taken.
        """
        match item:
            case ReadBatch():
                self._add_rows(self._measure_batch(item))
            case FailedRecord():
                self._failures.append(item.failure)
                if len(self._failures) >= _ROWS_A_GROUP:
                    self._add_failures(item.shard)
            case ReadShard():
                self._add_failures(item.shard)
                self._shards.append(describe_shard(self._unit.shards[item.shard], item.reader, item.damage))

    def finish(self) -> None:
        """Write the last rows, if none then an empty table, and what was read."""
        self._write()
        self._writer.add_key_value_metadata({"gristmill": json.dumps({"shards": self._shards}, sort_keys=True)})
        self._writer.close()

    def abandon(self) -> None:
        """Close the writer while its stream is open."""
        self._writer.close()

    def _add_failures(self, shard: int) -> None:
        if self._failures:
            self._add_rows(self._failed_rows(shard, self._failures))
            self._failures = []

    def _add_rows(self, rows: pa.RecordBatch) -> None:
        self._pending.append(rows)
        self._num_pending += rows.num_rows
        if self._num_pending >= _ROWS_A_GROUP:
            self._write()

    def _write(self) -> None:
        table = pa.Table.from_batches(self._pending, self._schema).unify_dictionaries()
        self._writer.write_table(table, row_group_size=_ROWS_A_GROUP)
        self._pending, self._num_pending = [], 0

    def _measure_batch(self, batch: ReadBatch) -> pa.RecordBatch:
        records, num_rows = batch.records, batch.records.num_rows
        digests, sampled = batch.digests, batch.sampled
        removed = batch.edits.removed_bytes(num_rows)
        measured: dict[str, object] = {
            edit_column(reason): row for reason, row in zip(batch.edits.reasons, removed, strict=True)
        }
        for group in self._groups:
            try:
                measured.update(group.measure(sampled.read))
            except ValueError as error:
                first, last = (records.column("row")[place].as_py() for place in (0, -1))
                name = self._unit.shards[batch.shard].name
                raise DataError(f"{name}: rows {first:,} to {last:,}: {error}") from error
        if len(sampled.places) < num_rows:
            measured |= {name: _spread_out(measured[name], sampled.places, num_rows) for name in self._of_groups}
        rows: dict[str, object] = {
            "shard": np.full(num_rows, batch.shard, np.int32),
            "row": records.column("row"),
            "byte_offset": records.column("byte_offset"),
            "byte_length": records.column("byte_length"),
            "id": records.column("id"),
            "id_key": id_keys(records.column("id")),
            "digest": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), num_rows, [None, pa.py_buffer(digests)]),
            "bytes": np.diff(batch.read.texts.offsets),
            "excerpt": _excerpts(batch, digests),
            **measured,
        }
        return self._record_batch(rows, num_rows)

    def _failed_rows(self, index: int, failures: Sequence[Failure]) -> pa.RecordBatch:
        rows: dict[str, object] = {
            "shard": np.full(len(failures), index, np.int32),
            "row": [failure.row for failure in failures],
            "byte_offset": [failure.byte_offset for failure in failures],
            "byte_length": [failure.byte_length for failure in failures],
            "bytes": [max(failure.byte_length, 0) for failure in failures],
            "failure": [failure.reason for failure in failures],
            "detail": [failure.detail for failure in failures],
        }
        return self._record_batch(rows, len(failures))

    def _record_batch(self, rows: Mapping[str, object], num_rows: int) -> pa.RecordBatch:
        arrays = [
            _as_array(rows[field.name], field.type) if field.name in rows else pa.nulls(num_rows, field.type)
            for field in self._schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _excerpts(batch: ReadBatch, digests: bytes) -> list[str | None]:
    """Return the beginning of some texts, chosen by digest: all at first, then ever fewer, without any state."""
    texts = batch.read.texts
    seen = batch.first + np.arange(texts.num_documents, dtype=np.float64) + 1
    chosen = digest_halves(digests)[:, 0] / 2.0**64 < _EXCERPTS / seen
    view = texts.data.data
    starts, ends = texts.offsets[:-1], texts.offsets[1:]
    return [
        bytes(view[start : min(end, start + 4 * _EXCERPT_CHARACTERS)]).decode(errors="ignore")[:_EXCERPT_CHARACTERS]
        if keep
        else None
        for start, end, keep in zip(starts.tolist(), ends.tolist(), chosen.tolist(), strict=True)
    ]


def _spread_out(values: object, places: NDArray[np.int64], num_rows: int) -> pa.Array:
    """Return the values of some documents as those of a batch, null for all others."""
    indices = np.zeros(num_rows, np.int64)
    indices[places] = np.arange(len(places))
    is_absent = np.ones(num_rows, np.bool_)
    is_absent[places] = False
    array = values if isinstance(values, pa.Array) else pa.array(values)
    return array.take(pa.array(indices, mask=is_absent))


def _as_array(values: object, kind: pa.DataType) -> pa.Array:
    if isinstance(values, pa.Array):
        return values.cast(kind)
    return pa.array(values, kind)


def describe_shard(shard: Shard, reader: ShardReader, damage: ShardDamage | None) -> dict[str, object]:
    """Return what the manifest's provenance and the report need to know of a shard that was read."""
    return {
        "name": shard.name,
        "digest": reader.digest,
        "stored_bytes": reader.stored_bytes,
        "skipped": dict(sorted(reader.skipped.items())),
        "damage": {"reason": damage.reason, "detail": damage.detail, "byte_offset": damage.byte_offset}
        if damage
        else None,
    }


def id_keys(ids: pa.Array) -> NDArray[np.uint64]:
    """Return a 64-bit digest of each id, shape (num_documents,), uint64: an order of ids in eight bytes."""
    digests = b"".join(hashlib.blake2b(each.encode(), digest_size=8).digest() for each in ids.to_pylist())
    return np.frombuffer(digests, ">u8").astype(np.uint64)
