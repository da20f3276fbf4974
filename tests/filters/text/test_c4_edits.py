"""C4's removal of lines against what is left by its definition in Python."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.edits import apply_edits, find_edits
from filters.text.c4_edits import C4Lines, C4LinesFineWeb, C4LinesPaper
from tests.filters.c4_reading import OURS, judged_lines, page_of
from tests.filters.text.test_c4 import pages
from tests.filters.texts import AWKWARD, batch, bundled_texts, texts

EDITORS = {"code": C4Lines(), "paper": C4LinesPaper(), "fineweb": C4LinesFineWeb()}
for _editor in EDITORS.values():
    _editor.setup()


def edited(documents: list[str], editor: C4Lines) -> list[str]:
    documents_read = batch(documents)
    after = apply_edits(documents_read.texts, find_edits([editor], documents_read))
    return [after.text(document) for document in range(after.num_documents)]


def check_edits(documents: list[str]) -> None:
    """Hold what each editor leaves to C4's definition: all but whitespace at the ends where a citation was is equal."""
    for name, rules in OURS.items():
        for text, found in zip(documents, edited(documents, EDITORS[name]), strict=True):
            left = "\n".join(line for line, reason in judged_lines(text, rules) if reason is None)
            assert found == left
            assert found.strip() == page_of(text, rules)[0]


@pytest.mark.parametrize(
    ("name", "text", "left"),
    [
        ("code", "", ""),
        ("code", " \n\n ", ""),
        (
            "code",
            "Menu\n One two three four five. \n\n\nHome\nSix seven eight nine ten!\n",
            "One two three four five.\nSix seven eight nine ten!",
        ),
        ("code", "One two three four.\nOne two three four five...", ""),
        ("paper", "One two three.\nOne two three...\nOne two", "One two three.\nOne two three..."),
        ("fineweb", "One two three\nOne two\n", "One two three"),
        ("fineweb", "Enable JavaScript now\nour privacy policy\nas[1] it[edit] is[citation needed]", "as it is"),
        ("paper", "[1] One two three.\n[2] One two three.", " One two three.\n One two three."),
    ],
)
def test_what_is_left_of_known_texts(name: str, text: str, left: str) -> None:
    assert edited([text], EDITORS[name]) == [left]


def test_each_byte_that_goes_has_its_reason() -> None:
    lines = {
        "c4_no_terminal_mark": "Home page\n",
        "c4_long_word": f"{'a' * 1_001} b c d e.\n",
        "c4_few_words": "One two.\n\n",
        "c4_javascript": "Use javascript and one two.\n",
        "c4_policy": "Our terms of use one two.\n",
    }
    edits = find_edits([EDITORS["code"]], batch([f" {''.join(lines.values())}One[1] two three four five. "]))
    lost: Counter[str] = Counter()
    for each in edits.spans:
        lost[edits.reasons[each["reason"]]] += int(each["end"] - each["start"])
    assert lost == {reason: len(line) for reason, line in lines.items()} | {"c4_citation": 3, "c4_whitespace": 2}


def test_what_was_edited_once_stays_as_it_is() -> None:
    documents = [text for text in bundled_texts()[::40] if "[" not in text]
    for editor in EDITORS.values():
        once = edited(documents, editor)
        assert edited(once, editor) == once


def test_editors_have_fingerprints_of_their_own() -> None:
    assert len({editor.fingerprint() for editor in EDITORS.values()}) == len(EDITORS)


@settings(max_examples=200)
@given(st.lists(st.one_of(pages(), texts()), max_size=4))
def test_what_is_left_is_what_c4_leaves(documents: list[str]) -> None:
    check_edits(documents)


def test_what_is_left_of_awkward_and_some_bundled_documents_is_what_c4_leaves() -> None:
    check_edits([*AWKWARD, *bundled_texts()[::20]])
