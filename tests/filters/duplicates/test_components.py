"""Tests of components: stars end where union-find ends, whatever the shape, the ranges and the order of edges."""

import random
import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.duplicates.components import (
    EDGE,
    NUM_ROUNDS,
    SmallestNeighbours,
    find_labels,
    large_star,
    make_edges,
    small_star,
    to_nodes,
)

_Links = NDArray[np.uint64]  # shape (num_links, 2)


def _links(pairs: list[tuple[int, int]]) -> _Links:
    return np.array(pairs, np.uint64).reshape(-1, 2)


def _path(length: int) -> _Links:
    places = np.arange(length + 1, dtype=np.uint64)
    return np.column_stack([places[:-1], places[1:]])


def _grid(side: int) -> _Links:
    places = np.arange(side * side, dtype=np.uint64).reshape(side, side)
    across = np.column_stack([places[:, :-1].ravel(), places[:, 1:].ravel()])
    return np.concatenate([across, np.column_stack([places[:-1].ravel(), places[1:].ravel()])])


def _cliques(size: int) -> _Links:
    return _links(
        [(start + i, start + j) for start in (0, size) for i in range(size) for j in range(i)] + [(0, 2 * size - 1)]
    )


def _chance(num_nodes: int, num_links: int) -> _Links:
    return np.random.default_rng(1).integers(0, num_nodes, (num_links, 2)).astype(np.uint64)


def _star(num_leaves: int, centre: int) -> _Links:
    leaves = np.arange(num_leaves, dtype=np.uint64)
    return np.column_stack([leaves, np.full(num_leaves, centre, np.uint64)])


_SHAPES = {
    "nothing": _links([]),
    "one link": _links([(3, 5)]),
    "links to itself": _links([(3, 3), (3, 5)]),
    "one link many times": _links([(3, 5), (5, 3)] * 9),
    "a path of 1,000": _path(1_000),
    "a path of 10,000": _path(10_000),
    "a ring of 1,000": np.concatenate([_path(999), _links([(999, 0)])]),
    "a star": _star(5_000, 7_000),
    "a grid": _grid(40),
    "two cliques and a link": _cliques(20),
    "chance, mostly small": _chance(3_000, 1_000),
    "chance, at the threshold": _chance(3_000, 1_600),
    "chance, dense": _chance(300, 3_000),
    "two stars and a path": np.concatenate([_star(500, 2_000), _star(500, 3_000) + 5_000, _path(1_500) + 1_900]),
}


class _Ranges:
    """Edges on their way through ranges, as the shuffle would bring them."""

    def __init__(self, links: _Links, num_ranges: int, seed: int = 0) -> None:
        self._num_ranges = num_ranges
        self._chance = np.random.default_rng(seed)
        self.edges = self._deal([make_edges(links[:, 0], links[:, 1]), make_edges(links[:, 1], links[:, 0])])

    def batches(self, number: int) -> Callable[[], Iterator[NDArray[np.void]]]:
        """Give a range in batches of any size and order, others with each call."""

        def give() -> Iterator[NDArray[np.void]]:
            edges = self._chance.permutation(self.edges[number])
            yield from np.array_split(edges, self._chance.integers(1, 5))

        return give

    def round(self) -> None:
        """Do a large and a small star."""
        numbers = range(self._num_ranges)
        self.edges = self._deal([edges for number in numbers for edges in large_star(self.batches(number))])
        starred = [edges for number in numbers for edges in small_star(self.batches(number))]
        self.edges = self._deal(starred + [make_edges(edges["other"], edges["node"]) for edges in starred])

    def labels(self, nodes: _Links) -> tuple[NDArray[np.uint64], int]:
        """Return the label of each node, and how many edges are open."""
        found = nodes.copy()
        num_open = 0
        for number in range(self._num_ranges):
            smallest, open_here = find_labels(self.batches(number))
            here = nodes % self._num_ranges == number
            found[here] = np.minimum(nodes[here], smallest.find(nodes[here]))
            num_open += open_here
        return found, num_open

    def _deal(self, edges: list[NDArray[np.void]]) -> list[NDArray[np.void]]:
        every = np.concatenate([np.zeros(0, EDGE), *edges])
        return [every[every["node"] % self._num_ranges == number] for number in range(self._num_ranges)]


