"""English words against their definition in Python, and against spaCy's own."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.characters import ALPHABETIC, character_classes
from filters.text.segments import segment
from filters.variants import english_tables as tables
from filters.variants.english import IS_ALPHABETIC, IS_WORD, Words
from tests.filters.texts import AWKWARD, bundled_texts, column, reference, texts
from tests.filters.variants.english_words import english_words, is_punctuation

PIECES = [
    *(
        "can't",
        "don\u2019t",
        "we'll",
        "I'd",
        "o'clock",
        "'s",
        "John's",
        "n't",
        "it",
        "Mr.",
        "U.S.",
        "e.g.",
        "a.",
        "NASA.",
    ),
    *(
        "http://a.com/b-c?d=e",
        "me@x.org",
        "www.a.b.co",
        "a..b",
        "x.Y",
        "x.y",
        ".com",
        "a.c",
        "://",
        "10km",
        "5%",
        "3-4",
    ),
    *(
        "$5.00",
        "7\u20ac",
        "+1",
        "c++",
        "C++",
        "...",
        "..",
        "\u2026",
        "--",
        "---",
        "\u2014",
        "~",
        "-",
        "/",
        ":",
        ",",
        "*",
    ),
    *(
        "(",
        ")",
        '"',
        "\u201c",
        "\u201d",
        "'",
        "\u2019",
        "!",
        "?",
        ";",
        "a",
        "B",
        "cc",
        "\u00e9",
        "\u00c9",
        "\u4e2d",
        "1",
    ),
    *("\u00b0", "\U0001f600", "10am", "12p.m.", "cannot", "\0", " ", " ", " ", "\n"),
]


def found_words(documents: list[str]) -> list[list[str]]:
    segments = segment(column(documents))
    words, offsets = Words(16).cut(segments.text, segments.words, segments.document_words)
    text = bytes(segments.text)
    return [
        [text[word["start"] : word["end"]].decode() for word in words[start:end]] for start, end in pairwise(offsets)
    ]


def words_of_lengths(text: str, lengths: str) -> list[str]:
    """Return words that lie in a text in their order, with nothing but spaces between them."""
    letters = "".join(text.split())
    ends = np.cumsum([0, *map(int, lengths.split())]).tolist()
    return [letters[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("Hello, world!", "Hello , world !"),
        ('"(Yes.)"', '" ( Yes . ) "'),
        ("I can't, we'll see.", "I ca n't , we 'll see ."),
        ("Mr. Smith's U.S. dog.", "Mr. Smith 's U.S. dog ."),
        ("well-known and/or this/that", "well - known and/or this / that"),
        ("see http://a.com/b-c.", "see http://a.com/b-c ."),
        ("end.Next 3.14 10km 5% $5", "end . Next 3.14 10 km 5 % $ 5"),
        ("wait... what\u2026", "wait ... what \u2026"),
        ("cannot at 10am", "can not at 10 am"),
        ("1-2 x-1 1-x", "1 - 2 x-1 1 - x"),
        ("cannot\0", "cannot\0"),
    ],
)
def test_words_of_known_texts(text: str, words: str) -> None:
    assert found_words([text]) == [words.split()]


@settings(max_examples=300)
@given(st.lists(texts() | st.lists(st.sampled_from(PIECES), max_size=30).map("".join), max_size=4))
def test_words_are_their_definition(documents: list[str]) -> None:
    assert found_words(documents) == [english_words(text) for text in documents]


def test_words_of_awkward_and_bundled_documents_are_their_definition() -> None:
    documents = [*AWKWARD, *bundled_texts()[::40]]
    assert found_words(documents) == [english_words(text) for text in documents]


def test_classes_of_words_are_those_of_their_characters() -> None:
    segments = segment(column(["a1 1 --- \u4e2d\u3002 \u3002 \u2026 ,a"]))
    words, _ = Words(16).cut(segments.text, segments.words, segments.document_words)
    for word in words:
        text = bytes(segments.text[word["start"] : word["end"]]).decode()
        assert bool(word["classes"] & IS_ALPHABETIC) == any(map(str.isalpha, text))
        assert bool(word["classes"] & IS_WORD) == (not all(map(is_punctuation, text)))
        assert word["characters"] == len(text)


def test_of_a_thousand_words_of_spacy_at_most_two_are_not_found() -> None:
    num_words, num_lost = 0, 0
    for row in reference("spacy"):
        theirs, ours = words_of_lengths(row["text"], row["lengths"]), found_words([row["text"]])[0]
        num_words += len(theirs)
        num_lost += len(places(theirs) - places(ours))
    assert num_words > 10_000
    assert num_lost <= 0.002 * num_words


def places(words: list[str]) -> set[tuple[int, int]]:
    """Return where words begin and end among all characters that are not whitespace."""
    ends = np.cumsum([0, *map(len, words)]).tolist()
    return set(pairwise(ends))


def test_letters_are_those_of_every_other_measure() -> None:
    ours = tables.english_classes() & tables.ALPHABETIC != 0
    assert np.array_equal(ours, character_classes() & ALPHABETIC != 0)


def test_every_special_case_fits_into_the_table() -> None:
    assert all(len(case.encode()) <= tables.MAX_SPECIAL for case in tables.special_cases())
    assert np.count_nonzero(tables.special_table()["code"]) == len(tables.special_cases())
    assert all(len(unit.encode()) <= 4 for unit in tables.units())


@pytest.mark.parametrize("piece", [".", "-", "'", "a.", "a-", "(", ")", "://", "@", "a'll", "\U0001f600", "..a"])
def test_long_chunks_take_linear_time(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    assert sum(map(len, found_words([text])[0])) == len(text)
