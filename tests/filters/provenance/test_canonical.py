"""The canonical form of URLs against its definition in Python."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.columns import TextColumn
from filters.provenance.canonical import TRACKING, canonical_url, canonical_urls
from tests.filters.texts import column

_SPACES = "".join(map(chr, range(33)))
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

_PIECES = (
    "http https HTTP ftp :// // / www. WWW. a.b Example.COM . :80 :443 :8080 user@ ? & = q=1 utm_source=x UTM_ "
    "utm%5Fid fbclid %7e %2F %zz % %4 é 日本 # [::1] : ; + { | \\ x \0"
)
URLS = st.lists(st.sampled_from([" ", "\t", *_PIECES.split(" ")]), max_size=16).map("".join)


def plainly(part: str, *, is_host: bool = False) -> str:
    """Return part of a URL with one percent-encoding."""

    def write(match: re.Match[bytes]) -> bytes:
        code = match[0]
        byte = int(code[1:], 16) if len(code) == 3 else code[0]
        may_stand = byte != ord("%") if is_host else byte < 0x7F and byte not in b'"%<>\\^`{|}'
        is_plain = byte in _UNRESERVED or (len(code) == 1 and byte > 0x20 and may_stand)
        return bytes([byte]) if is_plain else b"%%%02X" % byte

    return re.sub(rb"%[0-9a-fA-F]{2}|[\0-\xff]", write, part.encode()).decode()


def canonical_of(url: str) -> str:
    """Return the canonical form of a URL, by its definition."""
    url = url.partition("#")[0].strip(_SPACES)
    scheme = ""
    if match := re.match(r"[A-Za-z0-9._~-]+://", url):
        scheme = match[0].lower() if match[0].lower() not in ("http://", "https://") else ""
        url = url[match.end() :]
    url = url.lstrip("/")
    host = re.match(r"[^/?]*", url)[0]  # type: ignore[index]  # it matches anything
    path, _, query = url[len(host) :].partition("?")
    host = plainly(host.rpartition("@")[2], is_host=True).translate(_ASCII_LOWER)
    while (shorter := re.sub(r":(80|443)?\Z", "", host).rstrip(".")) != host:
        host = shorter
    while host.startswith("www.") and "." in host[4:]:
        host = host[4:]
    if not host:
        return ""
    parameters = [plainly(parameter) for parameter in query.split("&") if parameter]
    kept = [each for each in parameters if not is_tracking(each.partition("=")[0].lower())]
    return scheme + host + plainly(path).rstrip("/") + ("?" + "&".join(kept) if kept else "")


def is_tracking(name: str) -> bool:
    return name.startswith("utm_") or name in TRACKING


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://user:key@WWW.Example.com:443/a%7Eb/?utm_source=x&q=1#top", "example.com/a~b?q=1"),
        ("http://example.com", "example.com"),
        ("HTTP://example.com.:80//", "example.com"),
        ("//example.com/A/../B", "example.com/A/../B"),
        ("example.com/?", "example.com"),
        ("http://example.com:8080/?b=2&&a=1", "example.com:8080?b=2&a=1"),
        ("http://www.com/", "www.com"),
        ("http://www.www.a.com/", "a.com"),
        ("ftp://Example.com/x", "ftp://example.com/x"),
        ("http://[2001:DB8::1]:80/x", "[2001:db8::1]/x"),
        ("http://a.com/%e4%2f%zz%", "a.com/%E4%2F%25zz%25"),
        ("http://a.com/a b/é", "a.com/a%20b/%C3%A9"),
        ("http://a.com/x?FBCLID=1&q=%41&fbclidx=2", "a.com/x?q=A&fbclidx=2"),
        (" \n", ""),
        ("", ""),
        ("#top", ""),
        ("ftp://user@:80/x", ""),
        ("?q=1", ""),
    ],
)
def test_forms_of_known_urls(url: str, form: str) -> None:
    assert canonical_url(url) == form == canonical_of(url)


@settings(max_examples=250)
@given(st.lists(st.one_of(URLS, st.text(st.characters(codec="utf-8"), max_size=20)), max_size=6))
def test_forms_are_their_definition(urls: list[str]) -> None:
    found = canonical_urls(column(urls))
    assert [found.text(place) for place in range(len(urls))] == [canonical_of(url) for url in urls]


@settings(max_examples=150)
@given(URLS)
def test_the_form_of_a_form_is_itself(url: str) -> None:
    form = canonical_url(url)
    assert canonical_url(form) == form


def test_bytes_that_are_no_utf8_stay_inside_the_column() -> None:
    data = np.frombuffer(b"http://a/\xff%4", np.uint8)
    form = canonical_urls(TextColumn(data, np.array([0, 10, len(data)], np.int64)))
    assert [form.text(0), form.text(1)] == ["a/%FF", "%254"]


def test_a_host_of_a_million_labels_takes_no_more_than_linear_time() -> None:
    assert canonical_url("http://" + "www." * 1_000_000) == "www.www"
