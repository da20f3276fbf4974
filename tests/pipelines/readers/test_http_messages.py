"""HTTP: heads, chunks and encodings, as servers and crawlers leave them."""

import gzip
import zlib

import brotli  # type: ignore[import-untyped]  # its wheel has no types
import pytest

from pipelines.readers.http_messages import decode_body, media_type, parse_head
from tests.pipelines.readers.making import flipped, zstd_compress

_BODY = b"<html><body>" + b"".join(b"<p>paragraph %d</p>" % number for number in range(200)) + b"</body></html>"
_ENCODINGS = {
    "gzip": gzip.compress(_BODY),
    "x-gzip": gzip.compress(_BODY),
    "deflate": zlib.compress(_BODY),
    "br": brotli.compress(_BODY),
    "zstd": zstd_compress(_BODY),
}


def _decode(body: bytes, max_bytes: int = 1 << 20, **headers: str) -> bytes:
    return decode_body(body, {name.replace("_", "-"): value for name, value in headers.items()}, max_bytes)


def test_a_head_is_status_headers_and_length() -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=utf-8\r\nX: a\r\nx: b\r\n\r\nbody"
    head = parse_head(data)
    assert head is not None
    assert (head.status, data[head.num_bytes :]) == (200, b"body")
    assert head.headers == {"content-type": "Text/HTML; charset=utf-8", "x": "a"}
    assert head.content_type == "text/html"


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (b"HTTP/1.0 404\n\nx", 404, b"x"),
        (b"HTTP/2 200 \r\n\r\nx", 200, b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", 200, b""),
        (b"HTTP/1.1 204 No Content\r\nA: b", 204, b""),
    ],
)
def test_unusual_heads_are_understood(data: bytes, status: int, body: bytes) -> None:
    head = parse_head(data)
    assert head is not None
    assert (head.status, data[head.num_bytes :]) == (status, body)


@pytest.mark.parametrize("data", [b"", b"<html></html>", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n"])
def test_what_is_no_head_is_none(data: bytes) -> None:
    assert parse_head(data) is None


def test_a_media_type_has_no_parameters_and_is_lower_case() -> None:
    assert media_type(" Text/HTML ; charset=x") == "text/html"
    assert media_type("") == ""


@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_encoded_bodies_are_decoded(encoding: str) -> None:
    assert _decode(_ENCODINGS[encoding], content_encoding=encoding.upper()) == _BODY


def test_bare_deflate_and_several_encodings_are_decoded() -> None:
    bare = zlib.compressobj(wbits=-15)
    assert _decode(bare.compress(_BODY) + bare.flush(), content_encoding="deflate") == _BODY
    assert _decode(gzip.compress(brotli.compress(_BODY)), content_encoding="br, gzip") == _BODY


@pytest.mark.parametrize("encoding", [*_ENCODINGS, "identity", ""])
def test_a_body_stored_decoded_is_taken_as_it_is(encoding: str) -> None:
    assert _decode(_BODY, content_encoding=encoding) == _BODY


@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_a_cut_body_is_refused(encoding: str) -> None:
    data = _ENCODINGS[encoding]
    for cut in range(5, len(data), 7):
        with pytest.raises(ValueError, match="body"):
            _decode(data[:cut], content_encoding=encoding)


@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_changed_bodies_raise_nothing_else(encoding: str) -> None:
    for damaged in flipped(_ENCODINGS[encoding], 200):
        try:
            _decode(damaged, content_encoding=encoding)
        except (ValueError, OverflowError):
            continue


@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_a_bomb_stops_at_the_bound(encoding: str) -> None:
    bomb = {
        "deflate": zlib.compress(bytes(20 << 20)),
        "br": brotli.compress(bytes(20 << 20), quality=5),
        "zstd": zstd_compress(bytes(20 << 20)),
    }.get(encoding) or gzip.compress(bytes(20 << 20))
    with pytest.raises(OverflowError, match="more than 1,000 bytes"):
        _decode(bomb, max_bytes=1000, content_encoding=encoding)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown content encoding 'compress'"):
        _decode(_BODY, content_encoding="compress")


@pytest.mark.parametrize(
    ("body", "joined"),
    [
        (b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n", b"hello world"),
        (b"5\nhello\n0\n\n", b"hello"),
        (b"5\r\nhello\r\n", b"hello"),  # the end is missing
        (b"5\r\nhello\r\nA\r\n wor", b"hello wor"),  # cut
        (b"<html>not chunked</html>", b"<html>not chunked</html>"),
        (b"", b""),
    ],
)
def test_chunks_are_joined_where_there_are_chunks(body: bytes, joined: bytes) -> None:
    assert _decode(body, transfer_encoding="Chunked") == joined


def test_chunks_are_joined_before_the_content_is_decoded() -> None:
    data = gzip.compress(_BODY)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data)
    assert _decode(chunks, transfer_encoding="chunked", content_encoding="gzip") == _BODY
