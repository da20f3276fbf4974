"""FineWeb's measures of lines against their definition in Python."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.fineweb import MEASURES, measure_fineweb, terminal_marks
from filters.text.segments import segment
from tests.filters.texts import AWKWARD, bundled_texts, check_measures, column, texts

MARKS = frozenset(chr(code_point) for code_point in terminal_marks().nonzero()[0])


def fineweb_of(text: str) -> dict[str, float]:
    """Return every measure of this module, by its definition."""
    lines = [line for line in text.split("\n") if line.strip()]
    num_lines = max(len(lines), 1)
    return {
        "terminal_punctuation_line_fraction": sum(line.rstrip()[-1] in MARKS for line in lines) / num_lines,
        "short_line_fraction": sum(len(line) <= 30 for line in lines) / num_lines,
        "newline_word_ratio": text.count("\n") / len(text.split()) if text.split() else 0.0,
    }


def value_of(measure: str, text: str) -> float:
    return float(measure_fineweb(segment(column([text])))[measure][0])


@pytest.mark.parametrize(
    ("measure", "text", "value"),
    [
        ("terminal_punctuation_line_fraction", "", 0.0),
        ("terminal_punctuation_line_fraction", "a.\nb\n\nc! \r\nd\u2026", 0.5),
        (
            "terminal_punctuation_line_fraction",
            '\u3002\n\U0001da88\n\u17d4\n\u0589\n\u00e9\n\u65e5\n\U0010ffff\n"',
            0.5,
        ),
        ("short_line_fraction", "a" * 30 + "\n" + "a" * 31 + "\n" + "\u00e9" * 30 + "\n" + "a" * 29 + "  ", 0.5),
        ("newline_word_ratio", "a b\n\n\nc d", 0.75),
        ("newline_word_ratio", "\n\n", 0.0),
    ],
)
def test_values_of_known_texts(measure: str, text: str, value: float) -> None:
    assert value_of(measure, text) == value


def test_terminal_marks_are_marks_of_ascii_and_of_other_scripts() -> None:
    assert {mark for mark in MARKS if mark.isascii()} == {".", "!", "?"}
    assert set("\u3002\uff01\uff1f\uff0e\u06d4\u0964\u0965\u2047\u203d\u17d4") <= MARKS
    assert not MARKS & set("\u2026\u201d\u00bb,;:\u060c\uff0c")
    assert not any(mark.isalnum() or mark.isspace() for mark in MARKS)


@settings(max_examples=200)
@given(st.lists(st.one_of(texts(), st.lists(st.sampled_from([*sorted(MARKS), "\n", "a"])).map("".join)), max_size=4))
def test_fineweb_is_its_definition(documents: list[str]) -> None:
    check_measures(measure_fineweb, MEASURES, fineweb_of, documents)


def test_fineweb_of_awkward_and_bundled_documents_is_its_definition() -> None:
    check_measures(measure_fineweb, MEASURES, fineweb_of, [*AWKWARD, *bundled_texts()])
