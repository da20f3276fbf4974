"""Tests of components by blocks: each range decides as if all that is alike were in one place."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.duplicates.candidates import PAIR
from filters.duplicates.survivors import EQUAL_RECORD, keep_components, keep_verified
from mixes.errors import DataError
from pipelines.stations import components
from pipelines.stations.bands import find_equal
from pipelines.stations.components import (
    Blocks,
    Labels,
    edge_blocks,
    equal_blocks,
    equal_edges,
    large_star_blocks,
    pair_blocks,
    pair_edges,
    small_star_blocks,
)
from pipelines.stations.fingerprints import FUZZY, unpack

_Records = NDArray[np.void]
_Keep = Callable[..., _Records]
_NUM_ROUNDS = 12


class _Shuffle:
    """Blocks by key, in an order of chance."""

    def __init__(self, seed: int) -> None:
        self._chance = np.random.default_rng(seed)

    def group(self, sent: Iterable[tuple[int, bytes]]) -> dict[int, list[bytes]]:
        blocks = list(sent)
        grouped: dict[int, list[bytes]] = {}
        for place in self._chance.permutation(len(blocks)).tolist():
            grouped.setdefault(blocks[place][0], []).append(blocks[place][1])
        return grouped

    def cut(self, records: _Records, num_blocks: int) -> list[bytes]:
        """Return records in blocks of any size."""
        bounds = np.sort(self._chance.integers(0, len(records) + 1, num_blocks - 1))
        return [block.tobytes() for block in np.split(records, bounds)]


def _star(
    blocks: dict[int, list[bytes]], star: Callable[[Blocks, int], Iterator[tuple[int, bytes]]], num_ranges: int
) -> Iterator[tuple[int, bytes]]:
    for here in blocks.values():
        yield from star(lambda here=here: here, num_ranges)  # type: ignore[misc]  # mypy infers no lambda with a default


def _split(
    pairs: _Records, equal: _Records, num_ranges: int, num_rounds: int = _NUM_ROUNDS, seed: int = 0
) -> dict[int, tuple[_Records, _Records]]:
    """Return pairs and equal records by range of components."""
    shuffle = _Shuffle(seed)
    pair_parts, equal_parts = shuffle.cut(pairs, 3), [equal.tobytes()]
    edges = shuffle.group(
        [each for block in pair_parts for each in edge_blocks(pair_edges(block), num_ranges)]
        + [each for block in equal_parts for each in edge_blocks(equal_edges(block), num_ranges)]
    )
    for _ in range(num_rounds):
        edges = shuffle.group(_star(edges, large_star_blocks, num_ranges))
        edges = shuffle.group(_star(edges, small_star_blocks, num_ranges))
    sent_pairs = shuffle.group(each for block in pair_parts for each in pair_blocks(block, num_ranges))
    sent_equal = shuffle.group(each for block in equal_parts for each in equal_blocks(block, num_ranges))
    split_pairs, split_equal = [], []
    for number in range(num_ranges):
        labels = Labels(lambda number=number: edges.get(number, []), num_rounds)  # type: ignore[misc]  # as above
        split_pairs += list(labels.split(sent_pairs.get(number, []), PAIR, "first", num_ranges))
        split_equal += list(labels.split(sent_equal.get(number, []), EQUAL_RECORD, "reference", num_ranges))
    by_pairs, by_equal = shuffle.group(split_pairs), shuffle.group(split_equal)
    return {
        number: (unpack(by_pairs.get(number, []), PAIR), unpack(by_equal.get(number, []), EQUAL_RECORD))
        for number in by_pairs.keys() | by_equal.keys()
    }


def _keep_in_ranges(keep: _Keep, split: dict[int, tuple[_Records, _Records]]) -> _Records:
    dropped = np.concatenate([keep(*here, FUZZY, 1) for here in split.values()] or [keep(*_alike([], []), FUZZY, 1)])
    return dropped[np.argsort(dropped["reference"])]


def _rank(document: int) -> int:
    return document * 7919 % 4  # ties, which the reference decides; 0 is safe


def _alike(pairs: list[tuple[int, int]], equal: list[tuple[int, int, int]]) -> tuple[_Records, _Records]:
    ordered = [sorted(pair, key=lambda each: (_rank(each), each)) for pair in pairs]
    edges = np.array([(a, b, _rank(a), _rank(b)) for a, b in ordered], PAIR)
    return edges, find_equal(np.array([(key, kind, _rank(d), d) for kind, key, d in equal], EQUAL_RECORD))


_PAIRS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).filter(lambda pair: pair[0] != pair[1]), max_size=30
)
_EQUALS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 6), st.integers(0, 30)), max_size=20, unique_by=lambda row: row[::2]
)


@given(_PAIRS, _EQUALS, st.sampled_from([2, 8, 64]), st.integers(0, 99))
def test_ranges_of_components_decide_as_one_place_does(
    pairs: list[tuple[int, int]], equal: list[tuple[int, int, int]], num_ranges: int, seed: int
) -> None:
    alike = _alike(pairs, equal)
    split = _split(*alike, num_ranges, seed=seed)
    for keep in (keep_verified, keep_components):
        assert _keep_in_ranges(keep, split).tolist() == keep(*alike, FUZZY, 1).tolist()


@pytest.mark.parametrize("keep", [keep_verified, keep_components])
def test_many_documents_go_through_small_batches_to_the_same_end(keep: _Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(5)
    links = chance.integers(0, 20_000, (12_000, 2))
    buckets = [(1 + place % 2, place // 7, int(d)) for place, d in enumerate(chance.permutation(20_000)[:5_000])]
    alike = _alike([(int(a), int(b)) for a, b in links if a != b], buckets)
    wanted = keep(*alike, FUZZY, 1)
    monkeypatch.setattr(components, "_BATCH_BYTES", 4_096)
    split = _split(*alike, 16)
    assert len(split) == 16
    assert _keep_in_ranges(keep, split).tolist() == wanted.tolist()


def test_the_first_of_a_bucket_is_connected_with_its_others() -> None:
    _, equal = _alike([], [(1, 5, 3), (1, 5, 9), (1, 5, 4), (2, 5, 4), (2, 5, 8), (1, 6, 1)])
    assert len(equal) == 5
    edges = equal_edges(equal.tobytes())
    assert len(edges) == 3
    assert edges["node"][0] == edges["node"][1] != edges["node"][2]
    assert len(equal_edges(b"")) == 0


def test_too_few_rounds_are_an_error_that_names_the_flag() -> None:
    pairs, equal = _alike([(place, place + 1) for place in range(1_000)], [])
    with pytest.raises(DataError, match=r"after 3 rounds .* --rounds 6"):
        _split(pairs, equal, 8, num_rounds=3)
    assert len(_split(pairs, equal, 8)) == 1
