"""Runs of newlines against their definition, a regular expression."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.edits import apply_edits, find_edits
from filters.text import newlines
from filters.text.newlines import CollapseNewlines
from tests.filters.texts import batch


def edited(documents: list[str]) -> list[str]:
    found = batch(documents)
    after = apply_edits(found.texts, find_edits([CollapseNewlines()], found))
    return [after.text(document) for document in range(len(documents))]


@settings(max_examples=200)
@given(st.lists(st.text("a \n\r", max_size=30), max_size=4))
def test_runs_of_newlines_are_cut_to_two(documents: list[str]) -> None:
    assert edited(documents) == [re.sub(r"\n{3,}", "\n\n", text) for text in documents]


def test_more_spans_than_are_found_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = ["a\n\n\n\nb c\nX\n\n\n" * 200, "d\n\n\n" * 100, ""]
    whole = edited(documents)
    monkeypatch.setattr(newlines, "_ROOM", 40)
    assert edited(documents) == whole
