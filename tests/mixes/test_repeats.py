"""Repeated n-grams: the definition, planted runs on both sides of the limit, and real token ids."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mixes.repeats import MAX_PERIOD, MIN_REPEATS, has_repeated_ngrams

# Windows around the longest repeat of public-domain and permissively licensed documents, as dolma2 token ids. The
# repeats were counted by `find_periodic_sequences` of dolma 1.2.1, the function OLMo trained with.
REAL = [json.loads(line) for line in (Path(__file__).parent / "data" / "repeated_ngrams.jsonl").open()]


def repeats(tokens: list[int], max_period: int = MAX_PERIOD, min_repeats: int = MIN_REPEATS) -> bool:
    """Slow twin: the words of the paper, an n-gram of 1 to max_period tokens min_repeats times in a row."""
    return any(
        tokens[start : start + period] * min_repeats == tokens[start : start + period * min_repeats]
        for period in range(1, max_period + 1)
        for start in range(len(tokens) - period * min_repeats + 1)
    )


def fails(tokens: list[int], max_period: int = MAX_PERIOD, min_repeats: int = MIN_REPEATS) -> bool:
    offsets = np.array([0, len(tokens)])
    ids = np.array(tokens, dtype=np.uint32)
    return bool(has_repeated_ngrams(ids, offsets, max_period=max_period, min_repeats=min_repeats)[0])


def plant(num_equal: int, period: int, before: int, after: int) -> list[int]:
    """Return distinct tokens with exactly num_equal neighbouring i that have tokens[i] == tokens[i + period]."""
    gram = list(range(1, period + 1))
    run = (gram * (num_equal // period + 2))[: num_equal + period]
    return list(range(1000, 1000 + before)) + run + list(range(5000, 5000 + after))


@pytest.mark.parametrize(
    ("tokens", "failed"),
    [([], False), ([7], False), ([7] * 31, False), ([7] * 32, True), ([7, 8] * 31 + [7], False), ([7, 8] * 32, True)],
)
def test_known_documents(tokens: list[int], failed: bool) -> None:
    assert fails(tokens) is failed


@pytest.mark.parametrize("period", range(1, MAX_PERIOD + 1))
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 400), (400, 0), (17, 55), (403, 1)])
def test_a_run_of_31_periods_fails_and_one_token_less_does_not(period: int, before: int, after: int) -> None:
    limit = (MIN_REPEATS - 1) * period
    for num_equal in (30 * period, limit - 1, limit, limit + 1, 33 * period, 34 * period):
        assert fails(plant(num_equal, period, before, after)) is (num_equal >= limit)


def test_an_n_gram_of_14_tokens_may_repeat() -> None:
    assert not fails(plant(100 * 14, 14, 3, 3))
    assert fails(plant(100 * 14, 14, 3, 3), max_period=14)


def test_two_runs_that_a_single_token_parts_do_not_add_up() -> None:
    assert not fails([7] * 31 + [8] + [7] * 31)


def test_a_run_over_the_end_of_a_document_does_not_count() -> None:
    tokens = np.full(64, 7, dtype=np.uint16)
    assert has_repeated_ngrams(tokens, np.array([0, 31, 62, 64])).tolist() == [False, False, False]
    assert has_repeated_ngrams(tokens, np.array([0, 32, 32, 64])).tolist() == [True, False, True]


def test_tokens_outside_the_offsets_are_not_looked_at() -> None:
    assert has_repeated_ngrams(np.full(64, 7, dtype=np.uint32), np.array([10, 41])).tolist() == [False]


def test_no_documents_give_no_answers() -> None:
    assert has_repeated_ngrams(np.array([], dtype=np.uint32), np.array([0])).shape == (0,)


@given(
    st.lists(st.integers(0, 1), max_size=60) | st.lists(st.integers(0, 3), max_size=60),
    st.integers(1, 5),
    st.integers(2, 6),
)
@settings(max_examples=400)
def test_the_kernel_equals_its_slow_twin_on_texts_of_few_letters(
    tokens: list[int], max_period: int, min_repeats: int
) -> None:
    assert fails(tokens, max_period, min_repeats) is repeats(tokens, max_period, min_repeats)


@given(st.data())
@settings(max_examples=150)
def test_the_kernel_equals_its_slow_twin_on_planted_runs(data: st.DataObject) -> None:
    period = data.draw(st.integers(1, 13))
    num_equal = data.draw(st.integers(30 * period, 34 * period))
    tokens = plant(num_equal, period, data.draw(st.integers(0, 50)), data.draw(st.integers(0, 50)))
    for place in data.draw(st.lists(st.integers(0, len(tokens) - 1), max_size=2)):
        tokens[place] = 9
    assert fails(tokens) is repeats(tokens)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int64])
def test_every_dtype_and_memory_layout_gives_the_same_answer(dtype: type) -> None:
    failing, passing = plant(31 * 3, 3, 5, 5), plant(30 * 3, 3, 5, 5)
    tokens: NDArray[np.uint32] = np.array(failing + passing, dtype=dtype)
    offsets = np.array([0, len(failing), len(tokens)])
    spread = np.repeat(tokens, 2)[::2]
    tokens.flags.writeable = False
    assert has_repeated_ngrams(tokens, offsets).tolist() == [True, False]
    assert has_repeated_ngrams(spread, offsets).tolist() == [True, False]


@pytest.mark.parametrize("case", REAL, ids=lambda case: case["origin"])
def test_real_documents_repeat_as_often_as_the_tool_of_olmo_says(case: dict[str, list[int] | int]) -> None:
    tokens, most_repeats = case["tokens"], case["most_repeats"]
    assert isinstance(tokens, list)
    assert isinstance(most_repeats, int)
    assert fails(tokens, min_repeats=most_repeats)
    assert not fails(tokens, min_repeats=most_repeats + 1)
    assert fails(tokens) is (most_repeats >= MIN_REPEATS)


@pytest.mark.parametrize(("max_period", "min_repeats"), [(0, 32), (13, 1)])
def test_bounds_that_mean_nothing_are_refused(max_period: int, min_repeats: int) -> None:
    with pytest.raises(ValueError, match="wanted at least 1 and 2"):
        fails([1], max_period, min_repeats)


@pytest.mark.parametrize("offsets", [[], [-1, 1], [0, 4], [2, 1]])
def test_offsets_outside_the_tokens_are_refused(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="do not rise"):
        has_repeated_ngrams(np.array([1, 2, 3], dtype=np.uint32), np.array(offsets, dtype=np.int64))
