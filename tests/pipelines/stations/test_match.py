"""Tests of match and its fingerprints: one survivor a cluster, whatever the order, the ranges and the units."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.duplicates.survivors import DROPPED
from pipelines.stations.fingerprints import (
    DUPLICATE_RECORD,
    EXACT,
    FUZZY,
    IS_KEPT,
    MATCH_RECORD,
    document_of,
    hash_ranges,
    pack_reference,
    split_by,
    unit_of,
    unpack,
)
from pipelines.stations.match import cluster_blocks, find_exact_duplicates, redirect

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


def _split(records: NDArray[np.void], num_ranges: int) -> dict[int, bytes]:
    return dict(split_by(records, hash_ranges(records["digest_hi"].copy(), num_ranges)))


def _dropped(rows: list[tuple[int, int, int]]) -> NDArray[np.void]:
    return np.array(rows, DROPPED)


def _clusters(dropped: NDArray[np.void]) -> set[tuple[int, int, int, int]]:
    """Return reference, survivor, kind and size of all that `cluster_blocks` sends to units."""
    found = set()
    for unit, block in cluster_blocks(dropped, 8):
        records = unpack([block], DUPLICATE_RECORD)
        references = pack_reference(unit, records["document"].astype(np.int64)).tolist()
        rows = records[["survivor", "kind", "cluster_size"]].tolist()
        found |= {(reference, *row) for reference, row in zip(references, rows, strict=True)}
    return found


def test_no_documents_have_no_duplicates() -> None:
    dropped = find_exact_duplicates(_records([]))
    assert len(dropped) == len(redirect(dropped, dropped)) == 0
    assert list(cluster_blocks(dropped, 8)) == []
    assert _split(_records([]), 8) == {}


def test_of_equal_texts_the_smallest_rank_is_kept_then_the_smallest_reference() -> None:
    rows = [(1, 1, 5, 10), (1, 1, 4, 30), (1, 1, 4, 20), (1, 2, 0, 40)]
    dropped = find_exact_duplicates(_records(rows))
    assert sorted(dropped.tolist()) == [(10, 20, EXACT), (30, 20, EXACT)]


def test_copies_of_a_document_that_went_go_for_its_survivor_and_its_reason() -> None:
    exact, later = _dropped([(5, 1, EXACT), (6, 1, EXACT), (7, 2, EXACT)]), _dropped([(1, 9, FUZZY), (3, 9, FUZZY)])
    wanted = [(1, 9, FUZZY), (3, 9, FUZZY), (5, 9, FUZZY), (6, 9, FUZZY), (7, 2, EXACT)]
    assert sorted(redirect(exact, later).tolist()) == wanted
    assert sorted(redirect(exact, _dropped([])).tolist()) == sorted(exact.tolist())


def test_every_document_of_a_cluster_hears_of_its_size_and_the_kept_one_too() -> None:
    far = 3 << 40  # in another unit
    dropped = _dropped([(1, far, FUZZY), (2, far, EXACT), (far + 5, 9, FUZZY)])
    assert _clusters(dropped) == {
        (1, far, FUZZY, 3),
        (2, far, EXACT, 3),
        (far, far, IS_KEPT, 3),
        (far + 5, 9, FUZZY, 2),
        (9, 9, IS_KEPT, 2),
    }


def test_units_of_earlier_mixes_lose_nothing_and_hear_nothing() -> None:
    first, earlier = 8 << 40, 9 << 40  # `_clusters` has units 0 to 7
    assert _clusters(_dropped([(1, first, FUZZY), (first + 1, 2, EXACT), (3, earlier, EXACT)])) == {
        (1, first, FUZZY, 2),
        (3, earlier, EXACT, 2),
    }


_ROWS = st.lists(
    st.tuples(
        st.integers(0, 3).map(lambda value: value << 62), st.integers(0, 2), st.integers(0, 2), st.integers(0, 999)
    ),
    max_size=60,
    unique_by=lambda row: row[3],
)


@settings(max_examples=60)
@given(rows=_ROWS, num_ranges=st.sampled_from([1, 2, 8, 64]), seed=st.integers(0, 9))
def test_survivors_are_those_of_the_definition_for_any_order_and_number_of_ranges(
    rows: list[_Row], num_ranges: int, seed: int
) -> None:
    shuffled = rows.copy()
    random.Random(seed).shuffle(shuffled)
    blocks: dict[int, list[bytes]] = {}
    for half in (shuffled[::2], shuffled[1::2]):  # two units send their blocks
        for number, block in _split(_records(half), num_ranges).items():
            blocks.setdefault(number, []).append(block)
    found: dict[int, int] = {}
    for each in blocks.values():
        dropped = find_exact_duplicates(unpack(each, MATCH_RECORD))
        found |= dict(zip(dropped["reference"].tolist(), dropped["survivor"].tolist(), strict=True))
    assert found == _slow_duplicates(rows)


def test_ranges_are_those_of_the_digests_first_bits() -> None:
    blocks = _split(_records([(value << 61, 0, 0, value) for value in range(8)]), 8)
    assert sorted(blocks) == list(range(8))
    assert all(unpack([blocks[value]], MATCH_RECORD)["reference"].tolist() == [value] for value in range(8))
