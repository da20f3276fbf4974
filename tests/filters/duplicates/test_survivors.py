"""Tests of survivors: both readings by their definition, whatever the order of pairs and records."""

import random
from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.duplicates.candidates import PAIR
from filters.duplicates.survivors import EQUAL_RECORD, keep_components, keep_verified

_FUZZY = 9
_Pair = tuple[int, int]
_Equal = tuple[int, int, int]  # kind, key, document


def _rank(document: int) -> int:
    return document * 7919 % 5  # ties, which the reference decides


def _arrays(pairs: list[_Pair], equal: list[_Equal]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    ordered = [sorted(pair, key=lambda each: (_rank(each), each)) for pair in pairs]
    edges = np.array([(a, b, _rank(a), _rank(b)) for a, b in ordered], PAIR)
    return edges, np.array([(key, kind, _rank(d), d) for kind, key, d in equal], EQUAL_RECORD)


def _run(keep: Callable[..., NDArray[np.void]], pairs: list[_Pair], equal: list[_Equal]) -> dict[int, tuple[int, int]]:
    found = keep(*_arrays(pairs, equal), _FUZZY)
    return {reference: (survivor, kind) for reference, survivor, kind in found.tolist()}


def _alike(pairs: list[_Pair], equal: list[_Equal]) -> dict[int, dict[int, int]]:
    """Return the likes of each document, with the smallest kind of likeness."""
    likes: dict[int, dict[int, int]] = {}
    for a, b in pairs:
        likes.setdefault(a, {})[b] = _FUZZY
        likes.setdefault(b, {})[a] = _FUZZY
    for kind, key, d in sorted(equal, reverse=True):
        likes.setdefault(d, {})
        for other_kind, other_key, other in equal:
            if (other_kind, other_key) == (kind, key) and other != d:
                likes[d][other] = kind
    return likes


def _slow_verified(pairs: list[_Pair], equal: list[_Equal]) -> dict[int, tuple[int, int]]:
    likes = _alike(pairs, equal)
    kept: list[int] = []
    lost: dict[int, tuple[int, int]] = {}
    for d in sorted(likes, key=lambda each: (_rank(each), each)):
        found = [(likes[d][other], place, other) for place, other in enumerate(kept) if other in likes[d]]
        if found:
            kind, _, survivor = min(found)
            lost[d] = survivor, kind
        else:
            kept.append(d)
    return lost


def _slow_components(pairs: list[_Pair], equal: list[_Equal]) -> dict[int, int]:
    likes = _alike(pairs, equal)
    lost = {}
    for d in likes:
        reached, open_ends = {d}, [d]
        while open_ends:
            new = set(likes[open_ends.pop()]) - reached
            reached |= new
            open_ends += new
        first = min(reached, key=lambda each: (_rank(each), each))
        if first != d:
            lost[d] = first
    return lost


_PAIRS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] != pair[1]), max_size=20
)
_EQUALS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 3), st.integers(0, 12)), max_size=15, unique_by=lambda row: row[::2]
)


@given(_PAIRS, _EQUALS)
def test_the_verified_reading_is_greedy_by_rank(pairs: list[_Pair], equal: list[_Equal]) -> None:
    lost = _run(keep_verified, pairs, equal)
    assert lost == _slow_verified(pairs, equal)
    assert not {survivor for survivor, _ in lost.values()} & set(lost)


@given(_PAIRS, _EQUALS)
def test_the_other_reading_keeps_one_of_each_component(pairs: list[_Pair], equal: list[_Equal]) -> None:
    lost = _run(keep_components, pairs, equal)
    assert {d: survivor for d, (survivor, _) in lost.items()} == _slow_components(pairs, equal)


@given(_PAIRS, _EQUALS, st.integers(0, 99))
def test_order_does_not_matter(pairs: list[_Pair], equal: list[_Equal], seed: int) -> None:
    chance = random.Random(seed)
    mixed_pairs, mixed_equal = chance.sample(pairs, len(pairs)), chance.sample(equal, len(equal))
    for keep in (keep_verified, keep_components):
        assert _run(keep, mixed_pairs, mixed_equal) == _run(keep, pairs, equal)


def test_nothing_alike_loses_nothing() -> None:
    assert _run(keep_verified, [], []) == _run(keep_components, [], []) == {}


def test_a_chain_loses_every_second_document_or_all_but_the_first() -> None:
    pairs = [(5 * i, 5 * i + 5) for i in range(10_000)]  # equal ranks: the reference decides
    assert sorted(_run(keep_verified, pairs, [])) == [5 * i for i in range(1, 10_001, 2)]
    assert set(_run(keep_components, pairs, []).values()) == {(0, _FUZZY)}


def test_the_kind_of_a_loss_is_the_smallest_of_the_document_s_own_likes() -> None:
    pairs, equal = [(0, 5), (0, 10)], [(2, 1, 0), (2, 1, 10), (1, 8, 0), (1, 8, 10)]
    assert _run(keep_verified, pairs, equal) == {5: (0, _FUZZY), 10: (0, 1)}
    assert _run(keep_components, pairs, equal) == {5: (0, _FUZZY), 10: (0, 1)}
