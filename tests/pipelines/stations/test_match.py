"""Tests of match and its fingerprints: one survivor a cluster, whatever the order, the ranges and the units."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipelines.stations.fingerprints import (
    DUPLICATE_RECORD,
    MATCH_RECORD,
    document_of,
    pack_reference,
    split_by_range,
    unit_of,
    unpack,
)
from pipelines.stations.match import find_exact_duplicates, pack_by_unit

_Row = tuple[int, int, int, int]  # digest halves, rank, reference


def _records(rows: list[_Row]) -> NDArray[np.void]:
    return np.array(rows, MATCH_RECORD)


def _slow_duplicates(rows: list[_Row]) -> dict[int, int]:
    """Return the survivor of each duplicate's cluster, by definition."""
    clusters: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for high, low, rank, reference in rows:
        clusters.setdefault((high, low), []).append((rank, reference))
    return {
        reference: min(members)[1]
        for members in clusters.values()
        for rank, reference in members
        if (rank, reference) != min(members)
    }


def test_references_of_units_and_documents_can_be_taken_apart() -> None:
    references = pack_reference(7, np.array([0, 1, 2**40 - 1]))
    assert unit_of(references).tolist() == [7, 7, 7]
    assert document_of(references).tolist() == [0, 1, 2**40 - 1]


def test_no_documents_have_no_duplicates() -> None:
    duplicates, survivors = find_exact_duplicates(_records([]))
    assert len(duplicates) == len(survivors) == 0
    assert list(pack_by_unit(duplicates, survivors)) == []
    assert list(split_by_range(_records([]), 8)) == []


def test_of_equal_texts_the_smallest_rank_is_kept_then_the_smallest_reference() -> None:
    rows = [(1, 1, 5, 10), (1, 1, 4, 30), (1, 1, 4, 20), (1, 2, 0, 40)]
    duplicates, survivors = find_exact_duplicates(_records(rows))
    assert dict(zip(duplicates.tolist(), survivors.tolist(), strict=True)) == {10: 20, 30: 20}


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 3).map(lambda value: value << 62), st.integers(0, 2), st.integers(0, 2), st.integers(0, 999)
    ),
    max_size=60,
    unique_by=lambda row: row[3],
)


@settings(max_examples=60, deadline=None)
@given(rows=_ROWS, num_ranges=st.sampled_from([1, 2, 8, 64]), seed=st.integers(0, 9))
def test_survivors_are_those_of_the_definition_for_any_order_and_number_of_ranges(
    rows: list[_Row], num_ranges: int, seed: int
) -> None:
    shuffled = rows.copy()
    random.Random(seed).shuffle(shuffled)
    blocks: dict[int, list[bytes]] = {}
    for half in (shuffled[::2], shuffled[1::2]):  # two units send their blocks
        for number, block in split_by_range(_records(half), num_ranges):
            blocks.setdefault(number, []).append(block)
    found: dict[int, int] = {}
    for each in blocks.values():
        duplicates, survivors = find_exact_duplicates(unpack(each, MATCH_RECORD))
        for unit, packed in pack_by_unit(duplicates, survivors):
            records = unpack([packed], DUPLICATE_RECORD)
            references = pack_reference(unit, records["document"].astype(np.int64))
            found |= dict(zip(references.tolist(), records["survivor"].tolist(), strict=True))
    assert found == _slow_duplicates(rows)


def test_ranges_are_those_of_the_digests_first_bits() -> None:
    rows = [(value << 61, 0, 0, value) for value in range(8)]
    blocks = dict(split_by_range(_records(rows), 8))
    assert sorted(blocks) == list(range(8))
    assert all(unpack([blocks[value]], MATCH_RECORD)["reference"].tolist() == [value] for value in range(8))
