"""Parts between newlines against `str.split` and `re.split`."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.variants.lines import BLANK_LINES, COPIES, EACH_NEWLINE, NEWLINES, Separator, find_copies
from tests.filters.texts import AWKWARD, column, texts

PATTERNS = {EACH_NEWLINE: "\n", NEWLINES: "\n+", BLANK_LINES: "\n{2,}"}


def copies_of(text: str, separator: Separator) -> tuple[int, ...]:
    """Return the fields of COPIES, by their definition."""
    parts = re.split(PATTERNS[separator], text)
    counts = Counter(parts)
    copies = [part for part, count in counts.items() if count > 1 for _ in range(count)]
    repeats = [part for part, count in counts.items() for _ in range(count - 1)]
    return len(parts), len(copies), sum(map(len, copies)), len(repeats), sum(map(len, repeats))


def found_copies(documents: list[str], separator: Separator) -> list[tuple[int, ...]]:
    documents_column = column(documents)
    offsets = documents_column.offsets
    found = find_copies(documents_column.data, offsets[:-1], offsets[1:], separator)
    assert found.dtype == COPIES
    return [tuple(row) for row in found.tolist()]


@pytest.mark.parametrize(
    ("text", "separator", "parts"),
    [
        ("", NEWLINES, 1),
        ("\n", NEWLINES, 2),
        ("a\n\nb", NEWLINES, 2),
        ("a\n\nb", EACH_NEWLINE, 3),
        ("a\n\nb", BLANK_LINES, 2),
        ("a\nb", BLANK_LINES, 1),
        ("\n\n\n", BLANK_LINES, 2),
    ],
)
def test_parts_of_known_texts(text: str, separator: Separator, parts: int) -> None:
    assert found_copies([text], separator)[0][0] == parts


def test_the_empty_ends_of_a_text_are_copies_of_each_other() -> None:
    assert found_copies(["\na\n"], NEWLINES) == [(3, 2, 0, 1, 0)]


@pytest.mark.parametrize("separator", PATTERNS)
@settings(max_examples=100)
@given(documents=st.lists(texts(), max_size=4))
def test_copies_are_their_definition(separator: Separator, documents: list[str]) -> None:
    documents = [*documents, *AWKWARD]
    assert found_copies(documents, separator) == [copies_of(text, separator) for text in documents]


def test_no_documents_have_no_parts() -> None:
    none = np.zeros(0, np.int64)
    assert len(find_copies(np.zeros(0, np.uint8), none, none, NEWLINES)) == 0
