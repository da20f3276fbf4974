"""Letters, digits, lines and words against their definition in Python."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.program import contents
from filters.program.contents import MEASURES, find_contents, measure_contents
from tests.filters.program.files import bundled_files
from tests.filters.texts import AWKWARD, column, texts


def contents_of(text: str) -> dict[str, float]:
    """Return every measure of this module, by its definition."""
    words = text.split()
    most = [count for _, count in Counter(words).most_common(2)]
    letters, num_characters, num_words = sum(map(str.isalpha, text)), max(len(text), 1), max(len(words), 1)
    return {
        "num_all_lines": len(lines_of(text)),
        "alphabetic_fraction": letters / num_characters,
        "digit_fraction": sum(character in "0123456789" for character in text) / num_characters,
        "alphabetic_per_word": letters / num_words if words else 0.0,
        "top_word_fraction": sum(most[:1]) / num_words,
        "top_two_words_fraction": sum(most) / num_words,
    }


def lines_of(text: str) -> list[str]:
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def check(documents: list[str]) -> None:
    found = find_contents(column(documents))
    measures = measure_contents(found)
    wanted = [contents_of(text) for text in documents]
    assert list(measures) == [measure.name for measure in MEASURES]
    for name, values in measures.items():
        np.testing.assert_allclose(values, [row[name] for row in wanted], rtol=0, atol=1e-9, err_msg=name)
    assert found["characters"].tolist() == [len(text) for text in documents]
    assert found["alphanumerics"].tolist() == [sum(map(str.isalnum, text)) for text in documents]
    assert found["line_characters"].tolist() == [len(text) - text.count("\n") for text in documents]
    assert found["longest_line"].tolist() == [max(map(len, lines_of(text)), default=0) for text in documents]


@pytest.mark.parametrize(
    ("measure", "text", "value"),
    [
        ("num_all_lines", "", 0),
        ("num_all_lines", "\n", 1),
        ("num_all_lines", "a\n\nb", 3),
        ("alphabetic_fraction", "", 0.0),
        ("alphabetic_fraction", "aé1 ", 0.5),
        ("digit_fraction", "12a²", 0.5),
        ("alphabetic_per_word", " ", 0.0),
        ("alphabetic_per_word", "ab 1 c", 1.0),
        ("top_word_fraction", "", 0.0),
        ("top_word_fraction", "a b a A", 0.5),
        ("top_two_words_fraction", "a", 1.0),
        ("top_two_words_fraction", "a b a b c d", 4 / 6),
        ("top_two_words_fraction", "a b b a a c", 5 / 6),
    ],
)
def test_values_of_known_texts(measure: str, text: str, value: float) -> None:
    assert measure_contents(find_contents(column([text])))[measure].tolist() == [value]


@settings(max_examples=200)
@given(st.lists(texts(), max_size=4))
def test_contents_are_their_definition(documents: list[str]) -> None:
    check(documents)


def test_contents_of_awkward_and_bundled_files_are_their_definition() -> None:
    check([*AWKWARD, *(text for _, text in bundled_files())])


def test_more_words_than_the_first_table_holds_are_counted() -> None:
    many = " ".join(map(str, range(10_000)))
    check(["a b a", f"{many} 7 7 8", "a a b"])


def test_words_beyond_the_limit_are_not_told_apart() -> None:
    assert contents.MAX_WORDS == 1 << 19
    words = [f"{word:x}" for word in range(contents.MAX_WORDS)]
    text = " ".join([*words, "7", *["late"] * 5])
    found = find_contents(column([text]))[0]
    assert (found["words"], found["top"], found["second"]) == (len(words) + 6, 2, 1)
