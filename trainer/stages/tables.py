"""Models compared by their figures: anneals with their soup, and mixes with a baseline.

The spread is the standard deviation over data orders, with n - 1. The error of a difference of two means is
sqrt(s^2 / n + t^2 / m), for spreads s and t over n and m orders: how far two such means differ by the order of the data
alone, about two times in three. One order has no spread.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer.evaluation.tables import table

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Numbers by figure and column; None where there is none.

    Attributes:
        columns: their heads.
        rows: by the name of the figure, a number a column.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float | None, ...]]

    def record(self) -> dict[str, Any]:  # Any: JSON
        """Return the table for a JSON file."""
        return {"columns": self.columns, "rows": self.rows}

    def format(self) -> str:
        """Return the table as aligned lines."""
        cells = [[name, *map(_cell, row)] for name, row in self.rows.items()]
        return table(("", *self.columns), cells)


def anneal_table(before: Figures, anneals: Mapping[str, Figures], soup: Figures | None) -> Table:
    """Return the figures of a checkpoint, of each anneal from it, their mean and spread, and those of their soup.

    Args:
        before: of the checkpoint they began from.
        anneals: by name.
        soup: of their soup; None where there is none.
    """
    columns = ("before", *anneals, "mean", "spread", *(() if soup is None else ("soup",)))
    rows: dict[str, tuple[float | None, ...]] = {}
    for name, first in before.items():
        each = [figures[name] for figures in anneals.values()]
        rows[name] = (first, *each, *_mean_and_spread(each), *(() if soup is None else (soup[name],)))
    return Table(columns=columns, rows=rows)


def mix_table(before: Figures, mixes: Mapping[str, Sequence[Figures]]) -> Table:
    """Return mean and spread of the anneals on each mix, and how far each is from the first mix.

    Args:
        before: of the checkpoint they began from.
        mixes: figures of the anneals on each mix, by its name; the first mix is the baseline.
    """
    baseline, *candidates = mixes
    columns = ["before", baseline, "spread"]
    for name in candidates:
        columns += [name, "spread", "difference", "error"]
    rows: dict[str, tuple[float | None, ...]] = {}
    for name, first in before.items():
        values = {mix: [figures[name] for figures in each] for mix, each in mixes.items()}
        row = [first, *_mean_and_spread(values[baseline])]
        for mix in candidates:
            row += [*_mean_and_spread(values[mix]), *_difference(values[mix], values[baseline])]
        rows[name] = tuple(row)
    return Table(columns=tuple(columns), rows=rows)


def _mean_and_spread(values: Sequence[float]) -> tuple[float, float | None]:
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None


def _difference(values: Sequence[float], of_baseline: Sequence[float]) -> tuple[float, float | None]:
    """Return the difference of two means and its error."""
    difference = statistics.fmean(values) - statistics.fmean(of_baseline)
    if min(len(values), len(of_baseline)) < 2:
        return difference, None
    parts = (statistics.variance(each) / len(each) for each in (values, of_baseline))
    return difference, math.sqrt(sum(parts))


def _cell(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"
