"""Which shards and documents a sample takes: shares nest, grids are coarse, one shard is always read."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.spec.sampling import planned_share, rounded_share, sampled_shards, shard_hash

_NAMES = [f"web/{number:04d}.jsonl.gz" for number in range(1_000)]


@pytest.mark.parametrize(
    ("share", "rounded"),
    [
        (0.03, 0.03),
        (0.0300001, 0.05),
        (Fraction(1, 10), 0.1),
        (0.1, 0.1),
        (0.11, 0.15),
        (0.71, 1.0),
        (1.0, 1.0),
        (40.0, 1.0),
        (0.0, 1e-9),
        (1e-30, 1e-9),
    ],
)
def test_shares_are_rounded_up_to_the_grid(share: float, rounded: float) -> None:
    assert rounded_share(share) == rounded


@given(st.floats(1e-9, 1))
def test_the_grid_is_at_most_two_thirds_above_and_fixed(share: float) -> None:
    rounded = rounded_share(share)
    assert share <= rounded <= max(share * 1.7, 1e-9)
    assert rounded_share(rounded) == rounded


def test_the_planned_share_holds_the_tokens_wanted_times_the_head_room() -> None:
    assert planned_share(1_000, 1_000_000, 3.0) == 0.003
    assert planned_share(1_001, 1_000_000, 3.0) == 0.005
    assert planned_share(500_000, 1_000_000, 3.0) == 1.0
    assert planned_share(5, 0, 3.0) == 1.0


def test_smaller_shares_of_shards_lie_in_larger_ones_and_have_about_their_size() -> None:
    chosen = [sampled_shards(_NAMES, 7, share) for share in (0.05, 0.3, 1.0)]
    assert [abs(sum(each) - wanted) <= 40 for each, wanted in zip(chosen, (50, 300, 1_000), strict=True)] == [True] * 3
    for small, large in pairwise(chosen):
        assert all(b for a, b in zip(small, large, strict=True) if a)
    assert chosen[1] != sampled_shards(_NAMES, 8, 0.3)


def test_one_shard_is_read_however_small_the_share() -> None:
    lowest = min(_NAMES, key=lambda name: shard_hash(name, 7))
    chosen = sampled_shards(_NAMES, 7, 1e-9)
    assert [name for name, is_read in zip(_NAMES, chosen, strict=True) if is_read] == [lowest]
    assert sampled_shards([], 7, 0.5) == []
