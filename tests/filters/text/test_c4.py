"""C4's readings of a page against their definition in Python."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.c4 import MEASURES, measure_c4
from filters.text.c4_lines import POLICY_PHRASES
from filters.text.segments import segment
from tests.filters.c4_reading import OURS, page_of, small
from tests.filters.texts import AWKWARD, bundled_texts, check_measures, column, texts

PIECES = (
    *("Lorem ipsum", "JavaScript", "java", "script", "{", "[1]", "[", "]", "[edit]", "[citation needed]", "[12", "[]"),
    *("terms of use", "Use of Cookies", "use", "cookies", "privacy", "policy", "a" * 1_001, "word", "two words here"),
    *(".", "!", "?", '"', "'", ")", "\u201d", "\u2019", "...", "Dr.", "J.", "p.m.", "etc.", "(e.g.", "No.", "So", "so"),
    *(" ", " ", " ", " ", "\n", "\n", "\t", "\u3000", "\x85", "\u2028", "\u212a", "\u00e9"),
)
"""What C4 looks at."""


def pages() -> st.SearchStrategy[str]:
    """Return a strategy of pages of what C4 looks at."""
    return st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


def c4_of(text: str) -> dict[str, int]:
    """Return every measure of this module, by its definition."""
    lines = [line for line in text.split("\n") if line.strip()]
    found = {
        "max_word_length": max(map(len, text.split()), default=0),
        "num_lorem_ipsum_lines": sum("lorem ipsum" in small(line) for line in lines),
        "num_curly_bracket_lines": sum("{" in line for line in lines),
        "num_javascript_lines": sum("javascript" in small(line) for line in lines),
        "num_policy_lines": sum(any(phrase in small(line) for phrase in POLICY_PHRASES) for line in lines),
        "num_long_lines": sum(len(line) >= 200 for line in lines),
    }
    for name, rules in OURS.items():
        found |= {f"c4_{name}_{measure}": value for measure, value in page_of(text, rules)[1].items()}
    return found


def value_of(measure: str, text: str) -> int:
    return int(measure_c4(segment(column([text])))[measure][0])


@pytest.mark.parametrize(
    ("measure", "text", "value"),
    [
        ("max_word_length", "a bcd \U0001f600", 3),
        ("num_lorem_ipsum_lines", "Lorem Ipsum\nxlorem ipsumx\nlorem  ipsum", 2),
        ("num_curly_bracket_lines", "{{\n}\n a{", 2),
        ("num_javascript_lines", "nojavascripts\nJava Script", 1),
        ("num_policy_lines", "Our Terms of Use\nthis site uses cookies\ncookies", 2),
        ("num_long_lines", "a" * 199 + "\n" + "a" * 200 + "\n" + "\u00e9" * 199 + " \n" + " " * 200, 2),
        ("c4_paper_num_lines", "One two three.\nOne two.\nOne two three", 1),
        ("c4_paper_num_lines", "One two three...\nOne two three!\nOne two three?\nOne two three\"\nOne two three'", 4),
        ("c4_code_num_lines", "One two three four five...\nOne two three four.\nOne two three four five.", 1),
        ("c4_code_num_lines", "a" * 1_001 + " two three four five.", 0),
        ("c4_code_num_lines", "a" * 1_000 + " two three four five.", 1),
        ("c4_fineweb_num_lines", "One two three\nOne two", 1),
        ("c4_paper_num_words", "One [1] two three.[2]\n[3] [4] one two.", 3),
        ("c4_paper_num_lines", "One two three. [1]", 0),
        ("c4_fineweb_num_lines", "java[1]script is here", 0),
        ("c4_code_num_lorem_ipsum_lines", "One lorem ipsum three four.\nlorem ipsum", 1),
        ("c4_code_num_curly_bracket_lines", "One { two three four.\n{\nOne { javascript two three.", 1),
        ("c4_fineweb_num_curly_bracket_lines", "One { privacy policy", 1),
    ],
)
def test_values_of_known_texts(measure: str, text: str, value: int) -> None:
    assert value_of(measure, text) == value


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("one two three", 1),
        ("One. Two! Three? Four", 4),
        ("He said (so.) And \u201cit was.\u201d Then", 3),
        ("Dr. Smith and J. Doe met Prof. Lee etc. there", 1),
        ("at 5 p.m. it ended", 1),
        ("at 5 p.m. It ended", 2),
        ("so... it went on", 1),
        ("it rained. then it stopped", 2),
        (". . .", 3),
        ("\" ' )", 1),
    ],
)
def test_sentences_of_known_lines(line: str, value: int) -> None:
    assert value_of("c4_fineweb_num_sentences", line) == (value if len(line.split()) > 2 else 0)


@settings(max_examples=200)
@given(st.lists(st.one_of(pages(), texts()), max_size=4))
def test_c4_is_its_definition(documents: list[str]) -> None:
    check_measures(measure_c4, MEASURES, c4_of, documents)


def test_c4_of_awkward_and_every_seventh_bundled_document_is_its_definition() -> None:
    check_measures(measure_c4, MEASURES, c4_of, [*AWKWARD, *bundled_texts()[::7]])


def test_a_line_of_ten_million_brackets_or_closing_quotes_takes_linear_time() -> None:
    for text in ("[" * 10_000_000, '"' * 10_000_000, "[1" * 5_000_000, "use cookie" * 1_000_000):
        assert value_of("c4_code_num_lines", text) == 0
