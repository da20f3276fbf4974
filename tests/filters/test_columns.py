"""Columns of texts over Arrow buffers."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.columns import TextColumn
from tests.filters.texts import column, texts

TEXTS = ["", "a", "ä\n", "", "\U0001f600", "last"]


def strings_of(found: TextColumn) -> list[str]:
    return [found.text(document) for document in range(found.num_documents)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_texts_of_an_array_come_back(kind: pa.DataType) -> None:
    assert strings_of(TextColumn.from_arrow(pa.array(TEXTS, kind))) == TEXTS


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize(("start", "end"), [(0, 6), (1, 3), (3, 3), (6, 6), (2, 6)])
def test_texts_of_a_sliced_array_come_back(kind: pa.DataType, start: int, end: int) -> None:
    array = pa.array(TEXTS, kind)[start:end]
    assert strings_of(TextColumn.from_arrow(array)) == TEXTS[start:end]


def test_a_slice_of_a_record_batch_of_a_file_comes_back() -> None:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"text": pa.array(TEXTS)})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    read = pa.ipc.open_stream(sink.getvalue()).read_next_batch().slice(1, 4)
    assert strings_of(TextColumn.from_arrow(read.column("text"))) == TEXTS[1:5]


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_columns_without_text_have_no_bytes(texts: list[str]) -> None:
    found = column(texts)
    assert (found.num_documents, found.num_bytes) == (len(texts), 0)


def test_no_byte_of_text_is_copied_and_none_can_be_written() -> None:
    array = pa.array(TEXTS)
    found = TextColumn.from_arrow(array)
    assert found.data.ctypes.data == array.buffers()[2].address
    assert not found.data.flags.writeable
    assert not found.offsets.flags.writeable


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (pa.array(["a", None]), "1 nulls"),
        (pa.array([b"a"]), "found binary"),
        (pa.chunked_array([["a"]]), "chunked array of string"),
    ],
)
def test_other_arrays_are_refused(array: pa.Array, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        TextColumn.from_arrow(array)


@given(st.lists(texts(), max_size=8), st.integers(1, 300))
def test_slices_hold_all_documents_in_order_and_little_text_each(documents: list[str], max_bytes: int) -> None:
    slices = list(column(documents).slices(max_bytes))
    assert [text for part in slices for text in strings_of(part)] == documents
    assert all(part.num_bytes <= max_bytes or part.num_documents == 1 for part in slices)
    assert all(part.num_documents for part in slices)


@given(texts(), st.integers(1, 50))
def test_the_beginning_of_a_text_ends_between_characters(text: str, max_characters: int) -> None:
    assert column(["before", text, "after"]).text(1, max_characters) == text[:max_characters]


def test_offsets_need_not_begin_at_zero() -> None:
    data = np.frombuffer(b"skip this: text", np.uint8)
    assert strings_of(TextColumn(data, np.array([11, 13, 15]))) == ["te", "xt"]
