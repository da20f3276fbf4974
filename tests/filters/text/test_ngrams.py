"""Repeated word n-grams against their definitions in Python."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.ngrams import COVERED_SIZES, MEASURES, TOP_SIZES, measure_ngrams
from filters.text.segments import segment
from tests.filters.texts import AWKWARD, bundled_texts, check_measures, column, texts


def top_fraction(words: list[str], n: int) -> float:
    """Return copies of the most frequent n-gram (the longest of several) times its characters, over all characters."""
    counts = Counter(zip(*(words[place:] for place in range(n)), strict=False))
    top = max(counts.values(), default=0)
    if top < 2:
        return 0.0
    length = max(len("".join(ngram)) for ngram, count in counts.items() if count == top)
    return top * length / len("".join(words))


def covered_fraction(words: list[str], n: int) -> float:
    """Return the characters of words that lie in an n-gram which occurs twice or more, over all characters."""
    ngrams = list(zip(*(words[place:] for place in range(n)), strict=False))
    counts = Counter(ngrams)
    covered = {place + k for place, ngram in enumerate(ngrams) if counts[ngram] > 1 for k in range(n)}
    return sum(len(words[place]) for place in covered) / max(len("".join(words)), 1)


def ngrams_of(text: str) -> dict[str, float]:
    """Return every measure of this module, by its definition."""
    words = text.split()
    tops = {f"top_{n}gram_character_fraction": top_fraction(words, n) for n in TOP_SIZES}
    return tops | {f"duplicate_{n}gram_character_fraction": covered_fraction(words, n) for n in COVERED_SIZES}


@pytest.mark.parametrize(
    ("measure", "text", "value"),
    [
        ("top_2gram_character_fraction", "", 0.0),
        ("top_2gram_character_fraction", "a b c d", 0.0),
        ("top_2gram_character_fraction", "a b a b c", 4 / 5),
        ("top_2gram_character_fraction", "a b x cc dd y a b z cc dd", 8 / 15),
        ("top_2gram_character_fraction", "a a a", 4 / 3),
        ("top_3gram_character_fraction", "a b c a b c", 1.0),
        ("duplicate_5gram_character_fraction", "a b c d e f a b c d", 0.0),
        ("duplicate_5gram_character_fraction", "a b c d e x a b c d e", 10 / 11),
        ("duplicate_5gram_character_fraction", "a b c d e f x a b c d e f", 12 / 13),
        ("duplicate_5gram_character_fraction", "a a a a a a", 1.0),
        ("duplicate_10gram_character_fraction", "a a a a a a a a a a", 0.0),
    ],
)
def test_values_of_known_texts(measure: str, text: str, value: float) -> None:
    assert measure_ngrams(segment(column([text])))[measure].tolist() == [value]


def test_documents_do_not_repeat_each_other() -> None:
    found = measure_ngrams(segment(column(["a b c d e", "a b c d e", "a b a b", ""])))
    assert found["top_2gram_character_fraction"].tolist() == [0.0, 0.0, 1.0, 0.0]


def test_joined_words_are_not_the_same_as_parted_ones() -> None:
    assert measure_ngrams(segment(column(["a bc ab c"])))["top_2gram_character_fraction"].tolist() == [0.0]


@settings(max_examples=200)
@given(st.lists(texts(), max_size=4))
def test_ngrams_are_their_definitions(documents: list[str]) -> None:
    check_measures(measure_ngrams, MEASURES, ngrams_of, documents)


@settings(max_examples=200)
@given(st.lists(st.sampled_from("abc"), max_size=150).map(" ".join))
def test_ngrams_of_few_words_are_their_definitions(text: str) -> None:
    check_measures(measure_ngrams, MEASURES, ngrams_of, [text])


def test_ngrams_of_awkward_and_bundled_documents_are_their_definitions() -> None:
    check_measures(measure_ngrams, MEASURES, ngrams_of, [*AWKWARD, *bundled_texts()[::7]])


def test_a_million_equal_words_take_a_moment() -> None:
    found = measure_ngrams(segment(column(["a " * 1_000_000])))
    assert found["top_2gram_character_fraction"].tolist() == [2 * 999_999 / 1_000_000]
    assert found["duplicate_10gram_character_fraction"].tolist() == [1.0]
