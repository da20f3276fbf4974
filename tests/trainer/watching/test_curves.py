"""Curves in bounded memory: nothing of a value is lost but its place inside its stretch."""

import numpy as np
import pytest

from trainer.watching.curves import MAX_STRETCHES, Curve, Curves


@pytest.mark.parametrize("num_steps", [1, MAX_STRETCHES, MAX_STRETCHES + 1, 5000])
def test_stretches_hold_lowest_highest_and_mean_of_their_steps(num_steps: int) -> None:
    values = np.random.default_rng(0).normal(size=num_steps)
    curve = Curve()
    for step, value in enumerate(values.tolist(), 1):
        curve.add(step, value)
    assert len(curve.stretches) <= MAX_STRETCHES
    assert (curve.length == 1) == (num_steps <= MAX_STRETCHES)
    for place, stretch in curve.stretches.items():
        mine = values[place * curve.length : (place + 1) * curve.length]
        assert (stretch.low, stretch.high, stretch.count) == (mine.min(), mine.max(), len(mine))
        assert stretch.mean == pytest.approx(mine.mean())


def test_a_value_far_along_leaves_the_stretches_before_it_empty() -> None:
    curve = Curve()
    curve.add(1_000_000, 2.0)
    ((step, stretch),) = curve.points()
    assert (stretch.count, stretch.mean) == (1, 2.0)
    assert abs(step - 1_000_000) <= curve.length
    assert max(curve.stretches) < MAX_STRETCHES


def test_every_figure_of_a_line_has_its_curve() -> None:
    curves = Curves()
    step = {"step": 1, "tokens": 64, "loss": 2.0, "grad_norm": None, "skipped": True, "masked_instances": 2}
    curves.take(step | {"loss_by_source/web": 3.0, "loss_by_source/code": None})
    assert curves.evaluated_at == 0
    curves.take({"step": 2, "tokens": 128, "eval/web/bits_per_byte": 1.5, "eval/tasks/arc/score": 0.5})
    assert sorted(curves.by_name)[:2] == ["eval/tasks/arc/score", "eval/web/bits_per_byte"]
    assert list(curves.below("eval/")) == ["tasks/arc/score", "web/bits_per_byte"]
    assert list(curves.below("loss_by_source/")) == ["web"]
    assert (curves.total("skipped"), curves.total("masked_instances"), curves.total("spike/loss")) == (1, 2, 0)
    assert curves.by_name["loss"].last == 2.0
    assert (curves.step, curves.evaluated_at) == (2, 2)
