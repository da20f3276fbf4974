"""The order of instances: bijection, golden orders, and no pattern that simple statistics would see."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.permutation import MAX_COUNT, instances_at, order_key, permute

COUNTS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 64, 65, 97, 255, 256, 257, 1000, 1009, 4096, 4097, 16_384, 65_537]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("key", [0, 1, 2**64 - 1])
def test_permute_is_a_bijection(count: int, key: int) -> None:
    images = permute(np.arange(count), count, key)
    assert images.dtype == np.int64
    assert np.array_equal(np.sort(images), np.arange(count))


@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
@settings(max_examples=60)
def test_permute_is_a_bijection_for_any_count_and_key(count: int, key: int) -> None:
    assert np.array_equal(np.sort(permute(np.arange(count), count, key)), np.arange(count))


def test_the_orders_never_change() -> None:
    assert permute(np.arange(10), 10, 0).tolist() == [7, 6, 3, 0, 1, 2, 8, 5, 9, 4]
    assert permute(np.arange(10), 10, 1).tolist() == [1, 9, 4, 8, 7, 5, 3, 6, 2, 0]
    assert permute(np.arange(4), 10_000_000_000, 7).tolist() == [9281049496, 3390283960, 3322632924, 5863080629]
    assert order_key(42, 0) == 11279253035170583255
    assert order_key(42069, 3) == 591194156992726304
    assert instances_at(np.arange(12), 5, 666).tolist() == [0, 3, 2, 1, 4, 4, 0, 2, 1, 3, 3, 2]


def test_the_image_of_a_position_does_not_depend_on_the_others_asked_for() -> None:
    together = permute(np.arange(1000), 1000, 5)
    alone = [int(permute(np.array([position]), 1000, 5)[0]) for position in range(0, 1000, 37)]
    assert together[::37].tolist() == alone


def test_shape_is_kept_and_positions_may_repeat() -> None:
    images = permute(np.array([[3, 3], [0, 1]]), 9, 11)
    assert images.shape == (2, 2)
    assert images[0, 0] == images[0, 1]


def test_no_positions_give_no_images() -> None:
    assert permute(np.array([], dtype=np.int64), 5, 0).shape == (0,)


def test_the_largest_count_stays_in_range() -> None:
    images = permute(np.array([0, 1, MAX_COUNT - 1]), MAX_COUNT, 3)
    assert len(set(images.tolist())) == 3
    assert images.min() >= 0
    assert images.max() < MAX_COUNT


@pytest.mark.parametrize(
    ("positions", "count", "key"),
    [([0], 0, 0), ([0], MAX_COUNT + 1, 0), ([5], 5, 0), ([-1], 5, 0), ([0], 5, -1), ([0], 5, 2**64)],
)
def test_numbers_outside_their_range_are_refused(positions: list[int], count: int, key: int) -> None:
    with pytest.raises(ValueError, match="wanted"):
        permute(np.array(positions), count, key)


def test_every_order_of_three_is_reached_about_equally_often() -> None:
    num_keys = 3000
    orders = [tuple(permute(np.arange(3), 3, key).tolist()) for key in range(num_keys)]
    counts = np.array([orders.count(order) for order in permutations(range(3))])
    expected = num_keys / 6
    # Chi-square with 5 degrees of freedom: 25.7 is passed by chance once in ten thousand.
    assert ((counts - expected) ** 2 / expected).sum() < 25.7


@pytest.mark.parametrize("count", [10_000, 16_384, 16_385])
def test_blocks_of_positions_spread_evenly_over_the_range(count: int) -> None:
    num_bins = 64
    bins = permute(np.arange(count), count, 17) * num_bins // count
    for block in np.array_split(bins, 4):
        counts = np.bincount(block, minlength=num_bins)
        expected = len(block) / num_bins
        chi_square = float(((counts - expected) ** 2 / expected).sum())
        # 63 degrees of freedom: mean 63, standard deviation 11.2; five of them.
        assert chi_square < 63 + 5 * 11.2


@pytest.mark.parametrize("lag", [1, 2, 3, 64, 128])
def test_neighbours_are_not_correlated(lag: int) -> None:
    count = 50_000
    images = permute(np.arange(count), count, 23).astype(np.float64)
    correlation = np.corrcoef(images[:-lag], images[lag:])[0, 1]
    assert abs(correlation) < 5 / np.sqrt(count)


def test_distances_of_neighbours_are_those_of_a_random_order() -> None:
    count = 65_536
    distances = np.abs(np.diff(permute(np.arange(count), count, 29))) / count
    # |x - y| of two uniform numbers: mean 1/3, variance 1/18.
    assert abs(distances.mean() - 1 / 3) < 5 * np.sqrt(1 / 18 / count)


def test_few_positions_stay_in_place() -> None:
    count = 20_000
    # The number of fixed points of a random permutation is Poisson with mean 1.
    fixed = [int((permute(np.arange(count), count, key) == np.arange(count)).sum()) for key in range(50)]
    assert max(fixed) < 8
    assert 15 < sum(fixed) < 90


def test_orders_of_two_keys_are_unrelated() -> None:
    count = 20_000
    first, second = (permute(np.arange(count), count, order_key(seed, 0)) for seed in (42, 43))
    assert int((first == second).sum()) < 8
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(count)


def test_each_epoch_of_a_run_holds_every_instance_once_in_its_own_order() -> None:
    epochs = instances_at(np.arange(3 * 101), 101, 7).reshape(3, 101)
    for epoch in epochs:
        assert np.array_equal(np.sort(epoch), np.arange(101))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[1], epochs[2])


def test_a_run_read_in_any_pieces_sees_the_same_instances() -> None:
    whole = instances_at(np.arange(1000), 130, 7)
    pieces = [instances_at(piece, 130, 7) for piece in np.array_split(np.arange(1000), [1, 7, 129, 131, 650])]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert np.array_equal(instances_at(np.arange(1000).reshape(250, 4), 130, 7), whole.reshape(250, 4))


@pytest.mark.parametrize(("position", "num_instances", "seed"), [(-1, 5, 0), (0, 0, 0), (0, 5, -1), (0, 5, 2**64)])
def test_impossible_runs_are_refused(position: int, num_instances: int, seed: int) -> None:
    with pytest.raises(ValueError, match="wanted"):
        instances_at(np.array([position]), num_instances, seed)


def test_positions_before_the_first_are_refused() -> None:
    with pytest.raises(ValueError, match="found position -1, wanted positions >= 0"):
        instances_at(np.array([3, -1]), 10, 1)
