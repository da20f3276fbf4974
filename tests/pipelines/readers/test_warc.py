"""WARC framing: lengths are kept to, and every cut but one between records is seen."""

import pytest

from pipelines.readers.byte_reader import ByteReader
from pipelines.readers.decompression import StreamDamage
from pipelines.readers.warc import read_records
from tests.pipelines.readers.making import some_records, warc_record


def _read(data: bytes, piece_bytes: int = 100) -> tuple[list[tuple[str, bytes]], StreamDamage | None]:
    pieces = iter([data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes)])
    records = []
    try:
        for record in read_records(ByteReader(pieces)):
            block = record.take(record.bytes_left)
            record.finish()
            assert data[record.offset : record.offset + record.num_bytes].endswith(block)
            records.append((record.kind, block))
    except StreamDamage as damage:
        return records, damage
    return records, None


def test_records_come_with_headers_block_and_place() -> None:
    first = warc_record("warcinfo", b"one", WARC_Date="2024-01-01T00:00:00Z")
    stream = ByteReader(iter([first + warc_record("response", b"1234567890")]))
    records = read_records(stream)
    info = next(records)
    assert (info.row, info.offset, info.kind, info.num_bytes) == (0, 0, "warcinfo", len(first) - 4)
    assert info.headers["warc-date"] == "2024-01-01T00:00:00Z"
    info.finish()
    response = next(records)
    assert (response.row, response.offset) == (1, len(first))
    assert response.take(4) == b"1234"
    assert response.bytes_left == 6
    assert response.take(100) == b"567890"
    response.finish()
    assert next(records, None) is None


def test_nothing_holds_no_records() -> None:
    assert _read(b"") == ([], None)


@pytest.mark.parametrize("piece_bytes", [1, 7, 10_000])
def test_every_cut_but_one_between_records_is_truncation(piece_bytes: int) -> None:
    records = some_records(3)
    whole = b"".join(records)
    ends = [sum(len(record) for record in records[:count]) for count in range(len(records) + 1)]
    for cut in range(len(whole)):
        read, damage = _read(whole[:cut], piece_bytes)
        assert len(read) == sum(end <= cut for end in ends[1:])
        if cut in ends:
            assert damage is None
        else:
            assert damage is not None, cut
            assert damage.reason == "truncated"
            assert damage.byte_offset == cut


def test_folded_and_repeated_headers_are_understood() -> None:
    data = b"WARC/1.1\nWarc-Type: Response\nX:  a \n  b\nX: c\nContent-Length: 1\n\n."
    record = next(read_records(ByteReader(iter([data]))))
    assert record.kind == "response"
    assert record.headers["x"] == "a b"


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"garbage of some length\n", "no WARC record begins here"),
        (b"\r\n\r\n" + warc_record("warcinfo", b""), "no WARC record begins here"),
        (b"WARC/1.0\r\nno colon\r\n\r\n", "header makes no sense"),
        (b"WARC/1.0\r\n" + b"a: b\r\n" * 2_000 + b"\r\n", "header makes no sense"),
        (b"WARC/1.0\r\nA: " + b"b" * 70_000, "header makes no sense"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "without a Content-Length"),
        (b"WARC/1.0\r\nContent-Length: -1\r\n\r\n", "without a Content-Length"),
        (b"WARC/1.0\r\nContent-Length: 1\r\n\r\nabc\r\n\r\n", "longer than its Content-Length"),
    ],
)
def test_what_is_no_record_is_corrupt(data: bytes, detail: str) -> None:
    whole = warc_record("warcinfo", b"fine") + data
    read, damage = _read(whole)
    assert len(read) == 1
    assert damage is not None
    assert damage.reason == "corrupt"
    assert detail in damage.detail
    assert damage.byte_offset == len(whole) - len(data)
