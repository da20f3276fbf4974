"""Splits by numbers: keys in the order of their numbers, and quantiles against a slow twin that sorts everything."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mixes.splits import add_up, find_boundaries, find_thresholds, split_numbers, value_keys, weigh_bins, weigh_keys

ORDERED = [math.nan, -math.inf, -1.5, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1.0000000000000002, 2.0, 1e308, math.inf]


def test_keys_lie_in_the_order_of_their_numbers_and_a_number_that_is_none_lies_lowest() -> None:
    keys = value_keys(np.array(ORDERED)).tolist()
    assert keys == sorted(set(keys))
    assert keys[0] == 0
    assert value_keys(np.array([-0.0])) == value_keys(np.array([0.0]))
    assert value_keys(np.array([-3, 0, 7])).tolist() == value_keys(np.array([-3.0, 0.0, 7.0])).tolist()


def test_a_limit_begins_the_next_split() -> None:
    limits = value_keys(np.array([0.0, 2.0])).tolist()
    keys = value_keys(np.array([math.nan, -1.0, 0.0, 1.0, 2.0, math.inf]))
    assert split_numbers(keys, limits).tolist() == [0, 0, 1, 1, 2, 2]
    assert split_numbers(keys, []).tolist() == [0] * 6


def quantile_splits(
    units: list[tuple[NDArray[np.uint64], NDArray[np.int64]]], quantiles: list[Fraction]
) -> list[list[int]]:
    """Divide documents that lie in units, the way the station does."""
    bins = add_up(np.concatenate([weigh_bins(*unit) for unit in units]))
    boundaries = find_boundaries(bins, quantiles)
    keys = add_up(np.concatenate([weigh_keys(*unit, boundaries) for unit in units]))
    thresholds = find_thresholds(boundaries, keys)
    return [split_numbers(keys, thresholds).tolist() for keys, _ in units]


def slow_splits(documents: list[tuple[float, int]], quantiles: list[Fraction]) -> list[int]:
    """Slow twin: of each document, how many quantiles the bytes of all smaller values reach."""

    def smaller(value: float, other: float) -> bool:
        return other < value or (math.isnan(other) and not math.isnan(value))

    total = sum(size for _, size in documents)
    below = [sum(size for other, size in documents if smaller(value, other)) for value, _ in documents]
    return [sum(here >= quantile * total for quantile in quantiles) for here in below]


VALUES = st.sampled_from([math.nan, -math.inf, -1.0, 0.0, 0.5, 0.5000001, 0.6, 1.0, 1e9]) | st.floats(width=64)
DOCUMENTS = st.lists(st.tuples(VALUES, st.integers(1, 99)), min_size=1, max_size=30)
QUANTILES = st.sets(st.integers(1, 99), min_size=1, max_size=4).map(
    lambda percents: [Fraction(percent, 100) for percent in sorted(percents)]
)


@given(DOCUMENTS, QUANTILES, st.integers(1, 4))
@settings(max_examples=120)
def test_quantiles_are_those_of_the_slow_twin_for_any_number_of_units(
    documents: list[tuple[float, int]], quantiles: list[Fraction], num_units: int
) -> None:
    keys = value_keys(np.array([value for value, _ in documents]))
    sizes = np.array([size for _, size in documents], np.int64)
    units = [(keys[unit::num_units], sizes[unit::num_units]) for unit in range(num_units)]
    found = np.zeros(len(documents), np.int64)
    for unit, splits in enumerate(quantile_splits(units, quantiles)):
        found[unit::num_units] = splits
    assert found.tolist() == slow_splits(documents, quantiles)


def test_equal_values_stay_together_so_that_a_split_may_be_empty() -> None:
    keys, sizes = value_keys(np.ones(10)), np.ones(10, np.int64)
    assert quantile_splits([(keys, sizes)], [Fraction(1, 4), Fraction(1, 2)]) == [[0] * 10]


@pytest.mark.parametrize("num_documents", [0, 3])
def test_documents_without_a_byte_divide_nothing(num_documents: int) -> None:
    keys, sizes = value_keys(np.arange(num_documents)), np.zeros(num_documents, np.int64)
    (splits,) = quantile_splits([(keys, sizes)], [Fraction(1, 2)])
    assert splits == [1] * num_documents  # nothing is half of nothing
