"""Sizes of documents and measures of their lines against their definitions in Python."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.counts import MEASURES, measure_counts
from filters.text.segments import segment
from tests.filters.texts import AWKWARD, bundled_texts, check_measures, column, texts


def counts_of(text: str) -> dict[str, float]:
    """Return every measure of this module, by its definition."""
    lines = [line for line in text.split("\n") if line.strip()]
    all_lines = text.removesuffix("\n").split("\n") if text else []
    return {
        "num_bytes": len(text.encode()),
        "num_characters": len(text),
        "num_words": len(text.split()),
        "num_lines": len(lines),
        "mean_line_length": sum(map(len, all_lines)) / len(all_lines) if all_lines else 0.0,
        "max_line_length": max(map(len, all_lines), default=0),
        "alphanumeric_fraction": sum(map(str.isalnum, text)) / len(text) if text else 0.0,
    }


@pytest.mark.parametrize(
    ("text", "mean", "longest"),
    [("", 0, 0), ("\n", 0, 0), ("ab", 2, 2), ("ab\n", 2, 2), ("ab\n\n", 1, 2), ("a\nbcd", 2, 3), ("   \nb", 2, 3)],
)
def test_line_lengths_of_known_texts(text: str, mean: float, longest: int) -> None:
    found = measure_counts(segment(column([text])))
    assert found["mean_line_length"].tolist() == [mean]
    assert found["max_line_length"].tolist() == [longest]


@pytest.mark.parametrize(("text", "num_words"), [("", 0), (" a  b ", 2), ("a\u2028b\x85c\xa0d", 4), ("a\u200bb", 1)])
def test_words_are_separated_by_unicode_whitespace(text: str, num_words: int) -> None:
    assert measure_counts(segment(column([text])))["num_words"].tolist() == [num_words]


def test_letters_and_digits_of_any_script_are_alphanumeric() -> None:
    assert measure_counts(segment(column(["a1ä日\u0661\u00bd -\n."])))["alphanumeric_fraction"].tolist() == [0.6]


@settings(max_examples=200)
@given(st.lists(texts(), max_size=4))
def test_counts_are_their_definitions(documents: list[str]) -> None:
    check_measures(measure_counts, MEASURES, counts_of, documents)


def test_counts_of_awkward_and_bundled_documents_are_their_definitions() -> None:
    check_measures(measure_counts, MEASURES, counts_of, [*AWKWARD, *bundled_texts()])
