"""Learning rates at the steps where they bend."""

import pytest

from trainer.schedule import Schedule, ScheduleShape, learning_rate


def schedule(
    shape: ScheduleShape, *, warmup: int = 10, start: int = 10, stop: int = 110, floor: float = 0.1
) -> Schedule:
    return Schedule(shape=shape, peak=2.0, floor=floor, warmup=warmup, fall_start=start, fall_stop=stop)


@pytest.mark.parametrize(
    ("shape", "step", "rate"),
    [
        ("cosine", 1, 0.2),
        ("cosine", 10, 2.0),
        ("cosine", 60, 1.1),
        ("cosine", 110, 0.2),
        ("cosine", 111, 0.2),
        ("linear", 5, 1.0),
        ("linear", 60, 1.1),
        ("linear", 110, 0.2),
    ],
)
def test_rates_at_known_steps(shape: ScheduleShape, step: int, rate: float) -> None:
    assert learning_rate(step, schedule(shape)) == pytest.approx(rate)


def test_a_constant_schedule_stays_at_the_peak_until_its_decay() -> None:
    rates = [learning_rate(step, schedule("constant", start=90, floor=0.0)) for step in range(10, 112)]
    assert rates[:81] == [2.0] * 81
    assert rates[90] == pytest.approx(1.0)
    assert rates[100:] == [0.0, 0.0]


def test_without_warmup_a_linear_anneal_loses_one_part_a_step_and_ends_at_zero() -> None:
    anneal = schedule("linear", warmup=0, start=0, stop=4, floor=0.0)
    assert [learning_rate(step, anneal) for step in range(1, 5)] == [1.5, 1.0, 0.5, 0.0]


@pytest.mark.parametrize("shape", ["cosine", "linear", "constant"])
def test_rates_rise_then_fall_and_never_leave_their_bounds(shape: ScheduleShape) -> None:
    rates = [learning_rate(step, schedule(shape, start=40)) for step in range(1, 200)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert min(rates[9:]) >= 0.2 - 1e-12
    assert max(rates) == 2.0


def test_olmo2_1b_reaches_the_rate_that_its_second_stage_began_with() -> None:
    warmup, horizon = 4000, 2_384_186  # 8.4B and 5T tokens of 512 x 4096 a step
    stage1 = Schedule(shape="cosine", peak=4e-4, floor=0.1, warmup=warmup, fall_start=warmup, fall_stop=horizon)
    assert learning_rate(1_907_359, stage1) == pytest.approx(7.4487e-5, rel=2e-4)
