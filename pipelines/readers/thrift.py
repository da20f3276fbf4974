"""Thrift's compact protocol, as far as Parquet's footers and page headers use it.

Source: "Thrift compact protocol encoding", Apache. Arrow has a reader too, but some of its accessors end the process
when a footer is damaged.
"""

from typing import TypeAlias

Struct: TypeAlias = dict[int, object]
"""A struct's fields by their number."""

_MAX_DEPTH = 16  # Parquet's footer needs seven
_MAX_VALUES = 2_000_000  # of one struct: bounds the memory of hostile lists
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12


def read_struct(data: bytes) -> tuple[Struct, int]:
    """Return the struct at the beginning of the data, and how many bytes it takes.

    Raises:
        EOFError: The data end within the struct.
        ValueError: They are no struct.
    """
    reader = _Reader(data)
    struct = reader.struct(_MAX_DEPTH)
    return struct, reader.position


class _Reader:
    """Walks through the data, value by value."""

    def __init__(self, data: bytes) -> None:
        self.position = 0
        self._data = data
        self._num_values = 0

    def struct(self, depth: int) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._integer()
            fields[number] = kind == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> object:
        self._num_values += 1
        if not depth or self._num_values > _MAX_VALUES:
            raise ValueError("nested too deeply, or too many values")
        if kind in (_I16, _I32, _I64):
            return self._integer()
        if kind == _BINARY:
            return self._bytes(self._unsigned())
        if kind in (_LIST, _SET):
            return self._list(depth - 1)
        if kind == _STRUCT:
            return self.struct(depth - 1)
        if kind in (_TRUE, _FALSE, _BYTE):  # in a list a boolean is a byte
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise ValueError(f"no value is of type {kind}")

    def _list(self, depth: int) -> list[object]:
        head = self._byte()
        size, kind = head >> 4, head & 15
        if size == 15:
            size = self._unsigned()
        return [self._value(kind, depth) for _ in range(size)]

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise ValueError("a number without end")
        return value | byte << shift

    def _byte(self) -> int:
        if self.position >= len(self._data):
            raise EOFError
        self.position += 1
        return self._data[self.position - 1]

    def _bytes(self, size: int) -> bytes:
        self.position += size
        if self.position > len(self._data):
            raise EOFError
        return self._data[self.position - size : self.position]
