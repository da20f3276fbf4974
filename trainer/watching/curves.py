"""Curves of a run of any length in bounded memory: lowest, highest and mean of each stretch of steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from trainer.watching.lines import METRICS_FILE, read_lines

MAX_STRETCHES = 512
_FIGURES = (
    "loss",
    "z_loss",
    "load_balancing_loss",
    "router_z_loss",
    "grad_norm",
    "learning_rate",
    "tokens_per_second",
    "mfu",
    "data_wait",
)


@dataclass(slots=True)
class Stretch:
    """The values of some steps that follow one another; nothing of them where `count` is 0."""

    low: float = float("inf")
    high: float = float("-inf")
    total: float = 0.0
    count: int = 0

    @property
    def mean(self) -> float:
        """Mean of the values, of which there must be one."""
        return self.total / self.count

    def add(self, value: float) -> None:
        """Enter a value."""
        if value < self.low:
            self.low = value
        if value > self.high:
            self.high = value
        self.total += value
        self.count += 1

    def joined(self, other: "Stretch") -> "Stretch":
        """Return the values of both."""
        return Stretch(
            min(self.low, other.low), max(self.high, other.high), self.total + other.total, self.count + other.count
        )


@dataclass(slots=True)
class Curve:
    """A figure over the steps from 1: at most MAX_STRETCHES stretches, whose length doubles when there are more.

    Attributes:
        length: steps of a stretch.
        stretches: in order; stretch i has the steps (i * length, (i + 1) * length].
        last: value and step entered last, None before the first.
    """

    length: int = 1
    stretches: list[Stretch] = field(default_factory=list)
    last: tuple[int, float] | None = None

    def add(self, step: int, value: float) -> None:
        """Enter the value of a step; steps come in any order."""
        place = (step - 1) // self.length
        while place >= MAX_STRETCHES:
            pairs = zip_longest(self.stretches[::2], self.stretches[1::2], fillvalue=Stretch())
            self.stretches = [first.joined(second) for first, second in pairs]
            self.length *= 2
            place //= 2
        while len(self.stretches) <= place:
            self.stretches.append(Stretch())
        self.stretches[place].add(value)
        self.last = (step, value)

    def points(self) -> list[tuple[float, Stretch]]:
        """Return the stretches that have values, each with the step in its middle."""
        return [
            ((place + 0.5) * self.length + 0.5, stretch)
            for place, stretch in enumerate(self.stretches)
            if stretch.count
        ]


class Curves:
    """All curves of a run, filled line by line as `metrics.jsonl` has them.

    Attributes:
        figures: of the whole run, by name as in the lines.
        sources: loss of each source.
        evaluations: figures of evaluations, by name without `eval/`.
        skipped: 1 where a step was skipped.
        spikes: 1 where a figure of a step was far from those before.
        last: the last line of a step.
        evaluated_at: the last step that was evaluated, 0 for none.
        masked_instances: instances without a loss, as they repeat an n-gram.
    """

    def __init__(self) -> None:
        self.figures: dict[str, Curve] = {}
        self.sources: dict[str, Curve] = {}
        self.evaluations: dict[str, Curve] = {}
        self.skipped = Curve()
        self.spikes = Curve()
        self.last: Mapping[str, Any] = {}  # Any: JSON
        self.evaluated_at = 0
        self.masked_instances = 0

    def take(self, line: Mapping[str, Any]) -> None:  # Any: JSON
        """Enter a line of `metrics.jsonl`, of a step or of an evaluation."""
        step = line["step"]
        if "loss" not in line:
            self.evaluated_at = step
            for name, value in line.items():
                if name.startswith("eval/"):
                    _enter(self.evaluations, name.removeprefix("eval/"), step, value)
            return
        self.last = line
        for name in _FIGURES:
            _enter(self.figures, name, step, line.get(name))
        for name, value in line["loss_by_source"].items():
            _enter(self.sources, name, step, value)
        if line["skipped"]:
            self.skipped.add(step, 1.0)
        if line["spikes"]:
            self.spikes.add(step, 1.0)
        self.masked_instances += line["masked_instances"]


def read_curves(output: Path) -> Curves:
    """Return the curves of a run's folder."""
    curves = Curves()
    for line in read_lines(output / METRICS_FILE):
        curves.take(line)
    return curves


def _enter(curves: dict[str, Curve], name: str, step: int, value: float | None) -> None:
    if value is not None:
        curves.setdefault(name, Curve()).add(step, value)
