"""Signs of formulas against their definitions in Python."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.formula.delimiters import find_formulas
from filters.formula.signals import ACCENTED, COMMANDS, GREEK, MARKERS, MEASURES, SYMBOLS, FormulaGroup
from filters.text.characters import ALPHABETIC, character_classes
from tests.filters.texts import AWKWARD, batch, bundled_texts, column, texts

_MARKER = "|".join(map(re.escape, MARKERS))


def signals_of(text: str) -> dict[str, float]:
    """Return every measure, by its definition, over the formulas that are found between marks."""
    spans = [(int(each["start"]), int(each["end"])) for each in find_formulas(column([text]))]
    data = text.encode()
    spans = [(len(data[:start].decode()), len(data[:end].decode())) for start, end in spans]
    commands = [name for name in re.findall(r"\\([A-Za-z]+)", text) if name in COMMANDS]
    markers = re.findall(_MARKER, text, re.IGNORECASE | re.ASCII)
    prose = [each.group() for each in re.finditer(r"\S+", text) if is_prose(each, spans)]
    size = len(text)
    return {
        "has_formulas": int(bool(spans or commands or markers)),
        "num_formulas": len(spans),
        "formula_fraction": sum(end - start for start, end in spans) / size if size else 0.0,
        "num_latex_commands": len(commands),
        "num_formula_markers": len(markers),
        "math_symbol_fraction": share(text, SYMBOLS),
        "greek_letter_fraction": share(text, GREEK),
        "accented_letter_fraction": share(text, ACCENTED),
        "num_newcommand_lines": sum(line.lower().count("newcommand") > 1 for line in text.split("\n")),
        "num_prose_words": len(prose),
        "mean_prose_word_length": sum(map(len, prose)) / len(prose) if prose else 0.0,
        "alphabetic_prose_word_fraction": sum(any(map(is_letter, each)) for each in prose) / len(prose)
        if prose
        else 0.0,
    }


def is_prose(word: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    text = word.group()
    if any(start < word.end() and word.start() < end for start, end in spans) or re.search(r"\\[A-Za-z]", text):
        return False
    signs = "-*/_|~%!&()[]{}.,:;'$0123456789+=<>^"
    is_expression = all(each in signs or is_letter(each) or is_in(each, SYMBOLS) for each in text)
    is_expression &= not any(is_letter(first) and is_letter(second) for first, second in pairwise(text))
    return not (is_expression and any(each in "0123456789+=<>^" or is_in(each, SYMBOLS) for each in text))


def is_letter(character: str) -> bool:
    return bool(character_classes()[ord(character)] & ALPHABETIC)


def is_in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(character) < end for first, end in ranges)


def share(text: str, ranges: tuple[tuple[int, int], ...]) -> float:
    return sum(is_in(each, ranges) for each in text) / len(text) if text else 0.0


def check(documents: list[str]) -> None:
    group = FormulaGroup()
    group.setup()
    found = group.measure(batch(documents))
    defined = [signals_of(text) for text in documents]
    assert list(found) == list(group.columns())
    for each in MEASURES:
        wanted = np.array([row[each.name] for row in defined], found[each.name].dtype)
        np.testing.assert_allclose(found[each.name], wanted, rtol=0, atol=1e-9, err_msg=each.name)


@pytest.mark.parametrize(
    ("text", "num_prose_words", "has_formulas"),
    [
        ("", 0, 0),
        ("two words", 2, 0),
        ("if x=2y, then 24", 2, 0),
        ("48/2 = <<48/2=24>>24 clips", 1, 0),
        ("a - b --- |", 5, 0),
        ("$n$-th root", 1, 1),
        (r"so \frac{1}{2} it", 2, 1),
        (r"\emph{so} it", 1, 0),
        ("x \u2208 A", 2, 0),
        ("<script src=MathJax.js>", 2, 1),
    ],
)
def test_prose_and_formulas_of_known_texts(text: str, num_prose_words: int, has_formulas: int) -> None:
    group = FormulaGroup()
    group.setup()
    found = group.measure(batch([text]))
    assert (found["num_prose_words"].tolist(), found["has_formulas"].tolist()) == ([num_prose_words], [has_formulas])


_PIECES = [
    "$x$",
    "$",
    r"\frac",
    r"\alpha",
    r"\alphas",
    r"\\",
    "\\",
    "x",
    "ab",
    "é",
    "Ω",
    "\u2211",
    "=",
    "2",
    "-",
    " ",
    "\n",
]
_MORE = [
    "katex",
    "MathJax",
    "<math",
    "\\newcommand",
    "newcommand",
    "(",
    "\U0001d538",
    "text/x-tex",
    "\u017f",
    "\u212a",
    "\n\n",
    "|",
]


@settings(max_examples=300)
@given(st.lists(st.one_of(texts(), st.lists(st.sampled_from(_PIECES + _MORE), max_size=20).map("".join)), max_size=3))
def test_signals_are_their_definitions(documents: list[str]) -> None:
    check(documents)


def test_signals_of_awkward_and_bundled_documents_are_their_definitions() -> None:
    check([*AWKWARD, *bundled_texts()[::40], r"\frac" * 1_000, "x" * 10_000])
