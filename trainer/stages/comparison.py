"""Models compared by their figures: anneals with their soup, and mixes with a baseline.

The spread is the standard deviation over data orders, with n - 1. The error of a difference of two means is
sqrt(s^2 / n + t^2 / m), for spreads s and t over n and m orders: how far two such means differ by the order of the data
alone, about two times in three. One order has no spread.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

BEFORE, SOUP = "before", "soup"
"""Names of the model that anneals begin from and of their soup; theirs are `seed-N`, of several mixes `MIX/seed-N`."""
DIFFERENCE = "difference"
"""The column of a candidate mix that is compared with the baseline."""


def compared(models: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:  # Any: JSON
    """Return a table of what models reached: its columns, and by figure a number a column, None where there is none.

    Anneals on one mix stand beside one another, with their mean, their spread and their soup. Of each of several mixes
    there are mean and spread and, but for the first, the baseline, the difference to that and its error.

    Args:
        models: figures by name of the model.
    """
    mixes: dict[str, list[str]] = {}
    for name in models:
        if name not in (BEFORE, SOUP):
            mixes.setdefault(name.rpartition("/")[0], []).append(name)
    rows = {figure: _row(figure, models, mixes) for figure in models[BEFORE]}
    columns = [column for column, _ in next(iter(rows.values()))]
    return {"columns": columns, "rows": {figure: [number for _, number in row] for figure, row in rows.items()}}


def _row(
    figure: str, models: Mapping[str, Mapping[str, float]], mixes: Mapping[str, Sequence[str]]
) -> list[tuple[str, float | None]]:
    """Return the columns of a figure with their numbers."""
    row: list[tuple[str, float | None]] = [(BEFORE, models[BEFORE][figure])]
    baseline: list[float] = []
    for mix, names in mixes.items():
        values = [models[name][figure] for name in names]
        if len(mixes) == 1:
            row += zip(names, values, strict=True)
        row += [(mix or "mean", statistics.fmean(values)), ("spread", statistics.stdev(values) if values[1:] else None)]
        if baseline:
            row += _difference(values, baseline)
        baseline = baseline or values
    return [*row, (SOUP, models[SOUP][figure])] if SOUP in models else row


def _difference(values: Sequence[float], baseline: Sequence[float]) -> list[tuple[str, float | None]]:
    """Return the difference of two means and its error."""
    both, error = (values, baseline), None
    if all(len(each) > 1 for each in both):
        error = math.sqrt(sum(statistics.variance(each) / len(each) for each in both))
    return [(DIFFERENCE, statistics.fmean(values) - statistics.fmean(baseline)), ("error", error)]
