"""Tests of candidates: all pairs of small buckets, a bounded number of large ones, the same for any order."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.duplicates.candidates import BAND_RECORD, find_candidates

_Row = tuple[int, int, int, int]  # key, rank, reference, sketch


def _pairs(rows: list[_Row], max_distance: int = 64) -> set[tuple[int, int]]:
    found = find_candidates(np.array(rows, BAND_RECORD), max_distance)
    assert len(np.unique(found)) == len(found)
    return set(zip(found["first"].tolist(), found["second"].tolist(), strict=True))


def _small_buckets() -> st.SearchStrategy[list[_Row]]:
    row = st.tuples(st.integers(0, 8), st.integers(0, 3), st.integers(0, 30), st.sampled_from([0, 1, 3, 2**64 - 1]))
    return st.lists(row, max_size=30, unique_by=lambda each: (each[0], each[2])).filter(
        lambda rows: all([row[0] for row in rows].count(key) <= 9 for key in range(9))
    )


@given(_small_buckets(), st.integers(0, 64), st.integers(0, 99))
def test_of_small_buckets_all_pairs_that_are_near_enough_are_candidates(
    rows: list[_Row], limit: int, seed: int
) -> None:
    ranks = {reference: rank for _, rank, reference, _ in reversed(rows)}
    rows = [(key, ranks[reference], reference, sketch) for key, _, reference, sketch in rows]
    wanted = {
        (min(first, second)[1], max(first, second)[1])
        for key, rank, reference, sketch in rows
        for other_key, other_rank, other_reference, other_sketch in rows
        if key == other_key and reference != other_reference and (sketch ^ other_sketch).bit_count() <= limit
        for first, second in [((rank, reference), (other_rank, other_reference))]
    }
    assert _pairs(rows, limit) == wanted
    random.Random(seed).shuffle(rows)
    assert _pairs(rows, limit) == wanted


def test_no_records_and_no_shared_keys_give_no_candidates() -> None:
    assert _pairs([]) == set()
    assert _pairs([(key, 0, key, 0) for key in range(5)]) == set()


def test_a_page_that_fills_a_bucket_is_compared_with_its_first_copy() -> None:
    rows = [(7, 0, reference, 5) for reference in range(20_000)]
    assert _pairs(rows, 14) == {(0, reference) for reference in range(1, 20_000)}


@pytest.mark.parametrize("size", [10, 1_000, 30_000])
def test_a_template_that_fills_a_bucket_gives_a_bounded_number_of_candidates(size: int) -> None:
    sketches: NDArray[np.uint64] = np.random.default_rng(1).integers(0, 2**64, size, np.uint64)
    rows = [(7, reference, reference, sketch) for reference, sketch in enumerate(sketches.tolist())]
    assert len(_pairs(rows, 64)) <= 4 * size
    assert len(_pairs(rows, 14)) < size // 100 + 1


def test_a_twin_is_found_in_a_full_bucket_when_it_is_next_by_rank_or_its_like_was_among_the_first() -> None:
    sketches = np.random.default_rng(2).integers(0, 2**64, 5_000, np.uint64)
    sketches[4_001] = sketches[4_000] ^ np.uint64(5)
    sketches[4_500] = sketches[3] ^ np.uint64(3)
    rows = [(7, reference, reference, sketch) for reference, sketch in enumerate(sketches.tolist())]
    assert {(4_000, 4_001), (3, 4_500)} <= _pairs(rows, 10)
