"""WARC records: their headers and blocks, strictly by the length that they state.

Source: "The WARC Format 1.1", IIPC; records of versions 0.17 to 1.1 are read.
"""

import re
from collections.abc import Iterator

from pipelines.readers.byte_reader import ByteReader
from pipelines.readers.decompression import StreamDamage

_VERSION = re.compile(rb"WARC/[0-9]+\.[0-9]+\r?\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_MAX_LINE_BYTES = 64 * 1024
_MAX_HEADER_LINES = 1000
_END = b"\r\n\r\n"


class WarcRecord:
    """One record: its headers, and its block as far as it is wanted."""

    def __init__(self, stream: ByteReader, row: int, offset: int, headers: dict[str, str], length: int) -> None:
        self.row = row  # number of the record in the shard, from 0
        self.offset = offset  # of the record in the decompressed shard
        self.headers = headers  # names in lower case; the first of several
        self._stream = stream
        self._end = stream.offset + length

    @property
    def kind(self) -> str:
        """Return the record's type in lower case."""
        return self.headers.get("warc-type", "").lower()

    @property
    def num_bytes(self) -> int:
        """Return the length of header and block."""
        return self._end - self.offset

    @property
    def bytes_left(self) -> int:
        """Return how much of the block was not taken yet."""
        return self._end - self._stream.offset

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes of the block; fewer at its end.

        Raises:
            StreamDamage: The shard ends within the block.
        """
        wanted = min(size, self.bytes_left)
        data = self._stream.take(wanted)
        if len(data) < wanted:
            raise _truncated(self._stream)
        return data

    def finish(self) -> None:
        """Pass over what is left of the block and check that the record ends there.

        Raises:
            StreamDamage: The shard ends within the record, or the stated length is not that of the block.
        """
        self._stream.skip(self.bytes_left)
        end = self._stream.take(len(_END))
        if end != _END:
            if _END.startswith(end):
                raise _truncated(self._stream)
            raise StreamDamage("corrupt", "a record is longer than its Content-Length says", self.offset)


def read_records(stream: ByteReader) -> Iterator[WarcRecord]:
    """Yield the records of a WARC file; each one must be finished before the next is asked for.

    Raises:
        StreamDamage: The file is cut or corrupt.
    """
    row = 0
    while True:
        offset = stream.offset
        line = stream.line(_MAX_LINE_BYTES)
        if not line:
            return
        if not _VERSION.fullmatch(line):
            if b"\n" not in line and b"WARC/0.0\r\n".startswith(line[:5]) and len(line) < len("WARC/0.17\r\n"):
                raise _truncated(stream)
            raise StreamDamage("corrupt", "no WARC record begins here", offset)
        headers = _read_headers(stream, offset)
        length = headers.get("content-length", "")
        if not _LENGTH.fullmatch(length):
            raise StreamDamage("corrupt", "a record without a Content-Length", offset)
        yield WarcRecord(stream, row, offset, headers, int(length))
        row += 1


def _read_headers(stream: ByteReader, offset: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for _ in range(_MAX_HEADER_LINES):
        line = stream.line(_MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            if len(line) < _MAX_LINE_BYTES:
                raise _truncated(stream)
            break
        text = line.decode(errors="replace").rstrip("\r\n")
        if not text:
            return headers
        if text[0] in " \t" and name:  # a header folded over lines
            headers[name] += " " + text.strip()
            continue
        name, colon, value = text.partition(":")
        if not colon:
            break
        name = name.strip().lower()
        headers.setdefault(name, value.strip())
    raise StreamDamage("corrupt", "a WARC header makes no sense", offset)


def _truncated(stream: ByteReader) -> StreamDamage:
    return StreamDamage("truncated", "ends within a WARC record", stream.offset)
