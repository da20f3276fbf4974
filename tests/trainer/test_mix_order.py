"""Which mix each step sees, against a walk step by step."""

from collections import Counter

import pytest

from mixes.errors import SpecError
from trainer.mix_order import MixOrder, order_of


@pytest.mark.parametrize("stretches", [[(0, 4)], [(0, 2), (1, 3), (0, 1), (2, 2), (0, 5)], [(1, 1), (0, 1)]])
def test_a_mix_that_comes_again_goes_on_where_it_was_left(stretches: list[tuple[int, int]]) -> None:
    order = MixOrder(stretches)
    seen: Counter[int] = Counter()
    step = 0
    for mix, steps in stretches:
        for _ in range(steps):
            step += 1
            seen[mix] += 1
            assert order.at(step) == (mix, seen[mix])


def test_one_mix_needs_no_words() -> None:
    order = order_of(["web"], [], 100)
    assert [order.at(step) for step in (1, 100)] == [(0, 1), (0, 100)]


def test_mixes_are_found_by_name_whatever_their_order() -> None:
    order = order_of(["math", "web"], [("web", 2), ("math", 1)], 3)
    assert [order.at(step) for step in (1, 2, 3)] == [(1, 1), (1, 2), (0, 1)]


@pytest.mark.parametrize(
    ("names", "data", "message"),
    [
        (["web", "math"], [], "found 2 mixes and no `data` in the spec"),
        (["web"], [("web", 1), ("math", 2)], "found web, wanted those of `data`: math, web"),
        (
            ["web", "math", "code"],
            [("web", 1), ("math", 2)],
            "found web, math, code, wanted those",
        ),
        (["web", "web"], [("web", 3)], "wanted mixes of different names"),
    ],
)
def test_mixes_that_are_not_those_of_the_spec_are_refused(
    names: list[str], data: list[tuple[str, int]], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        order_of(names, data, 3)
