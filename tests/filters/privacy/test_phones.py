"""Telephone numbers against their definition in Python."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.privacy.phones import find_phones
from tests.filters.texts import AWKWARD, bundled_texts, column

_SPACE = r"(?: |\xc2\xa0)"
_GAP = rf"{_SPACE}?(?:[-/]|\.|\xe2\x80[\x90-\x93])?{_SPACE}?"
_AMERICAN = (
    rf"(?P<code>1(?P<zero>{_GAP}))?(?P<area>\([2-9]\d\d\)|[2-9]\d\d)(?P<first>{_GAP})[2-9]\d\d(?P<second>{_GAP})\d{{4}}"
)
_GROUP = r"(?:\(\d+\)|\d+)"


def phones_of(text: str) -> list[tuple[int, int]]:
    """Return the byte ranges of all numbers, by their definition."""
    text = text.encode().decode("latin-1")  # a character a byte
    found: list[tuple[int, int]] = []
    place = 0
    while match := re.compile(r"(?<!\d)\d", re.ASCII).search(text, place):
        free = found[-1][1] if found else 0
        digit = match.start()
        before = text[digit - 1 : digit] if digit > free else ""
        starts = {"+": [digit - 1], "(": [digit - 1, digit]}.get(before, [digit])
        spans = [(start, end) for start in starts if (end := number_end(text, start))]
        found += spans[:1]
        rest = re.compile(r"\d*", re.ASCII).match(text, spans[0][1] if spans else digit)
        assert rest
        place = rest.end()
    return found


def number_end(text: str, start: int) -> int | None:
    """Return where the number that begins at `start` ends, None where none does."""
    before, is_plus = text[max(0, start - 2) : start], text[start] == "+"
    if re.search(r"[\w#]\Z|\d[-./,]\Z", before, re.ASCII) or (is_plus and re.search(r"[+*=^)]\Z", before)):
        return None
    if is_plus and text[start + 1] != "1":
        end = international_end(text, start)
    else:
        end = american_end(text, start + is_plus, is_plus)
    if end is None or re.compile(r"[0-9_#]|[-./,]\d", re.ASCII).match(text, end):
        return None
    return end


def american_end(text: str, start: int, is_plus: bool) -> int | None:
    match = re.compile(_AMERICAN, re.ASCII).match(text, start)
    if not match or (is_plus and not match["code"]):
        return None
    gaps = [kind(match[name]) for name in ("first", "second")]
    if not is_plus and ((match["code"] and kind(match["zero"]) == "none") or gaps[1] == "none"):
        return None
    if match["area"].startswith("("):
        return match.end()
    if (not is_plus and gaps[0] == "none") or (gaps[0] == "dot") != (gaps[1] == "dot"):
        return None
    is_beside = re.search(r"\d \Z", text[max(0, start - 2) : start], re.ASCII) or re.match(
        r" \d", text[match.end() : match.end() + 2], re.ASCII
    )
    return None if not is_plus and gaps == ["space", "space"] and is_beside else match.end()


def kind(gap: str) -> str:
    marks = gap.replace("\xc2\xa0", " ").strip(" ")
    return {"": "space" if gap else "none", ".": "dot"}.get(marks, "mark")


def international_end(text: str, start: int) -> int | None:
    """Take groups while there are no more than 15 digits."""
    ends, num_digits, place = [], 0, start + 1
    while group := re.compile(_GROUP, re.ASCII).match(text, place):
        num_digits += len(group.group().strip("()"))
        if num_digits > 15:
            num_digits -= len(group.group().strip("()"))
            break
        ends.append(group.end())
        gap = re.compile(_GAP).match(text, group.end())
        assert gap
        place = gap.end()
    is_enough = num_digits >= (8 if len(ends) > 1 else 10)
    return ends[-1] if is_enough and text[start + 1] != "0" else None


def check(texts: list[str]) -> None:
    found = [(int(each["document"]), int(each["start"]), int(each["end"])) for each in find_phones(column(texts))]
    assert found == [(document, *span) for document, text in enumerate(texts) for span in phones_of(text)]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", None),
        ("212-555-0100", "212-555-0100"),
        ("Call (212) 555-0100.", "(212) 555-0100"),
        ("(212)555-0100", "(212)555-0100"),
        ("(call 1-800-555-0100)", "1-800-555-0100"),
        ("(212.555.0100)", "212.555.0100"),
        ("212 555 0100", "212 555 0100"),
        ("212\u00a0555\u20110100", "212\u00a0555\u20110100"),
        ("212 - 555 - 0100", "212 - 555 - 0100"),
        ("tel:+12125550100", "+12125550100"),
        ("212-555-0100x55", "212-555-0100"),
        ("212-555-0100Sales", "212-555-0100"),
        ("+44 (0)20 7946 0958", "+44 (0)20 7946 0958"),
        ("+49 30 123456", "+49 30 123456"),
        ("+4930123456", "+4930123456"),
        ("+493012345", None),
        ("+49 30 1", None),
        ("2125550100", None),
        ("112-555-0100", None),
        ("212-155-0100", None),
        ("212-555-01000", None),
        ("3212-555-0100", None),
        ("ISBN 978-0-306-40615-2", None),
        ("0.212.555.0100", None),
        ("212.555 0100", None),
        ("300 400 5000 600", None),
        ("1 300 400 5000", "1 300 400 5000"),
        ("7 300 400 5000", None),
        ("212\n555\n0100", None),
        ("#212-555-0100", None),
        ("id_212-555-0100", None),
        ("x = a +442079460958", "+442079460958"),
        ("x = a+442079460958", None),
        ("+9223372036854775807", None),
    ],
)
def test_numbers_of_known_texts(text: str, number: str | None) -> None:
    found = [text.encode()[each["start"] : each["end"]].decode() for each in find_phones(column([text]))]
    assert found == ([] if number is None else [number])


_PIECES = ["212", "555", "0100", "1", "+", "+1", "+44", "(", ")", "(212)", "-", ".", " ", " ", "/", "\u2011", "\u00a0"]
_NUMBERS = ["212-555-0100", "(212) 555-0100", "+44 20 7946 0958", "20 7946", "x", "_", "#", "\n", "é", ",", "0", "(0)"]


@settings(max_examples=800)
@given(st.lists(st.lists(st.sampled_from(_PIECES + _NUMBERS), max_size=14).map("".join), max_size=3))
def test_numbers_are_their_definition(texts: list[str]) -> None:
    check(texts)


def test_numbers_in_awkward_and_bundled_documents_are_their_definition() -> None:
    check([*AWKWARD, *bundled_texts(), "1" * 1_000, "+1" * 1_000, "(212) 555-0100" * 1_000, "+44 " * 1_000])
