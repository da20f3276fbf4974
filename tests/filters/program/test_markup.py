"""Visible text of HTML."""

import gzip
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings

from filters.program.markup import visible_characters
from tests.filters.program.files import pieces
from tests.filters.texts import AWKWARD, DATA, column


class _Text(HTMLParser):
    """Collects what Python's parser takes for text outside scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.hidden = 0
        self.characters = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= self.hidden > 0 and tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        self.characters += 0 if self.hidden else len(data)


def parsed(html: str) -> int:
    parser = _Text()
    parser.feed(html)
    parser.close()
    return parser.characters


def count(*texts: str) -> list[int]:
    found: list[int] = visible_characters(column(texts), np.ones(len(texts), np.bool_)).tolist()
    return found


@pytest.mark.parametrize(
    ("html", "characters"),
    [
        ("", 0),
        ("a é", 3),
        ("<p>a</p>\n<b>b", 3),
        ("a < b", 5),
        ("<", 1),
        ("<a title='x>y' b=\"c'>\">d", 1),
        ("<a title=it's>b", 1),
        ("a<!-- > <b> -->c", 2),
        ("<!doctype html>a<?php b?>c", 2),
        ("<script>a</b>c</SCRIPT >d", 1),
        ("<style type=a>b</style>c", 1),
        ("<scripts>a</scripts>", 1),
        ("<script>a", 0),
        ("&amp;&#233;&#xe9;&;&unclosed", 14),
    ],
)
def test_visible_characters_of_known_html(html: str, characters: int) -> None:
    assert count(html) == [characters]


def test_files_that_are_not_html_are_not_looked_at() -> None:
    assert visible_characters(column(["<a>b", "<a>b"]), np.array([True, False])).tolist() == [1, 0]


@settings(max_examples=200)
@given(
    pieces("<p>", "</p>", "<br/>", '<a href="x>y">', "<script>b</script>", "<style>", "</style>", "&amp;", "<!-- c -->")
)
def test_well_formed_html_shows_what_pythons_parser_finds(html: str) -> None:
    html = html.replace("<style>", "<style>d</style>").replace("\r\n", "\n").replace("\0", "")
    html = html.replace("</style></style>", "</style>")
    assert count(html) == [parsed(html)]


def test_pages_show_nearly_what_pythons_parser_finds() -> None:
    # The parsers differ where names of entities lack a semicolon, and in a page that is cut inside a tag.
    with gzip.open(DATA / "warc" / "pages-0000.warc.gz") as file:
        pages = [page.decode("utf-8", "replace") for page in file.read().split(b"WARC/1.0")[1:]]
    found, wanted = np.array(count(*pages)), np.array([parsed(page) for page in pages])
    assert len(pages) > 10
    assert (np.abs(found - wanted) <= 0.01 * wanted).all()


def test_no_text_shows_more_than_its_characters() -> None:
    assert all(0 <= each <= len(text) for each, text in zip(count(*AWKWARD), AWKWARD, strict=True))


@pytest.mark.parametrize("piece", ["<", "<a ", "<!--", "&", "&amp", "<script>", "<a b='", "</"])
def test_a_megabyte_of_one_opening_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert 0 <= count(text)[0] <= len(text)
