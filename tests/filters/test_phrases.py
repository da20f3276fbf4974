"""The table of phrases against `bytes.startswith` at every place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.phrases import phrase_table


def found(phrases: list[bytes], text: bytes) -> list[tuple[int, int]]:
    """Return (end, phrase) of every phrase in a text."""
    table = phrase_table(phrases)
    state, hits = 0, []
    for end, byte in enumerate(text, start=1):
        state = int(table.states[state, table.symbols[byte]])
        ending = state
        while ending:
            if table.phrases[ending] >= 0:
                hits.append((end, int(table.phrases[ending])))
            ending = int(table.shorter[ending])
    return sorted(hits)


@settings(max_examples=200)
@given(
    st.lists(st.text("ab\u00e9", min_size=1, max_size=5), max_size=8, unique=True), st.text("abc\u00e9", max_size=30)
)
def test_every_phrase_is_found_wherever_it_is(phrases: list[str], text: str) -> None:
    listed, inside = [phrase.encode() for phrase in phrases], text.encode()
    assert found(listed, inside) == sorted(
        (start + len(phrase), index)
        for index, phrase in enumerate(listed)
        for start in range(len(inside))
        if inside.startswith(phrase, start)
    )


def test_of_equal_phrases_the_first_counts() -> None:
    assert found([b"a", b"b", b"a"], b"ab") == [(1, 0), (2, 1)]


def test_no_phrases_are_found_nowhere() -> None:
    assert found([], b"abc") == []


def test_an_empty_phrase_is_refused() -> None:
    with pytest.raises(ValueError, match="found an empty one"):
        phrase_table([b"a", b""])
