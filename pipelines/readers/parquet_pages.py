"""How large the pages of a Parquet column chunk are, before any of them is decoded.

Arrow decodes a page as a whole, and a value of a dictionary page as often as rows point to it; the footer says
nothing of either. The page headers do: structs in Thrift's compact protocol, read here field by field.
Source: `parquet.thrift` and "Thrift compact protocol encoding", Apache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_HEADER_BYTES = 4096  # read at first: more than a header without large statistics needs
_MAX_HEADER_BYTES = 1024 * 1024
_MAX_DEPTH = 8  # a page header needs three
_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE = 2, 3  # field numbers of PageHeader
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRange:
    """Where the pages of a column chunk lie in the file, in bytes."""

    start: int
    size: int


def page_sizes(file: BinaryIO, chunk: ChunkRange) -> Iterator[int]:
    """Yield the uncompressed size of each page of a chunk, dictionary pages included, in bytes.

    Raises:
        ValueError: A page header makes no sense.
    """
    position = chunk.start
    while position < chunk.start + chunk.size:
        fields, header_bytes = _read_header(file, position)
        uncompressed, compressed = fields.get(_UNCOMPRESSED_SIZE, -1), fields.get(_COMPRESSED_SIZE, -1)
        if uncompressed < 0 or compressed < 0:
            raise ValueError("a page header without sizes")
        yield uncompressed
        position += header_bytes + compressed


def _read_header(file: BinaryIO, position: int) -> tuple[dict[int, int], int]:
    size = _HEADER_BYTES
    while True:
        file.seek(position)
        data = file.read(size)
        try:
            return _struct(data, 0, _MAX_DEPTH)
        except IndexError:
            if len(data) < size or size >= _MAX_HEADER_BYTES:
                raise ValueError("a page header without end") from None
        size *= 4


def _struct(data: bytes, position: int, depth: int) -> tuple[dict[int, int], int]:
    """Return the integer fields of a struct by number, and where it ends; IndexError where the data end before."""
    if not depth:
        raise ValueError("a page header nested too deeply")
    fields: dict[int, int] = {}
    number = 0
    while data[position]:
        delta, kind = data[position] >> 4, data[position] & 15
        position += 1
        if delta:
            number += delta
        else:
            number, position = _integer(data, position)
        if kind in (_I16, _I32, _I64):
            fields[number], position = _integer(data, position)
        elif kind == _STRUCT:
            _, position = _struct(data, position, depth - 1)
        else:
            position = _skip(data, position, kind)
    return fields, position + 1


def _skip(data: bytes, position: int, kind: int) -> int:
    """Return where a value that is neither integer nor struct ends."""
    if kind in (_TRUE, _FALSE):
        return position
    if kind == _BYTE:
        return position + 1
    if kind == _DOUBLE:
        return position + 8
    if kind == _BINARY:
        length, position = _unsigned(data, position)
        return position + length
    raise ValueError(f"a page header with a field of type {kind}")


def _integer(data: bytes, position: int) -> tuple[int, int]:
    value, position = _unsigned(data, position)
    return (value >> 1) ^ -(value & 1), position


def _unsigned(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a page header with an endless number")
