"""Formulas between marks against their definition in Python."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.formula.delimiters import ENVIRONMENTS, find_formulas
from tests.filters.texts import AWKWARD, bundled_texts, column

_NAMES = "|".join(ENVIRONMENTS)
_MARKS = re.compile(
    rf"(?P<begin>\\begin\{{(?:{_NAMES})\*?\}})|(?P<end>\\end\{{(?:{_NAMES})\*?\}})|\\(?P<pair>[()\[\]])|(?P<escape>\\[^\n])"
    r"|(?P<blank>\n[ \t\r\v\f]*(?=\n))|(?P<open><math(?=[^A-Za-z0-9]))|(?P<close></math>)|(?P<dollar>\$)",
    re.ASCII,
)
_PARTNERS = {")": "(", "]": "["}


def formulas_of(text: str) -> list[tuple[int, int]]:
    """Return the byte ranges of all formulas: walk from mark to mark, and remember the one that is open."""
    text = text.encode().decode("latin-1")  # a character a byte
    found: list[tuple[int, int]] = []
    opened, start, place = "", 0, 0
    while mark := _MARKS.search(text, place):
        name, place = str(mark.lastgroup), mark.end()
        is_free = opened in ("", "$")
        if name == "blank":
            opened, place = "", mark.end()
            continue
        if name == "dollar":
            what, place = dollar(text, mark.start(), opened, start)
        elif name == "pair":
            sign = mark["pair"]
            closes = _PARTNERS.get(sign) == opened
            what = "close" if closes else sign if sign in "([" and (is_free or sign == opened) else ""
        elif name in ("begin", "open"):
            what = name if is_free or name == opened == "begin" else ""
        else:
            what = "close" if (name, opened) in (("end", "begin"), ("close", "open")) else ""
        if what == "close":
            found.append((start, place))
            opened = ""
        elif what:
            opened, start = what, mark.start()
    return found


def dollar(text: str, place: int, opened: str, start: int) -> tuple[str, int]:
    """Return what a dollar sign does, and the place after it."""
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    is_double = after == "$"
    if opened not in ("", "$", "$$"):
        return "", place + 1
    if opened == "$$":
        return ("close", place + 2) if is_double else ("", place + 1)
    is_tight = bool(re.match(r"\S\Z", before, re.ASCII)) and not re.match("[A-Za-z0-9]", after)
    if opened == "$" and place - 1 > start and is_tight:
        return "close", place + 1
    if is_double:
        return "$$", place + 2
    begins = not re.match(r"[A-Za-z0-9$]", before) and bool(re.match(r"\S", after, re.ASCII))
    return ("$" if begins else ""), place + 1


def check(texts: list[str]) -> None:
    found = [(int(each["document"]), int(each["start"]), int(each["end"])) for each in find_formulas(column(texts))]
    assert found == [(document, *span) for document, text in enumerate(texts) for span in formulas_of(text)]


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("", []),
        ("$", []),
        ("$$$", []),
        ("Let $x$ be", ["$x$"]),
        ("$a_1$, $a_2$.", ["$a_1$", "$a_2$"]),
        ("$x$$y$", ["$x$"]),
        ("$5 and $10", []),
        ("US$5-$6", []),
        ("$HOME/$USER", []),
        (r"\$5 for $x\$y$", [r"$x\$y$"]),
        ("$$a\nb$$", ["$$a\nb$$"]),
        ("$$a\n \nb$$", []),
        (r"\(a\) \[b\] \\(c\\)", [r"\(a\)", r"\[b\]"]),
        (r"\(a \(b\)", [r"\(b\)"]),
        (r"\begin{align*} $x$ & y \end{align*}", [r"\begin{align*} $x$ & y \end{align*}"]),
        (r"\begin{proof} $x$ \end{proof}", ["$x$"]),
        (r"\begin{equation}" + "\n\n$x$", ["$x$"]),
        ("<math a='1'><mi>x</mi></math> <mathx></math>", ["<math a='1'><mi>x</mi></math>"]),
        ("é$x$é", ["$x$"]),
    ],
)
def test_formulas_of_known_texts(text: str, formulas: list[str]) -> None:
    assert [text.encode()[each["start"] : each["end"]].decode() for each in find_formulas(column([text]))] == formulas


_PIECES = [*"$$$$\\\\()[]x1 \n", "$$", "\n\n", r"\(", r"\)", r"\[", r"\]", r"\begin{align}", r"\end{align}", "é"]
_MORE = [r"\begin{proof}", r"\end{equation*}", "<math>", "</math>", "<math", "$x$", "\r\n", r"\begin{gather", "{align}"]


@settings(max_examples=800)
@given(st.lists(st.lists(st.sampled_from(_PIECES + _MORE), max_size=20).map("".join), max_size=3))
def test_formulas_are_their_definition(texts: list[str]) -> None:
    check(texts)


def test_formulas_in_awkward_and_bundled_documents_are_their_definition() -> None:
    check([*AWKWARD, *bundled_texts(), "$" * 1_000, "\\" * 1_000, r"\begin{align}" * 1_000, "$x$ " * 1_000])
