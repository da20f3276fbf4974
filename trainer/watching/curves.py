"""Curves of a run of any length in bounded memory: lowest, highest and mean of each stretch of steps."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from trainer.watching.lines import METRICS_FILE, Line, figures_of, read_lines

MAX_STRETCHES = 512


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

    def enter(self, low: float, high: float, total: float, count: int) -> None:
        """Enter values by what is known of all of them."""
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.total += total
        self.count += count


@dataclass(slots=True)
class Curve:
    """A figure over the steps from 1: at most MAX_STRETCHES stretches, whose length doubles when there are more.

    Attributes:
        length: steps of a stretch.
        stretches: by number; stretch i has the steps (i * length, (i + 1) * length].
    """

    length: int = 1
    stretches: dict[int, Stretch] = field(default_factory=lambda: defaultdict(Stretch))

    def add(self, step: int, value: float) -> None:
        """Enter the value of a step; steps come in any order."""
        while (step - 1) // self.length >= MAX_STRETCHES:
            shorter, self.stretches = self.stretches, defaultdict(Stretch)
            for place, each in shorter.items():
                self.stretches[place // 2].enter(each.low, each.high, each.total, each.count)
            self.length *= 2
        self.stretches[(step - 1) // self.length].enter(value, value, value, 1)

    def points(self) -> list[tuple[float, Stretch]]:
        """Return the stretches in order, each with the step in its middle."""
        return [((place + 0.5) * self.length + 0.5, each) for place, each in sorted(self.stretches.items())]

    @property
    def last(self) -> float:
        """Mean of the last stretch."""
        return self.points()[-1][1].mean

    @property
    def total(self) -> float:
        """Sum of all values."""
        return sum(each.total for each in self.stretches.values())


class Curves:
    """All curves of a run, filled line by line as `metrics.jsonl` has them.

    Attributes:
        step: the last.
        evaluated_at: the last step that was evaluated, 0 for none.
        by_name: a curve for each figure of the lines.
    """

    def __init__(self) -> None:
        self.step = self.evaluated_at = 0
        self.by_name: dict[str, Curve] = {}

    def take(self, line: Line) -> None:
        """Enter a line, of a step or of an evaluation."""
        self.step = line["step"]
        if "loss" not in line:
            self.evaluated_at = self.step
        for name, value in figures_of(line).items():
            self.by_name.setdefault(name, Curve()).add(self.step, value)

    def below(self, kind: str) -> dict[str, Curve]:
        """Return the curves whose names begin with `kind`, such as `eval/`, by the rest of their names."""
        return {name.removeprefix(kind): each for name, each in sorted(self.by_name.items()) if name.startswith(kind)}

    def total(self, name: str) -> int:
        """Return the sum of a figure that counts something, 0 where it never came."""
        return int(self.by_name[name].total) if name in self.by_name else 0


def read_curves(output: Path) -> Curves:
    """Return the curves of a run's folder."""
    curves = Curves()
    for line in read_lines(output / METRICS_FILE):
        curves.take(line)
    return curves
