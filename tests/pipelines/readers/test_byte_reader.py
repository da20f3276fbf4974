"""Lines, blocks and offsets, wherever the pieces of the stream end."""

import random

import pytest

from pipelines.readers.byte_reader import ByteReader


def _reader(data: bytes, size: int) -> ByteReader:
    return ByteReader(iter([data[start : start + size] for start in range(0, len(data), size)]))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_known_reads_do_not_depend_on_the_pieces(size: int) -> None:
    reader = _reader(b"first\nsecond\n12345rest", size)
    assert reader.line(100) == b"first\n"
    assert reader.offset == 6
    assert reader.line(3) == b"sec"
    assert reader.line(100) == b"ond\n"
    assert reader.take(3) == b"123"
    assert reader.skip(2) == 2
    assert reader.offset == 18
    assert reader.line(100) == b"rest"
    assert reader.take(5) == b""
    assert reader.line(5) == b""
    assert reader.skip(5) == 0


def test_nothing_asked_is_nothing_read() -> None:
    reader = _reader(b"abc", 1)
    assert (reader.take(0), reader.line(0), reader.skip(0), reader.offset) == (b"", b"", 0, 0)


def test_any_sequence_of_reads_joins_to_the_stream() -> None:
    chance = random.Random(3)
    data = bytes(chance.choices(b"ab\n", k=2000))
    for size in (1, 7, 64):
        reader = _reader(data, size)
        seen = b""
        while reader.offset < len(data):
            before = reader.offset
            asked = chance.randrange(1, 20)
            match chance.randrange(3):
                case 0:
                    part = reader.take(asked)
                case 1:
                    part = reader.line(asked)
                    assert part.count(b"\n") == part.endswith(b"\n")
                case _:
                    part = data[before : before + reader.skip(asked)]
            seen += part
            assert reader.offset == before + len(part)
        assert seen == data
