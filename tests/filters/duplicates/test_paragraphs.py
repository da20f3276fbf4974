"""Paragraphs and lines against their definition, character by character in Python."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.columns import TextColumn
from filters.duplicates.paragraphs import PARAGRAPH, ParagraphSettings, find_paragraphs, loses_too_much, removed_spans
from filters.edits import SPAN, Edits, apply_edits
from tests.filters.texts import AWKWARD, bundled_texts, column, texts

EVERYTHING = ParagraphSettings(min_characters=1)
LINES = ParagraphSettings(min_characters=1, lines=True)
LIMITED = ParagraphSettings(min_characters=12, min_words=3)


def fold(text: str) -> str:
    """Return the folded words of a text, one space between them."""
    lower = "".join(each.lower() if len(each.lower()) == 1 else each for each in text)
    return " ".join(lower.split())


def define(text: str, wanted: ParagraphSettings) -> list[tuple[str, int, int, int]]:
    """Return (folded words, start, end, gap) of each paragraph of a text that is long enough."""
    runs: list[tuple[int, int]] = []  # in characters, from the first line's start to the last line's newline
    start, is_open = 0, False
    for line in text.split("\n"):
        end = start + len(line)
        if line.strip():
            if is_open and not wanted.lines:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
        is_open = bool(line.strip())
        start = end + 1
    found = []
    for number, (start, end) in enumerate(runs):
        words = fold(text[start:end])
        begin = 0 if number == 0 else start
        beyond = runs[number + 1][0] if number + 1 < len(runs) else len(text)
        gap = 0 if number == 0 else len(text[runs[number - 1][1] : start].encode())
        if len(words) >= wanted.min_characters and len(words.split()) >= wanted.min_words:
            found.append((words, len(text[:begin].encode()), len(text[:beyond].encode()), gap))
    return found


def check(documents: Sequence[str], wanted: ParagraphSettings) -> None:
    found = find_paragraphs(column(documents), wanted)
    defined = [(d, *each) for d, text in enumerate(documents) for each in define(text, wanted)]
    assert [(each["document"], each["start"], each["end"], each["gap"]) for each in found] == [
        (d, start, end, gap) for d, _, start, end, gap in defined
    ]
    pairs = {(words, int(each)) for (_, words, *_), each in zip(defined, found["hash"], strict=True)}
    assert len(pairs) == len({words for words, _ in pairs}) == len({each for _, each in pairs})


@pytest.mark.parametrize("wanted", [EVERYTHING, LINES, LIMITED])
def test_known_and_awkward_texts_have_the_paragraphs_of_the_definition(wanted: ParagraphSettings) -> None:
    check(AWKWARD, wanted)


@settings(max_examples=150)
@given(documents=st.lists(texts(), max_size=4), wanted=st.sampled_from([EVERYTHING, LINES, LIMITED]))
def test_any_texts_have_the_paragraphs_of_the_definition(documents: list[str], wanted: ParagraphSettings) -> None:
    check(documents, wanted)


@pytest.mark.parametrize("wanted", [ParagraphSettings(), ParagraphSettings(lines=True)])
def test_real_documents_have_the_paragraphs_of_the_definition(wanted: ParagraphSettings) -> None:
    check(bundled_texts()[::15], wanted)


def test_case_wrapping_and_indentation_make_no_other_paragraph() -> None:
    found = find_paragraphs(column(["Once upon\n  a TIME\u00a0\n\nonce  upon a time", "once upon a times"]), EVERYTHING)
    assert found["hash"][0] == found["hash"][1] != found["hash"][2]


@pytest.mark.parametrize(("characters", "words", "is_found"), [(9, 2, True), (10, 2, False), (9, 3, False)])
def test_a_paragraph_of_exactly_the_limits_counts(characters: int, words: int, is_found: bool) -> None:
    wanted = ParagraphSettings(min_characters=characters, min_words=words)
    assert len(find_paragraphs(column(["  four   four  \n"]), wanted)) == is_found


@settings(max_examples=100)
@given(documents=st.lists(texts(), min_size=1, max_size=4), wanted=st.sampled_from([EVERYTHING, LINES]))
def test_paragraphs_of_any_length_are_all_of_a_document(documents: list[str], wanted: ParagraphSettings) -> None:
    texts_of = column([text for text in documents if text.strip()])
    sizes = np.diff(texts_of.offsets)
    spans = removed_spans(find_paragraphs(texts_of, wanted), sizes)
    assert spans["start"].tolist() == [0] * len(sizes)
    assert spans["end"].tolist() == sizes.tolist()
    assert loses_too_much(spans, sizes, 1.0).all()


def remove(text: str, numbers: Sequence[int]) -> str:
    """Return a text without some of its paragraphs, by number."""
    texts_of = column([text])
    paragraphs = find_paragraphs(texts_of, EVERYTHING)[list(numbers)]
    edits = Edits(spans=removed_spans(paragraphs, np.diff(texts_of.offsets)), reasons=("",), replacements=(b"",))
    return apply_edits(texts_of, edits).text(0)


@pytest.mark.parametrize(
    ("numbers", "left"),
    [
        ([], "\n\u00e9\n\nb\nb\n\n\nc\n"),
        ([0], "b\nb\n\n\nc\n"),
        ([1], "\n\u00e9\n\nc\n"),
        ([2], "\n\u00e9\n\nb\nb"),
        ([1, 2], "\n\u00e9"),
        ([0, 1, 2], ""),
    ],
)
def test_a_paragraph_takes_its_separator_with_it(numbers: Sequence[int], left: str) -> None:
    assert remove("\n\u00e9\n\nb\nb\n\n\nc\n", numbers) == left


def test_a_document_is_lost_above_the_share_and_not_at_it() -> None:
    spans = np.array([(0, 0, 4, 0), (0, 6, 10, 0), (1, 0, 9, 0), (2, 0, 5, 0)], SPAN)
    assert loses_too_much(spans, np.array([10, 10, 5, 7, 0]), 0.8).tolist() == [False, True, True, False, False]
    assert loses_too_much(spans, np.array([10, 10, 5, 7, 0]), 1.0).tolist() == [False, False, True, False, False]


def test_no_documents_have_no_paragraphs() -> None:
    found = find_paragraphs(column([]), EVERYTHING)
    assert found.dtype == PARAGRAPH
    assert len(found) == len(removed_spans(found, np.zeros(0, np.int64))) == 0


def test_a_long_line_and_bytes_that_are_no_text_are_read_once() -> None:
    odd = TextColumn(np.frombuffer(b"a " * 2_000_000 + b"\xf0\xff\xe3", np.uint8), np.array([0, 4_000_002, 4_000_003]))
    found = find_paragraphs(odd, EVERYTHING)
    assert found[["start", "end"]].tolist() == [(0, 4_000_002), (0, 1)]


@pytest.mark.parametrize("wrong", [{"min_words": 0}, {"min_characters": 0}, {"max_removed": 0}, {"max_removed": 1.1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ParagraphSettings(**wrong)  # type: ignore[arg-type]  # the values are numbers of the wrong size
