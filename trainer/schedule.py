"""Learning rates as pure functions of the step."""

import math
from dataclasses import dataclass
from typing import Literal

ScheduleShape = Literal["cosine", "linear", "constant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A schedule with every length in steps.

    Attributes:
        shape: how the rate falls after the warm-up.
        peak: rate at the end of the warm-up, > 0.
        floor: rate at the end of the fall, as a fraction of the peak, in [0, 1].
        warmup: steps of straight rise from 0 to the peak; step `warmup` is the first at the peak.
        fall_start: the last step at the peak, at least `warmup`.
        fall_stop: the first step at the floor, at least `fall_start`.
    """

    shape: ScheduleShape
    peak: float
    floor: float
    warmup: int
    fall_start: int
    fall_stop: int


def learning_rate(step: int, schedule: Schedule) -> float:
    """Return the rate of one step, numbered from 1: OLMo's count, in which step n of n warm-up steps has the peak.

    `cosine` falls along half a wave, `linear` and the end of `constant` straight; all stay at the floor afterwards.
    """
    if step < schedule.warmup:
        return schedule.peak * step / schedule.warmup
    if step <= schedule.fall_start:
        return schedule.peak
    done = min(1.0, (step - schedule.fall_start) / max(1, schedule.fall_stop - schedule.fall_start))
    left = (1 + math.cos(math.pi * done)) / 2 if schedule.shape == "cosine" else 1 - done
    return schedule.peak * (schedule.floor + (1 - schedule.floor) * left)
