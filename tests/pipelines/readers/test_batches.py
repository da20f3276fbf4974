"""Packing: order, bounds, and damage last."""

from collections.abc import Iterator

import pyarrow as pa

from pipelines.documents import BATCH_SCHEMA, Failure, ShardDamage
from pipelines.readers.batches import Document, pack
from pipelines.readers.decompression import StreamDamage


def _document(row: int, size: int = 10) -> Document:
    return Document(f"{row:04d}".encode(), b"t" * size, row, row * 100, 90, b"{}")


def _batches(documents: list[Document], batch_bytes: int) -> list[pa.RecordBatch]:
    packed = list(pack(documents, batch_bytes))
    assert all(isinstance(batch, pa.RecordBatch) for batch in packed)
    return packed


def test_no_documents_make_no_batch() -> None:
    assert list(pack([], 100)) == []


def test_columns_hold_the_fields_of_the_documents() -> None:
    (batch,) = _batches([Document(b"a", "ü".encode(), 3, 70, 20, b'{"n":1}')], 100)
    assert batch.schema.equals(BATCH_SCHEMA)
    assert batch.to_pylist() == [
        {"id": "a", "text": "ü", "row": 3, "byte_offset": 70, "byte_length": 20, "metadata": '{"n":1}'}
    ]


def test_a_batch_holds_at_most_its_bytes_or_one_document() -> None:
    sizes = [10, 10, 84, 85, 500, 1, 1]  # 6 bytes of id and metadata each
    batches = _batches([_document(row, size) for row, size in enumerate(sizes)], 90)
    assert [batch.column("row").to_pylist() for batch in batches] == [[0, 1], [2], [3], [4], [5, 6]]


def test_a_batch_of_empty_texts_is_bounded_in_rows() -> None:
    batches = _batches([_document(row, 0) for row in range(40_000)], 1 << 30)
    assert [batch.num_rows for batch in batches] == [32_768, 40_000 - 32_768]


def test_failures_pass_through_and_damage_comes_last() -> None:
    failure = Failure(row=1, byte_offset=5, byte_length=2, reason="bad_json", detail="")

    def records() -> Iterator[Document | Failure]:
        yield _document(0)
        yield failure
        yield _document(2)
        raise StreamDamage("truncated", "cut", 77)

    found, batch, damage = pack(records(), 1000)
    assert found is failure
    assert isinstance(batch, pa.RecordBatch)
    assert batch.column("row").to_pylist() == [0, 2]
    assert damage == ShardDamage(byte_offset=77, reason="truncated", detail="cut")
