"""Ratios and totals that all measures are made of."""

import numpy as np
import pytest

from filters.definitions import ratio, totals


def test_a_ratio_over_nothing_is_zero() -> None:
    assert ratio(np.array([1, 0, 3]), np.array([2, 0, 0])).tolist() == [0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("values", "offsets", "sums"),
    [([], [0], []), ([], [0, 0], [0]), ([1, 2, 3], [0, 0, 2, 3, 3], [0, 3, 3, 0]), ([1, 2, 3], [1, 2], [2])],
)
def test_totals_are_sums_between_offsets(values: list[int], offsets: list[int], sums: list[int]) -> None:
    assert totals(np.array(values, np.int64), np.array(offsets)).tolist() == sums


def test_totals_count_what_is_true() -> None:
    assert totals(np.array([True, False, True]), np.array([0, 3])).tolist() == [2]