def _union_find(links: _Links) -> dict[int, int]:
    """Return the smallest node that each is connected with."""
    parents: dict[int, int] = {}

    def root(node: int) -> int:
        while parents.setdefault(node, node) != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for first, second in links.tolist():
        low, high = sorted((root(first), root(second)))
        parents[high] = low
    return {node: root(node) for node in list(parents)}


@pytest.mark.parametrize("num_ranges", [1, 8])
@pytest.mark.parametrize("shape", _SHAPES)
def test_every_node_ends_with_the_smallest_of_its_component(shape: str, num_ranges: int) -> None:
    links = to_nodes(_SHAPES[shape])
    ranges = _Ranges(links, num_ranges)
    for _ in range(NUM_ROUNDS):
        ranges.round()
    nodes = np.unique(links)
    labels, num_open = ranges.labels(nodes)
    assert num_open == 0
    assert dict(zip(nodes.tolist(), labels.tolist(), strict=True)) == _union_find(links)


_SOME_LINKS = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), max_size=40).map(_links)


@given(_SOME_LINKS, st.sampled_from([1, 2, 7]), st.integers(0, 99))
def test_labels_are_right_as_soon_as_no_range_has_an_open_edge(links: _Links, num_ranges: int, seed: int) -> None:
    ranges = _Ranges(links, num_ranges, seed)
    nodes = np.unique(links)
    labels, num_open = ranges.labels(nodes)
    while num_open:
        ranges.round()
        labels, num_open = ranges.labels(nodes)
    assert dict(zip(nodes.tolist(), labels.tolist(), strict=True)) == _union_find(links)


@given(_SOME_LINKS, st.integers(0, 99))
def test_a_round_connects_what_was_connected_and_adds_no_edge(links: _Links, seed: int) -> None:
    ranges = _Ranges(links, 3, seed)
    before = sum(map(len, ranges.edges))
    ranges.round()
    edges = np.concatenate(ranges.edges)
    assert len(edges) <= before
    joined = _union_find(np.column_stack([edges["node"], edges["other"]]))
    wanted = _union_find(links)
    assert {node: joined.get(node, node) for node in wanted} == wanted


def test_a_path_that_is_too_long_for_the_rounds_is_found_open() -> None:
    ranges = _Ranges(to_nodes(_path(1_000)), 4)
    for _ in range(3):
        ranges.round()
    assert ranges.labels(to_nodes(np.arange(1_001, dtype=np.uint64)))[1] > 0


def test_a_centre_of_a_million_leaves_takes_no_more_memory_than_a_batch() -> None:
    num_edges = 0

    def batches() -> Iterator[NDArray[np.void]]:
        for first in range(100, 1_000_100, 10_000):
            leaves = np.arange(first, first + 10_000, dtype=np.uint64)
            yield make_edges(np.full(10_000, 3, np.uint64), leaves)

    tracemalloc.start()
    for edges in large_star(batches):
        num_edges += len(edges)
        assert (edges["other"] == 3).all()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert num_edges == 1_000_000
    assert peak < 2_000_000  # the edges are 16,000,000 bytes


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2**64 - 1)), max_size=60), st.integers(0, 99))
def test_the_smallest_neighbour_is_found_whatever_the_order(pairs: list[tuple[int, int]], seed: int) -> None:
    wanted: dict[int, int] = {}
    for node, other in pairs:
        wanted[node] = min(other, wanted.get(node, other))
    smallest = SmallestNeighbours()
    for pair in random.Random(seed).sample(pairs, len(pairs)):
        smallest.add(np.array([pair], EDGE))
    nodes = np.arange(40, dtype=np.uint64)
    assert smallest.find(nodes).tolist() == [wanted.get(node, node) for node in range(40)]
    assert dict(smallest.edges().tolist()) == wanted


def test_references_are_scrambled_one_to_one_and_evenly() -> None:
    nodes = to_nodes(np.arange(1 << 16, dtype=np.uint64))
    assert len(np.unique(nodes)) == 1 << 16
    assert np.bincount((nodes >> np.uint64(58)).astype(np.int64)).min() > 900  # 1,024 in each of 64 ranges
    assert to_nodes(np.array([1], np.uint64)).tolist() == [0x5692161D100B05E5]
