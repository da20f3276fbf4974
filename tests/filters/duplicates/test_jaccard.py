"""Tests of what pairs have in common: the numbers of Python's own sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.duplicates.jaccard import are_alike, count_common, jaccard
from filters.duplicates.shingles import Shingles, shingle
from tests.filters.texts import column

_SETS = st.lists(st.sets(st.integers(0, 40), max_size=25), min_size=2, max_size=6)


def _shingles(sets: list[set[int]]) -> Shingles:
    offsets = np.cumsum([0, *(len(each) for each in sets)])
    return Shingles(np.array([x for each in sets for x in sorted(each)], np.uint32), offsets)


@given(_SETS, _SETS)
def test_pairs_of_sets_have_in_common_what_python_says(first: list[set[int]], second: list[set[int]]) -> None:
    pairs = [(i, j) for i in range(len(first)) for j in range(len(second))]
    places = np.array([i for i, _ in pairs]), np.array([j for _, j in pairs])
    arguments = (_shingles(first), places[0], _shingles(second), places[1])
    assert count_common(*arguments).tolist() == [len(first[i] & second[j]) for i, j in pairs]
    assert jaccard(*arguments).tolist() == [
        len(first[i] & second[j]) / max(len(first[i] | second[j]), 1) for i, j in pairs
    ]
    for limit in (0.2, 0.8, 1.0):
        by_jaccard = [len(first[i] & second[j]) >= limit * max(len(first[i] | second[j]), 1) for i, j in pairs]
        contained = [len(first[i] & second[j]) >= limit * max(min(len(first[i]), len(second[j])), 1) for i, j in pairs]
        assert are_alike(*arguments, min_jaccard=limit).tolist() == by_jaccard
        either = [a or b for a, b in zip(by_jaccard, contained, strict=True)]
        assert are_alike(*arguments, min_jaccard=limit, min_containment=limit).tolist() == either


def test_a_page_inside_another_is_contained_in_it_and_not_like_it() -> None:
    page = " ".join(f"word{i}" for i in range(104))
    found = shingle(column([page, page + " " + " ".join(f"more{i}" for i in range(300))]))
    places = np.array([0]), np.array([1])
    assert are_alike(found, places[0], found, places[1], min_jaccard=0.8, min_containment=1.0).all()
    assert not are_alike(found, places[0], found, places[1], min_jaccard=0.8).any()
    assert jaccard(found, places[0], found, places[1])[0] == pytest.approx(100 / 400)
