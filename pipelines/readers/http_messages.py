"""HTTP responses as crawlers store them: status, headers, and the body without its transfer and content encodings.

Crawlers often store a body decoded and leave the headers as the server sent them, so a body that is not encoded the
way its headers say is taken as it is; one that is, but is damaged, is refused.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import brotli  # type: ignore[import-untyped]  # its wheel has no types

from pipelines.readers.decompression import StreamDamage, decompress
from pipelines.readers.settings import MEBIBYTE

_STATUS_LINE = re.compile(rb"HTTP/[0-9](?:\.[0-9])? +([0-9]{3})[^\n]*\n")
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_HEAD = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_PIECE_BYTES = MEBIBYTE
_ZLIB_METHOD = 8  # deflate, in the low half of a zlib stream's first byte
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

HEAD_BYTES = 64 * 1024
"""Bytes at the beginning of a message within which its headers must end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpHead:
    """Status and headers of a response."""

    status: int
    headers: dict[str, str]  # names in lower case; the first of several
    num_bytes: int  # of the head, its blank line included

    @property
    def content_type(self) -> str:
        """Return the media type without parameters, in lower case; empty where none is stated."""
        return media_type(self.headers.get("content-type", ""))


def media_type(value: str) -> str:
    """Return the media type of a Content-Type header without its parameters, in lower case."""
    return value.partition(";")[0].strip().lower()


def parse_head(data: bytes) -> HttpHead | None:
    """Return the head at the beginning of a message; None where there is none."""
    status = _STATUS_LINE.match(data)
    if status is None:
        return None
    end = _HEADERS_END.search(data, status.end() - 1)
    stop, num_bytes = (end.start(), end.end()) if end else (len(data), len(data))
    headers: dict[str, str] = {}
    for line in data[status.end() : stop].split(b"\n"):
        name, _, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return HttpHead(status=int(status[1]), headers=headers, num_bytes=num_bytes)


def decode_body(body: bytes, headers: dict[str, str], max_bytes: int) -> bytes:
    """Return a body without its transfer and content encodings.

    Raises:
        ValueError: An encoding is unknown or damaged.
        OverflowError: The body has more than `max_bytes`.
    """
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _join_chunks(body)
    encodings = [name.strip().lower() for name in headers.get("content-encoding", "").split(",")]
    for encoding in reversed(encodings):
        if encoding in ("", "identity", "none", "utf-8", "8bit", "binary"):
            continue
        if encoding not in _DECODERS:
            raise ValueError(f"unknown content encoding '{encoding[:40]}'")
        body = _bounded(_DECODERS[encoding](body), max_bytes)
    return body


def _join_chunks(body: bytes) -> bytes:
    """Return the data of a chunked body; the body itself where it is not chunked; what is there where it is cut."""
    parts: list[bytes] = []
    position = 0
    while head := _CHUNK_HEAD.match(body, position):
        size = int(head[1], 16)
        part = body[head.end() : head.end() + size]
        parts.append(part)
        position = head.end() + size
        if not size or len(part) < size:
            break
        position += 2 if body.startswith(b"\r\n", position) else 1 if body.startswith(b"\n", position) else 0
    return b"".join(parts) if position else body


def _bounded(pieces: Iterator[bytes], max_bytes: int) -> bytes:
    decoded = bytearray()
    for piece in pieces:
        decoded += piece
        if len(decoded) > max_bytes:
            raise OverflowError(f"the body has more than {max_bytes:,} bytes")
    return bytes(decoded)


def _source(body: bytes) -> Callable[[int], bytes]:
    position = 0

    def read(size: int) -> bytes:
        nonlocal position
        position += size
        return body[position - size : position]

    return read


def _decompress(body: bytes, compression: str) -> Iterator[bytes]:
    try:
        yield from decompress(_source(body), compression, max_ratio=len(body) + 1_000_000)
    except StreamDamage as damage:
        raise ValueError(f"{compression} body: {damage.detail}") from damage


def _gzip(body: bytes) -> Iterator[bytes]:
    return _decompress(body, "gzip") if body.startswith(_GZIP_MAGIC) else iter([body])


def _zstd(body: bytes) -> Iterator[bytes]:
    return _decompress(body, "zstd") if body.startswith(_ZSTD_MAGIC) else iter([body])


def _deflate(body: bytes) -> Iterator[bytes]:
    """Yield the data of a zlib stream, or of a bare deflate stream, which some servers send."""
    has_header = len(body) > 1 and body[0] & 15 == _ZLIB_METHOD and int.from_bytes(body[:2], "big") % 31 == 0
    decoder = zlib.decompressobj(wbits=15 if has_header else -15)
    rest = body
    try:
        while rest and not decoder.eof:
            yield decoder.decompress(rest, _PIECE_BYTES)
            rest = decoder.unconsumed_tail
    except zlib.error as error:
        raise ValueError(f"deflate body: {error}") from error
    if not decoder.eof:
        raise ValueError("deflate body: ends within compressed data")


def _brotli(body: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    rest = body
    try:
        while not decoder.is_finished():
            piece = decoder.process(rest, output_buffer_limit=_PIECE_BYTES)
            rest = b""
            if not piece and decoder.can_accept_more_data() and not decoder.is_finished():
                raise ValueError("brotli body: ends within compressed data")
            yield piece
    except brotli.error as error:
        raise ValueError("brotli body: cannot be decompressed") from error


def _unless_markup(decode: Callable[[bytes], Iterator[bytes]]) -> Callable[[bytes], Iterator[bytes]]:
    """Return a decoder that takes a body as it is where it cannot be decoded and is markup."""

    def decode_or_take(body: bytes) -> Iterator[bytes]:
        try:
            yield from decode(body)
        except ValueError:
            if not body.lstrip().startswith(b"<"):
                raise
            yield body

    return decode_or_take


_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "zstd": _zstd,
    "deflate": _unless_markup(_deflate),
    "br": _unless_markup(_brotli),
}
