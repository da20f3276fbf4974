"""Where the columns of a Parquet file lie and how large their pages are, before any of them is decoded.

Arrow decodes a page as a whole, and a value of a dictionary as often as rows point to it; page headers tell the sizes
of both. Source: `parquet.thrift`, Apache; numbers of fields are from there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from pipelines.readers.thrift import Struct, read_struct

_Kind = TypeVar("_Kind")

MAGIC = b"PAR1"
"""The first and the last bytes of a Parquet file."""

_TAIL_BYTES = 8  # length of the footer, magic
_DICTIONARY = 2  # a type of page
_DATA_HEADERS = {0: 5, 3: 8}  # type of page -> field with the header of its data
_HEADER_BYTES = 4096  # read at first: more than a page header without large statistics needs
_MAX_HEADER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The values of one leaf column in one row group."""

    path: tuple[str, ...]  # of the leaf: the column's name first
    num_values: int
    start: int  # of its first page in the file
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page as its header tells of it."""

    is_dictionary: bool
    num_bytes: int  # when decompressed
    num_values: int  # 0 for a dictionary


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """A row group as the footer tells of it."""

    num_rows: int
    chunks: tuple[Chunk, ...]


def read_layout(file: BinaryIO) -> list[RowGroup]:
    """Return the row groups of a file that ends with the magic.

    Raises:
        ValueError: The footer makes no sense.
    """
    end = file.seek(-_TAIL_BYTES, 2)
    size = int.from_bytes(file.read(4), "little")
    if size > end - len(MAGIC):
        raise ValueError("the footer is longer than the file")
    file.seek(end - size)
    try:
        footer, _ = read_struct(file.read(size))
    except EOFError:
        raise ValueError("the footer ends too early") from None
    return [_row_group(_checked(group, dict)) for group in _checked(footer.get(4), list)]


def read_pages(file: BinaryIO, chunk: Chunk) -> Iterator[Page]:
    """Yield what the page headers of a chunk say, in the order of the pages.

    Raises:
        ValueError: A page header makes no sense.
    """
    position = chunk.start
    while position < chunk.start + chunk.num_bytes:
        header, header_bytes = _read_header(file, position)
        kind = _size(header.get(1))
        data_header = _checked(header.get(_DATA_HEADERS[kind], {}), dict) if kind in _DATA_HEADERS else {}
        yield Page(
            is_dictionary=kind == _DICTIONARY,
            num_bytes=_size(header.get(2)),
            num_values=_size(data_header.get(1, 0)),
        )
        position += header_bytes + _size(header.get(3))


def _row_group(group: Struct) -> RowGroup:
    columns = [_checked(_checked(column, dict).get(3), dict) for column in _checked(group.get(1), list)]
    return RowGroup(num_rows=_size(group.get(3)), chunks=tuple(_chunk(column) for column in columns))


def _chunk(column: Struct) -> Chunk:
    start = _size(column.get(9))
    dictionary = _size(column.get(11, 0))
    return Chunk(
        path=tuple(_checked(part, bytes).decode() for part in _checked(column.get(3), list)),
        num_values=_size(column.get(5)),
        start=min(start, dictionary) if dictionary else start,
        num_bytes=_size(column.get(7)),
    )


def _read_header(file: BinaryIO, position: int) -> tuple[Struct, int]:
    size = _HEADER_BYTES
    while True:
        file.seek(position)
        data = file.read(size)
        try:
            return read_struct(data)
        except EOFError:
            if len(data) < size or size >= _MAX_HEADER_BYTES:
                raise ValueError("a page header does not end") from None
        size *= 4


def _size(value: object) -> int:
    size = _checked(value, int)
    if size < 0:
        raise ValueError("a size or place is negative")
    return size


def _checked(value: object, kind: type[_Kind]) -> _Kind:
    if not isinstance(value, kind):
        raise ValueError(f"a {kind.__name__} is missing")  # noqa: TRY004  # the file's mistake, not the caller's
    return value
