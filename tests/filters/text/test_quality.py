"""Gopher quality against its definition in Python."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.quality import BULLETS, MEASURES, STOP_WORDS, measure_quality
from filters.text.segments import segment
from tests.filters.texts import AWKWARD, bundled_texts, check_measures, column, texts


def quality_of(text: str) -> dict[str, float]:
    """Return every measure of this module, by its definition."""
    words = text.split()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    num_words, num_lines = max(len(words), 1), max(len(lines), 1)
    return {
        "mean_word_length": sum(map(len, words)) / num_words,
        "hash_symbol_ratio": text.count("#") / num_words,
        "ellipsis_ratio": (text.count("...") + text.count("\u2026")) / num_words,
        "bullet_line_fraction": sum(line.startswith(BULLETS) for line in lines) / num_lines,
        "ellipsis_line_fraction": sum(line.endswith(("...", "\u2026")) for line in lines) / num_lines,
        "alphabetic_word_fraction": sum(any(map(str.isalpha, word)) for word in words) / num_words,
        "num_stop_words": len(set(STOP_WORDS) & {word.lower() for word in words}),
    }


def value_of(measure: str, text: str) -> float:
    return float(measure_quality(segment(column([text])))[measure][0])


@pytest.mark.parametrize(
    ("measure", "text", "value"),
    [
        ("mean_word_length", "", 0.0),
        ("mean_word_length", "a bcd, \U0001f600", 2.0),
        ("hash_symbol_ratio", "# a##b c d", 0.75),
        ("ellipsis_ratio", "so... and\u2026 on", 2 / 3),
        ("ellipsis_ratio", ".. ....... .", 2 / 3),
        ("bullet_line_fraction", "- a\n  * b\n\n\u2022c\nd", 0.75),
        ("bullet_line_fraction", "\u25cf\n\u2023\n1. a\n+ b", 0.25),
        ("ellipsis_line_fraction", "so...\nso\u2026 \r\n\nso ..\nso", 0.5),
        ("alphabetic_word_fraction", "a1 1 - \u00e9 \u65e5", 0.6),
        ("num_stop_words", "the The THE", 1),
        ("num_stop_words", "the, be. (to) of", 1),
        ("num_stop_words", "The be to OF and That have wItH", 8),
        ("num_stop_words", "\x14\x08\x05 thee t th withe", 0),
    ],
)
def test_values_of_known_texts(measure: str, text: str, value: float) -> None:
    assert value_of(measure, text) == value


def test_no_two_characters_but_the_cases_of_a_letter_are_taken_for_one_in_a_stop_word() -> None:
    for word in STOP_WORDS:
        for place in range(len(word)):
            for code in range(128):
                spelling = word[:place] + chr(code) + word[place + 1 :]
                assert value_of("num_stop_words", spelling) == quality_of(spelling)["num_stop_words"]


def test_the_rule_sets_words_fit_the_kernel() -> None:
    assert all(re.fullmatch("[a-z]{1,4}", word) for word in STOP_WORDS)


@settings(max_examples=200)
@given(st.lists(texts(), max_size=4))
def test_quality_is_its_definition(documents: list[str]) -> None:
    check_measures(measure_quality, MEASURES, quality_of, documents)


def test_quality_of_awkward_and_bundled_documents_is_its_definition() -> None:
    check_measures(measure_quality, MEASURES, quality_of, [*AWKWARD, *bundled_texts()])
