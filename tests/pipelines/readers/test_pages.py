"""Pages: their characters, their main text, and pages that no person wrote."""

import contextlib
import time

import pytest
from resiliparse.extract.html2text import extract_plain_text

from pipelines.readers.pages import decode_page, estimate_depth, extract_text

_RUSSIAN = "Привет, мир! Здесь обычный русский текст про погоду, реки, горы."


@pytest.mark.parametrize(
    ("data", "content_type", "text"),
    [
        (b"", "", ""),
        (b"plain", "", "plain"),
        ("ü".encode(), "text/html; charset=iso-8859-1", "ü"),  # it is UTF-8, whatever is said
        (b"\xef\xbb\xbf" + "ü".encode(), "", "ü"),
        ("ü".encode("utf-16"), "", "ü"),
        ("aü".encode("utf-16-le"), "text/html; charset=utf-16", "aü"),
        (_RUSSIAN.encode("cp1251"), 'text/html; charset="Windows-1251"', _RUSSIAN),
        (_RUSSIAN.encode("cp1251"), "", _RUSSIAN),
        (_RUSSIAN.encode("cp1251"), "text/html; charset=nonsense", _RUSSIAN),
        (b'<meta charset="koi8-r">' + _RUSSIAN.encode("koi8-r"), "", '<meta charset="koi8-r">' + _RUSSIAN),
        ("日本語".encode("iso-2022-jp"), "text/html; charset=iso-2022-jp", "日本語"),
        (b"\x93q\x94 caf\xe9", "text/html; charset=latin1", "“q” café"),  # as browsers read it
        (b"a\xff\0b", "text/html; charset=utf-8", "a\ufffd\0b"),
    ],
)
def test_characters_of_known_pages(data: bytes, content_type: str, text: str) -> None:
    assert decode_page(data, content_type) == text


def test_the_main_content_is_extracted_and_the_rest_is_not() -> None:
    html = (
        "<html><head><title>T</title><style>s{}</style></head><body><nav><a href=/>Home</a></nav>"
        "<article><h1>Head</h1><p>One <b>two</b>.</p><img alt='picture'><p>Three<br>four</p></article>"
        "<script>var x = 1;</script><footer>Imprint</footer></body></html>"
    )
    assert extract_text(html) == "Head\n\nOne two.\n\nThree\nfour"


@pytest.mark.parametrize(
    "html", ["", " ", "\0", "<", "<<<>>>", "no markup", "<p>", "</p>", "<!--", "<![CDATA[", "&#x110000;&#xD800;"]
)
def test_scraps_of_html_are_pages(html: str) -> None:
    extract_text(html).encode()


def _large_page(num_paragraphs: int) -> str:
    paragraphs = "".join(
        f"<div class=c{n % 7}><p>Paragraph {n} with <b>bold</b>, <i>it<font size={n}>al</font>ic</i> and "
        f"<code>code</code> words of some length.</p></div>"
        for n in range(num_paragraphs)
    )
    return f"<html><body><nav><a href=/>Home</a></nav><main>{paragraphs}</main></body></html>"


def test_large_pages_read_as_the_library_reads_them() -> None:
    html = _large_page(2_000)
    assert html.count("<") > 2_000
    expected = extract_plain_text(html, main_content=True, preserve_formatting=True, alt_texts=False)
    assert extract_text(html) == expected
    assert expected.count("Paragraph") == 2_000


@pytest.mark.parametrize(
    ("html", "depth"),
    [
        ("", 0),
        ("<p>a<p>b<br><img>", 0),
        ("<div>" * 5, 5),
        ("<div></div>" * 5, 1),
        ("<DIV><span></DIV></span></i></i>", 2),
        ("<ul><li><ul><li>", 2),
        ("a < b and c <d", 1),
    ],
)
def test_depth_of_known_pages(html: str, depth: int) -> None:
    assert estimate_depth(html) == depth


_HOSTILE = {
    "nested": "<div>" * 100_000 + "text",
    "nested and closed": "<div>" * 100_000 + "text" + "</div>" * 100_000,
    "nested below the bound": "<div>" * 15_000 + "text" + "<p>x</p>" * 15_000,
    "formatting left open": "".join(f"<font size={n}><p>x" for n in range(20_000)),
    "formatting, then paragraphs": "".join(f"<b id=a{n}>" for n in range(20_000)) + "<p>x</p>" * 20_000,
    "attributes": "<div " + " ".join(f"a{n}=1" for n in range(100_000)) + ">text</div>",
    "attributes without spaces": "<div " + "".join(f'a{n}="1"' for n in range(100_000)) + ">text</div>",
    "links across blocks": "<a><div>" * 50_000,
    "wrong ends": "<x>" * 15_000 + "</y>" * 30_000,
    "tables": "<table><tr><td>" * 50_000,
    "angle brackets": "<" * 1_000_000,
    "open comment": "<!--" + "-" * 1_000_000,
    "ampersands": "&" * 1_000_000,
    "spaces": "<p" + " " * 1_000_000,
    "quotes": '<p a="' + "x" * 1_000_000,
}


@pytest.mark.parametrize("kind", _HOSTILE)
def test_pages_that_no_person_wrote_cost_seconds_at_most(kind: str) -> None:
    start = time.process_time()
    with contextlib.suppress(ValueError):
        extract_text(_HOSTILE[kind])
    assert time.process_time() - start < 10  # untreated, most of them take minutes or gigabytes


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nested", "nested 100,000 deep"),
        ("attributes", "a tag of about 100,001 attributes"),
        ("attributes without spaces", "a tag of about 100,001 attributes"),
    ],
)
def test_pages_beyond_the_bounds_are_refused(kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        extract_text(_HOSTILE[kind])


def test_the_text_of_deeply_nested_pages_is_kept() -> None:
    assert extract_text(_HOSTILE["nested below the bound"]).startswith("text\n\nx\n\nx")


def test_a_long_attribute_is_not_many() -> None:
    html = (
        "<p>text</p><img src='data:image/png;base64,"
        + "AAAA/+" * 10_000
        + "'><p data-x='"
        + "a b " * 9_000
        + "'>more</p>"
    )
    assert extract_text(html) == "text\n\nmore"


def test_extraction_gives_the_same_text_every_time() -> None:
    html = _large_page(50)
    assert len({extract_text(html) for _ in range(5)}) == 1
