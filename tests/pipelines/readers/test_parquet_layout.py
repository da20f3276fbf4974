"""The footer and the page headers: what Arrow wrote, known bytes, and what makes no sense."""

import io

import pyarrow.parquet as pq
import pytest

from pipelines.readers.parquet_layout import Chunk, Page, read_layout, read_pages
from tests.pipelines.readers.making import parquet


def _number(value: int) -> bytes:
    """Return a number as Thrift's compact protocol writes it: zigzag, seven bits a byte."""
    value = value << 1 if value >= 0 else (-value << 1) - 1
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def _header(uncompressed: int, compressed: int, rest: bytes = b"") -> bytes:
    return b"\x15" + _number(0) + b"\x15" + _number(uncompressed) + b"\x15" + _number(compressed) + rest + b"\0"


def _sizes(data: bytes, start: int = 0) -> list[int]:
    chunk = Chunk(path=("text",), num_values=1, start=start, num_bytes=len(data) - start)
    return [page.num_bytes for page in read_pages(io.BytesIO(data), chunk)]


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_layout_is_the_one_that_arrow_sees(version: str) -> None:
    columns = {"text": [f"text {number}" * 9 for number in range(300)], "s": [{"a": 1, "b": [2, 3]}] * 300}
    data = parquet(columns, row_group_size=200, data_page_size=500, data_page_version=version, compression="none")
    file = io.BytesIO(data)
    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    groups = read_layout(file)
    assert [group.num_rows for group in groups] == [200, 100]
    for number, group in enumerate(groups):
        assert [chunk.path for chunk in group.chunks] == [("text",), ("s", "a"), ("s", "b", "list", "element")]
        for place, chunk in enumerate(group.chunks):
            expected = metadata.row_group(number).column(place)
            assert chunk.num_values == expected.num_values
            assert chunk.num_bytes == expected.total_compressed_size
            assert chunk.start == min(expected.dictionary_page_offset, expected.data_page_offset)
            pages = list(read_pages(file, chunk))
            assert [page.is_dictionary for page in pages] == [True] + [False] * (len(pages) - 1)
            assert sum(page.num_values for page in pages) == chunk.num_values
            sizes = [page.num_bytes for page in pages]
            assert len(sizes) > 1
            assert sum(sizes) < expected.total_uncompressed_size <= sum(sizes) + 100 * len(sizes)


def test_a_footer_longer_than_the_file_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than the file"):
        read_layout(io.BytesIO(b"PAR1" + b"\0" * 10 + (1000).to_bytes(4, "little") + b"PAR1"))


def test_sizes_of_pages_come_in_their_order() -> None:
    pages = _header(1_000_000, 5) + b"12345" + _header(7, 0) + _header(300, 3) + b"abc"
    assert _sizes(pages) == [1_000_000, 7, 300]
    assert _sizes(b"before" + pages, start=6) == [1_000_000, 7, 300]
    assert _sizes(b"") == []


def test_a_page_tells_its_kind_and_its_values() -> None:
    pages = b"\x15\x04\x15\x02\x15\x00\0" + b"\x15\x06\x15\x02\x15\x00\x5c\x15\x14\0\0"
    chunk = Chunk(path=("text",), num_values=10, start=0, num_bytes=len(pages))
    assert list(read_pages(io.BytesIO(pages), chunk)) == [
        Page(is_dictionary=True, num_bytes=1, num_values=0),
        Page(is_dictionary=False, num_bytes=1, num_values=10),
    ]


def test_a_header_longer_than_the_first_read_is_read_again() -> None:
    statistics = b"\x18" + b"\xa0\x9c\x01" + b"s" * 20_000  # a binary of 20,000 bytes
    assert _sizes(_header(9, 1, statistics) + b"x" + _header(8, 0)) == [9, 8]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (_header(9, 0)[:-1], "does not end"),
        (b"\x18\xff\xff\xff\x7f", "does not end"),
        (b"\0", "missing"),
        (_header(-1, 0), "negative"),
        (_header(9, -5), "negative"),
    ],
)
def test_page_headers_that_make_no_sense_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        _sizes(data)
