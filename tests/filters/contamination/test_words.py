"""Words that documents and evaluations are compared by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.contamination.words import Scratch, find_words, roll_ngrams
from tests.filters.contamination.plain import grams_of, plain_words
from tests.filters.texts import AWKWARD, bundled_texts, column, texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("...", []),
        ("The **Tower**, in 1889!!!", ["the", "tower", "in", "1889"]),
        ("Earth's 3.14", ["earth", "s", "3", "14"]),
        ("ΣΟΦΟΣ e\u0301te x\0y", ["σοφοσ", "e\u0301te", "x", "y"]),
        ("日本語 a_b", ["日本語", "a", "b"]),
    ],
)
def test_words_are_runs_of_letters_and_digits_in_lower_case(text: str, words: list[str]) -> None:
    assert [word for word, _, _ in plain_words(text)] == words


def check(documents: list[str]) -> None:
    found = find_words(column(documents), Scratch(100))
    wanted = [plain_words(text) for text in documents]
    assert np.diff(found.offsets).tolist() == [len(words) for words in wanted]
    flat = [word for words in wanted for word in words]
    assert found.starts.tolist() == [start for _, start, _ in flat]
    assert found.ends.tolist() == [end for _, _, end in flat]
    known: dict[int, str] = {}
    for value, (word, _, _) in zip(found.hashes.tolist(), flat, strict=True):
        assert known.setdefault(value, word) == word
    assert len(set(known.values())) == len(known)


@given(st.lists(texts(), max_size=4))
def test_words_and_their_bytes_agree_with_the_definition(documents: list[str]) -> None:
    check(documents)


def test_words_of_real_and_awkward_texts_agree_with_the_definition() -> None:
    check([*AWKWARD, *bundled_texts()[::20]])


def test_ngrams_have_one_hash_each_and_lie_in_one_text() -> None:
    documents = ["a b c a b c d", "b c", "", "a b c"]
    hashes, places = roll_ngrams(find_words(column(documents)), 3)
    wanted = [(gram, d) for d, text in enumerate(documents) for gram in grams_of(text.split(), 3)]
    assert places.tolist() == [d for _, d in wanted]
    assert len(set(hashes.tolist())) == len({gram for gram, _ in wanted})
    assert len({(value, gram) for value, (gram, _) in zip(hashes.tolist(), wanted, strict=True)}) == 4
