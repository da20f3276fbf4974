"""Repeated lines and paragraphs against their definitions in Python."""

from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.repetition import MEASURES, measure_repetition
from filters.text.segments import segment
from tests.filters.texts import AWKWARD, bundled_texts, check_measures, column, texts


def duplicate_fractions(parts: list[str]) -> tuple[float, float]:
    """Return the share of parts that repeat an earlier part, and the share of their characters; none give 0.0."""
    repeats = [part for place, part in enumerate(parts) if part in set(parts[:place])]
    return len(repeats) / max(len(parts), 1), sum(map(len, repeats)) / max(sum(map(len, parts)), 1)


def fast_duplicate_fractions(parts: list[str]) -> tuple[float, float]:
    """Return the same in linear time: what is left of the parts when each is taken once."""
    unique = set(parts)
    num_characters = sum(map(len, parts))
    return (
        (len(parts) - len(unique)) / max(len(parts), 1),
        (num_characters - sum(map(len, unique))) / max(num_characters, 1),
    )


def repetition_of(text: str) -> dict[str, float]:
    """Return every measure of this module, by its definition."""
    lines = [line for line in text.split("\n") if line.strip()]
    groups = groupby(text.split("\n"), key=lambda line: bool(line.strip()))
    paragraphs = ["\n".join(group) for is_paragraph, group in groups if is_paragraph]
    of_lines, of_paragraphs = fast_duplicate_fractions(lines), fast_duplicate_fractions(paragraphs)
    return {
        "duplicate_line_fraction": of_lines[0],
        "duplicate_line_character_fraction": of_lines[1],
        "duplicate_paragraph_fraction": of_paragraphs[0],
        "duplicate_paragraph_character_fraction": of_paragraphs[1],
    }


@given(st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=12))
def test_both_spellings_of_the_definition_agree(parts: list[str]) -> None:
    assert fast_duplicate_fractions(parts) == duplicate_fractions(parts)


@pytest.mark.parametrize(
    ("text", "lines", "characters"),
    [
        ("", 0.0, 0.0),
        ("a", 0.0, 0.0),
        ("a\na\na\nb", 0.5, 0.5),
        ("a\n\na\n \nbb", 1 / 3, 1 / 4),
        ("a\n a\na ", 0.0, 0.0),
        ("a\r\na\r\na", 1 / 3, 2 / 5),
        ("ä\nä", 0.5, 0.5),
    ],
)
def test_fractions_of_known_lines(text: str, lines: float, characters: float) -> None:
    found = measure_repetition(segment(column([text])))
    assert found["duplicate_line_fraction"].tolist() == [lines]
    assert found["duplicate_line_character_fraction"].tolist() == [characters]


@pytest.mark.parametrize(
    ("text", "paragraphs", "characters"),
    [
        ("a\nb\n\na\nb", 0.5, 0.5),
        ("a\nb\na\nb", 0.0, 0.0),
        ("a\n \t\na\n\n\n\na", 2 / 3, 2 / 3),
        ("a\r\n\r\na\r\n", 0.5, 0.5),
        ("a\nb\n\nab\n\na\n\nb", 0.0, 0.0),
    ],
)
def test_fractions_of_known_paragraphs(text: str, paragraphs: float, characters: float) -> None:
    found = measure_repetition(segment(column([text])))
    assert found["duplicate_paragraph_fraction"].tolist() == [paragraphs]
    assert found["duplicate_paragraph_character_fraction"].tolist() == [characters]


def test_documents_do_not_repeat_each_other() -> None:
    found = measure_repetition(segment(column(["a\nb", "a\nb", "a\na"])))
    assert found["duplicate_line_fraction"].tolist() == [0.0, 0.0, 0.5]


@settings(max_examples=200)
@given(st.lists(texts(), max_size=4))
def test_repetition_is_its_definition(documents: list[str]) -> None:
    check_measures(measure_repetition, MEASURES, repetition_of, documents)


def test_repetition_of_awkward_and_bundled_documents_is_its_definition() -> None:
    check_measures(measure_repetition, MEASURES, repetition_of, [*AWKWARD, *bundled_texts()])
