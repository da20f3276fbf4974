"""Documents one by one become record batches; damage becomes the last thing a shard yields."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pipelines.documents import BATCH_SCHEMA, Failure, ShardDamage
from pipelines.readers.decompression import StreamDamage

_MAX_ROWS = 32_768  # bounds the Python objects behind a batch of very short documents


class Document(NamedTuple):
    """One document; the columns of `BATCH_SCHEMA` in their order, strings as UTF-8 bytes."""

    id: bytes
    text: bytes
    row: int
    byte_offset: int
    byte_length: int
    metadata: bytes


def pack(records: Iterable[Document | Failure], batch_bytes: int) -> Iterator[pa.RecordBatch | Failure | ShardDamage]:
    """Yield the documents as record batches in their order, and every failure as it comes.

    A batch holds at most `batch_bytes` of ids, texts and metadata, or one document. The documents before a damage
    come first, then the damage.
    """
    pending: list[Document] = []
    num_bytes = 0
    damage: ShardDamage | None = None
    try:
        for record in records:
            if isinstance(record, Failure):
                yield record
                continue
            size = len(record.text) + len(record.metadata) + len(record.id)
            if pending and (num_bytes + size > batch_bytes or len(pending) == _MAX_ROWS):
                yield _batch(pending)
                pending = []
                num_bytes = 0
            pending.append(record)
            num_bytes += size
    except StreamDamage as error:
        damage = ShardDamage(byte_offset=error.byte_offset, reason=error.reason, detail=error.detail)
    if pending:
        yield _batch(pending)
    if damage is not None:
        yield damage


def _batch(documents: list[Document]) -> pa.RecordBatch:
    columns = zip(*documents, strict=True)
    return pa.RecordBatch.from_arrays(
        [
            _strings(column) if field.type == pa.string() else pa.array(column, field.type)
            for column, field in zip(columns, BATCH_SCHEMA, strict=True)
        ],
        schema=BATCH_SCHEMA,
    )


def _strings(values: Sequence[bytes]) -> pa.StringArray:
    """Return a column of strings; that they are UTF-8 the readers have seen to."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(values)))
