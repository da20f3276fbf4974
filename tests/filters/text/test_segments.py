"""Words, lines and paragraphs against their definitions in Python."""

from functools import cache
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.columns import TextColumn
from filters.text.characters import character_classes
from filters.text.segments import Segments, segment
from tests.filters.texts import AWKWARD, bundled_texts, column, texts


def paragraphs_of(text: str) -> list[list[str]]:
    """Return the lines of each paragraph: maximal runs of lines that hold a word."""
    groups = groupby(text.split("\n"), key=lambda line: bool(line.split()))
    return [list(lines) for has_words, lines in groups if has_words]


def check(texts: list[str]) -> None:
    """Compare every array of the segments of some texts with the definition."""
    found = segment(column(texts))
    paragraphs = [paragraph for text in texts for paragraph in paragraphs_of(text)]
    lines = [line for paragraph in paragraphs for line in paragraph]
    words = [word for line in lines for word in line.split()]
    assert [found.text[word["start"] : word["end"]].tobytes().decode() for word in found.words] == words
    assert found.words["characters"].tolist() == [len(word) for word in words]
    assert found.words["classes"].tolist() == [classes_of(word) for word in words]
    assert found.lines["characters"].tolist() == [len(line) for line in lines]
    assert found.paragraphs["characters"].tolist() == [len("\n".join(paragraph)) for paragraph in paragraphs]
    assert np.diff(found.word_offsets).tolist() == [len(line.split()) for line in lines]
    assert np.diff(found.line_offsets).tolist() == [len(paragraph) for paragraph in paragraphs]
    assert np.diff(found.paragraph_offsets).tolist() == [len(paragraphs_of(text)) for text in texts]
    assert np.diff(found.text_offsets).tolist() == [len(text.encode()) for text in texts]
    check_documents(found, texts)
    check_hashes(found.words["hash"], words)
    check_hashes(found.lines["hash"], lines)
    check_hashes(found.paragraphs["hash"], ["\n".join(paragraph) for paragraph in paragraphs])


@cache
def classes_of(word: str) -> int:
    """Return the union of the classes of a word's characters."""
    return int(np.bitwise_or.reduce(character_classes()[[ord(character) for character in word]]))


def check_documents(found: Segments, texts: list[str]) -> None:
    documents = found.documents
    assert documents["characters"].tolist() == [len(text) for text in texts]
    assert documents["newlines"].tolist() == [text.count("\n") for text in texts]
    assert documents["longest_line"].tolist() == [max(len(line) for line in text.split("\n")) for text in texts]
    assert documents["alphanumerics"].tolist() == [sum(map(str.isalnum, text)) for text in texts]
    assert np.diff(found.document_words).tolist() == [len(text.split()) for text in texts]


def check_hashes(hashes: NDArray[np.uint64], strings: list[str]) -> None:
    """Check that two hashes are equal exactly where the strings are."""
    pairs = set(zip(hashes.tolist(), strings, strict=True))
    assert len(pairs) == len({value for value, _ in pairs}) == len({string for _, string in pairs})


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_are_cut_as_python_cuts_them(text: str) -> None:
    check([text])


def test_awkward_texts_do_not_touch_their_neighbours() -> None:
    check(list(AWKWARD))


@settings(max_examples=300)
@given(st.lists(texts(), max_size=4))
def test_any_texts_are_cut_as_python_cuts_them(documents: list[str]) -> None:
    check(documents)


def test_all_bundled_documents_are_cut_as_python_cuts_them() -> None:
    check(bundled_texts())


def test_every_whitespace_character_and_no_other_separates_words() -> None:
    spaces = np.flatnonzero(character_classes() & 1).tolist()
    for code_point in [*spaces, 0x200B, 0x180E, 0x2060, 0xFEFF, 0x84, 0x86]:
        text = f"a{chr(code_point)}b"
        assert len(segment(column([text])).words) == len(text.split())


def test_a_document_in_the_middle_of_a_buffer_sees_only_itself() -> None:
    whole = column(["the first", "second...\n\n", "the third"])
    found = segment(TextColumn(whole.data, whole.offsets[1:3]))
    assert found.text.tobytes() == b"second...\n\n"
    assert len(found.words) == 1


@pytest.mark.parametrize(
    "data", [b"\xe2", b"a \xf0\x9f", b"\xff\xff", b"\x80\x80 \x80", b"\xf8\x88\x80\x80\x80", b"\xf7\xbf\xbf\xbf"]
)
def test_bytes_that_are_no_utf8_are_read_within_the_document(data: bytes) -> None:
    found = [
        segment(TextColumn(np.frombuffer(data + beyond, np.uint8), np.array([0, len(data)])))
        for beyond in (b"", b"\x80\x80\x80 beyond", b"\xbf\xbf\xbf")
    ]
    assert found[0].words.tolist() == found[1].words.tolist() == found[2].words.tolist()
    assert (found[0].words["end"] <= len(data)).all()


def test_a_million_words_take_a_moment() -> None:
    found = segment(column(["a " * 1_000_000, "a" * 1_000_000, "\n" * 1_000_000]))
    assert np.diff(found.document_words).tolist() == [1_000_000, 1, 0]
    assert found.documents["newlines"].tolist() == [0, 0, 1_000_000]
