"""The spike score against its definition, and against itself when a run is resumed."""

import math

import numpy as np
import pytest

from trainer.watching.spikes import SIGMA, WINDOW, SpikeScore


def slow_spikes(values: list[float]) -> list[bool]:
    """The definition, value by value: far from the mean of the last WINDOW finite ones, once there are 128."""
    found = []
    for place, value in enumerate(values):
        before = np.array([each for each in values[:place] if math.isfinite(each)][-WINDOW:])
        far = len(before) >= 128 and abs(value - before.mean()) >= SIGMA * before.std() and value != before.mean()
        found.append(not math.isfinite(value) or bool(far))
    return found


def test_spikes_are_those_of_the_definition() -> None:
    random = np.random.default_rng(1)
    values = random.normal(0.0, 1.0, 2500)
    values[[200, 700, 1300, 2400]] = [9.0, -9.0, math.nan, 40.0]
    values[50] = 9.0  # too early to tell
    values[1900] += 5.0
    score = SpikeScore()
    found = [score.add(value if math.isfinite(value) else None) for value in values.tolist()]
    assert found == slow_spikes(values.tolist())
    assert np.flatnonzero(found).tolist() == [200, 700, 1300, 2400]
    assert score.score == 4 / 2500


@pytest.mark.parametrize("value", [1.0, 1.5])
def test_after_equal_values_any_other_one_is_a_spike(value: float) -> None:
    score = SpikeScore()
    assert not any(score.add(1.0) for _ in range(200))
    assert score.add(value) is (value != 1.0)


def test_no_value_has_the_score_zero() -> None:
    assert SpikeScore().score == 0.0


def test_a_score_restored_from_what_was_judged_goes_on_to_the_same_bits() -> None:
    values = [None if value > 2 else float(value) for value in np.random.default_rng(2).standard_t(2, 1500)]
    whole, resumed = SpikeScore(), SpikeScore()
    judged = [whole.add(value) for value in values]
    for value, spike in zip(values[:1200], judged, strict=False):
        resumed.add(value, judged=spike)
    assert [resumed.add(value) for value in values[1200:]] == judged[1200:]
    assert 0 < resumed.score == whole.score
