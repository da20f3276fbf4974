"""Questionable sentences against their definition in Python."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.madlad import CURSED, CURSED_ENDINGS, MEASURES, MadladGroup
from tests.filters.texts import AWKWARD, batch, bundled_texts, texts

_PATTERNS = [
    *map(re.escape, CURSED),
    *(rf"{re.escape(ending)}\Z" for ending in CURSED_ENDINGS),
    "(?: [^ ]){9}",
    "(?: ...){9}",
    "(?: ....){9}",
    ",(?: ..,,?){4}",
]
_CURSED = re.compile("|".join(_PATTERNS))
_FRACTIONS = [measure.name for measure in MEASURES[1:]]

_PIECES = (
    ". |! |?\n|... |.| |  |\n| a| b| ab| abc| abcd| é|, ab,| cd,| ef,,|,|Word| Word| word|12|(|)|/|\u3000|É|"
    " a b c d e f g h| abc def ghi jkl mno pqr stu vwx| abcd efgh ijkl mnop qrst uvwx yzab cdef| ab, cd, ef,"
)
TEXTS = st.lists(st.sampled_from([*CURSED, *CURSED_ENDINGS, *_PIECES.split("|")]), max_size=40).map("".join)


def sentences_of(text: str) -> list[str]:
    return [piece.strip() for piece in re.split(r"(?<=[.!?])\s+", text) if re.search(r"[^.!?\s]", piece)]


def reasons_of(sentence: str) -> set[str]:
    """Return why a sentence is questionable, by the definition."""
    letters = [[each for each in word if each.isalnum()] for word in sentence.split()]
    firsts = [each[0] for each in letters if each]
    found = set()
    if len(firsts) >= 12 and 2 * sum(map(str.isupper, firsts)) > len(firsts):
        found.add("list_case")
    if not 20 <= len(sentence) <= 500:
        found.add("abnormal_length")
    if 5 * len(re.findall(r"[0-9{}+/()>]", sentence)) > len(sentence):
        found.add("technical")
    if _CURSED.search(sentence):
        found.add("cursed")
    return found


def madlad_of(text: str) -> list[float]:
    """Return every measure of this module, by its definition."""
    reasons = [reasons_of(sentence) for sentence in sentences_of(text)]
    num_sentences = max(len(reasons), 1)
    counts = [
        sum(map(bool, reasons)),
        *(sum(name in each for each in reasons) for name in ("list_case", "abnormal_length", "technical", "cursed")),
        sum(bool(each & {"list_case", "cursed"}) for each in reasons),
    ]
    return [len(reasons), *(count / num_sentences for count in counts)]


def measured(documents: list[str]) -> list[list[float]]:
    group = MadladGroup()
    group.setup()
    columns = group.measure(batch(documents))
    assert list(columns) == [measure.name for measure in MEASURES]
    return [list(row) for row in zip(*(values.tolist() for values in columns.values()), strict=True)]


PLAIN = "The quick brown fox jumps over the lazy dog"


@pytest.mark.parametrize(
    ("sentence", "reasons"),
    [
        (f"{PLAIN}.", []),
        ("A sentence too short.", []),
        ("It is far too short", ["abnormal_length"]),
        (f"{'letters ' * 62}word", []),
        (f"{'letters ' * 62}words", ["abnormal_length"]),
        ("Home About News Sport Music Film or so to say it now", []),
        ("Home About News Sport Music Film Books or so to say it", ["list_case"]),
        ("Home About News Sport Music Film Books or so to say", []),
        ('"Home (About *News Sport Music Film Books - or so to say it', ["list_case"]),
        ("call 1234 (or more) today", ["technical"]),
        ("call 123 for more of it today", []),
        ("Lorem ipsum is the filler of choice", ["cursed"]),
        ("You can Download all the files here", ["cursed"]),
        ("this sentence is cut off by a bar |", ["cursed"]),
        ("this sentence | is not cut off by it", []),
        ("it lies in the house of number nr.", ["cursed"]),
        ("they spell it out as a b c d e f g h i", ["cursed"]),
        ("they spell it out as a b c d e f g h", []),
        ("say the cat sat for the dog and its ownership", ["cursed"]),
        ("say the cat sat for the dog and ownership", []),
        ("with, ab, cd, ef,, gh, and so on it goes", ["cursed"]),
        ("with, ab, cd, ef, ghi, and so on it goes", []),
    ],
)
def test_reasons_of_known_sentences(sentence: str, reasons: list[str]) -> None:
    (values,) = measured([sentence])
    assert values[0] == 1
    names = ["list_case", "abnormal_length", "technical", "cursed"]
    assert [name for name, value in zip(names, values[2:6], strict=True) if value] == reasons
    assert reasons_of(sentence) == set(reasons)


@pytest.mark.parametrize(
    ("text", "num_sentences"),
    [
        ("", 0),
        (" ... !\n", 0),
        ("One", 1),
        ("One. Two! Three?", 3),
        ("One.Two 3.5", 1),
        ("One\nTwo", 1),
        ("One ... Two", 2),
        ("One. ... Two.\u3000Three", 3),
    ],
)
def test_sentences_end_where_whitespace_follows_a_mark(text: str, num_sentences: int) -> None:
    assert measured([text])[0][0] == num_sentences == len(sentences_of(text))


def test_shares_are_of_all_sentences() -> None:
    assert measured([f"{PLAIN}. {PLAIN} mp3. Short. {PLAIN}. {PLAIN}."])[0] == [5, 0.4, 0.0, 0.2, 0.0, 0.2, 0.2]


@settings(max_examples=200)
@given(st.lists(st.one_of(TEXTS, texts()), max_size=4))
def test_measures_are_their_definition(documents: list[str]) -> None:
    check(documents)


def test_measures_of_awkward_and_bundled_documents_are_their_definition() -> None:
    check([*AWKWARD, *bundled_texts()[::8]])


def check(documents: list[str]) -> None:
    for found, text in zip(measured(documents), documents, strict=True):
        assert found == pytest.approx(madlad_of(text), abs=1e-9)
