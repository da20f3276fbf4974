"""Line corrections against their definition in Python."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.batches import Batch
from filters.edits import Editor, apply_edits, find_edits
from filters.text import refinedweb_lines
from filters.text.refinedweb import RefinedWebGroup, RefinedWebLines
from filters.text.refinedweb_lines import COUNTED
from tests.filters.texts import AWKWARD, batch, bundled_texts, column, texts

_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_COUNTER = re.compile(rf"\W*[0-9][0-9,.]*[kmb]?\s+({'|'.join(COUNTED)})\W*")
_SPELLINGS = {
    "refinedweb_items_in_cart": "items in cart",
    "refinedweb_read_more": "Read more...",
    "refinedweb_sign_in": "Sign-in",
}
_PHRASES = {
    "refinedweb_items_in_cart": re.compile(r"\bitems in cart\b"),
    "refinedweb_read_more": re.compile(r"\bRead more\.\.\.\Z"),
    "refinedweb_sign_in": re.compile(r"\ASign-in\b"),
}

LINES = st.lists(
    st.sampled_from(
        [
            "items in cart",
            "Read more...",
            "Sign-in",
            "3.5K",
            "12,000",
            "likes",
            "Views",
            "ABC",
            "42",
            "-",
            "word",
            "é",
            "É",
        ]
        + ["\n"] * 8
        + ["\n\n\n", "\u3000", "\t", "s", "_", "١٢"]
        + [" "] * 8
    ),
    max_size=60,
).map("".join)


def num_words_of(text: str) -> int:
    return sum(any(map(str.isalnum, word)) for word in text.split())


def cut(line: str) -> tuple[str, list[str]]:
    """Return a line without its phrases, and why."""
    left, rest, reasons = "", line, list[str]()
    while True:
        place = len(line) - len(rest)
        found = [(match.start(), reason) for reason, each in _PHRASES.items() if (match := each.search(line, place))]
        if not found:
            return left + rest, reasons
        start, reason = min(found)
        end = start + len(_SPELLINGS[reason])
        between = line[place:start]
        if left + between:
            between = between[:-1] if between[-1:].isspace() else between
        elif line[end : end + 1].isspace():
            end += 1
        left, rest = left + between, line[end:]
        reasons.append(reason)


def correct(text: str) -> tuple[str, list[str]]:
    """Return a text after the corrections, and the reasons for what went."""
    kept, newlines, went, reasons = "", 0, False, []
    for whole in re.findall(r"[^\n]*\n|[^\n]+", text):
        line = whole.strip()
        num_upper, num_words = sum(map(str.isupper, line)), num_words_of(line)
        corrected, why = line, list[str]()
        if line and 2 * num_upper > len(line):
            corrected, why = "", ["refinedweb_upper_case"]
        elif re.fullmatch("[0-9]+", line):
            corrected, why = "", ["refinedweb_numeric"]
        elif _COUNTER.fullmatch(line.translate(_ASCII_LOWER)):
            corrected, why = "", ["refinedweb_counter"]
        elif line and num_words < 2:
            corrected, why = "", ["refinedweb_short"]
        elif num_words <= 10:
            corrected, why = cut(line)
        if why and not corrected.strip():
            went, why = True, why[:1]
        elif whole == "\n" and went and newlines >= 2:
            why = ["refinedweb_blank_line"]
        else:
            newlines, went = (newlines + 1, went) if whole == "\n" else (1, False)
            kept += whole.replace(line, corrected) if line else whole
        reasons += why
    return kept, reasons


def edit(editor: Editor, documents: list[str]) -> list[tuple[str, list[str]]]:
    """Return the texts after an edit, and the reasons for what went."""
    editor.setup()
    found = batch(documents)
    edits = find_edits([editor], found)
    after = apply_edits(found.texts, edits)
    spans = edits.spans
    return [
        (after.text(d), [editor.reasons[each["reason"]] for each in spans[spans["document"] == d]])
        for d in range(len(documents))
    ]


def removed_fraction(documents: list[str]) -> list[float]:
    group = RefinedWebGroup()
    group.setup()
    return list(group.measure(batch(documents))["refinedweb_removed_word_fraction"])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("HOME aboutUs", None),
        ("HOME aboutUS", None),  # just half
        ("HOME ABOUTus", "upper_case"),
        ("ABC d", "upper_case"),
        ("ÄÖÜ ß", "upper_case"),
        ("20240131", "numeric"),
        (" 123 \r", "numeric"),
        ("3 likes", "counter"),
        ("» 3.5K Views!", "counter"),
        ("1,234,567\u3000followers", "counter"),
        ("3 people like this", None),
        ("a 3 likes", None),
        ("3 likes_", None),
        ("12 345", None),
        ("Home", "short"),
        ("Home | »", "short"),
        ("-----", "short"),
        ("two words", None),
        (" \t", None),
        ("Sign-in", "short"),
        ("Read more...", "read_more"),
        ("items in cart", "items_in_cart"),
    ],
)
def test_lines_go_for_the_first_reason_that_holds(line: str, reason: str | None) -> None:
    text = f"one two three\n{line}\nfour five six"
    wanted = (text, []) if reason is None else ("one two three\nfour five six", [f"refinedweb_{reason}"])
    assert edit(RefinedWebLines(), [text]) == [wanted]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("3 items in cart now", "3 now"),
        ("items in cart now then", "now then"),
        ("you have (0 items in cart)", "you have (0)"),
        ("subitems in carton boxes", "subitems in carton boxes"),
        ("Items In Cart now", "Items In Cart now"),
        ("The moon rises. Read more...", "The moon rises."),
        ("Read more... of this", "Read more... of this"),
        ("Sign-in to see more", "to see more"),
        ("Please Sign-in to see", "Please Sign-in to see"),
        ("Sign-ins are rare here", "Sign-ins are rare here"),
        ("Sign-in items in cart for all Read more...", "for all"),
        ("1 2 3 4 5 6 7 items in cart", "1 2 3 4 5 6 7"),
        ("1 2 3 4 5 6 7 8 items in cart", "1 2 3 4 5 6 7 8 items in cart"),
    ],
)
def test_phrases_are_cut_from_lines_of_at_most_ten_words(line: str, left: str) -> None:
    assert edit(RefinedWebLines(), [line])[0][0] == left


def test_blank_lines_that_meet_become_one_and_others_stay() -> None:
    assert edit(RefinedWebLines(), ["a b\n\nX\n\n\nc d\n\n\n\ne f"])[0][0] == "a b\n\nc d\n\n\n\ne f"


def test_share_of_words_that_would_go() -> None:
    assert removed_fraction(["", "one two\nthree", "3 items in cart now", "a b c"]) == [0.0, 1 / 3, 3 / 5, 0.0]


@settings(max_examples=200)
@given(st.lists(st.one_of(LINES, texts()), max_size=4))
def test_corrections_are_their_definition(documents: list[str]) -> None:
    check(documents)


def test_corrections_of_awkward_and_bundled_documents_are_their_definition() -> None:
    check([*AWKWARD, *bundled_texts()[::8]])


def check(documents: list[str]) -> None:
    wanted = [correct(text) for text in documents]
    assert edit(RefinedWebLines(), documents) == wanted
    shares = []
    for text, (left, _) in zip(documents, wanted, strict=True):
        num_words = num_words_of(text)
        shares.append(1 - num_words_of(left) / num_words if num_words else 0.0)
    np.testing.assert_allclose(removed_fraction(documents), shares, rtol=0, atol=1e-9)


def test_more_spans_than_are_found_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = ["a\n\n\n\nb c\nX\n\n\n" * 200, "d\n\n\n" * 100, ""]
    whole = edit(RefinedWebLines(), documents)
    monkeypatch.setattr(refinedweb_lines, "_ROOM", 40)
    assert edit(RefinedWebLines(), documents) == whole


def test_slices_of_a_column_are_edited_in_their_own_bytes() -> None:
    (_, part) = column(["one two three", "HOME\nfour five"]).slices(14)
    assert RefinedWebLines().find(Batch(part)).tolist() == [(0, 0, 5, 0)]
