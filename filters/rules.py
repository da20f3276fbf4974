"""Rules: limits on measures. They read no text, so a limit can change without measuring again."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Bounds on one measure, both inclusive; a document outside them is dropped.

    A value that is no number (NaN) fails the rule, for the reason of its lower bound where there is one.
    """

    measure: str
    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        found = f"rule on {self.measure!r}: found min {self.min}, max {self.max}"
        if self.min is None and self.max is None:
            raise ValueError(f"{found}, wanted at least one of them")
        if any(bound is not None and math.isnan(bound) for bound in (self.min, self.max)):
            raise ValueError(f"{found}, wanted numbers")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"{found}, wanted min <= max: no document could stay")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return the reasons it can drop a document for: `<measure>_min`, `<measure>_max`, as it has bounds."""
        bounds = (("min", self.min), ("max", self.max))
        return tuple(f"{self.measure}_{name}" for name, bound in bounds if bound is not None)

    def failures(self, values: Numbers) -> list[NDArray[np.bool_]]:
        """Return, for each reason, True where a document fails for it, shape (num_documents,)."""
        failed: list[NDArray[np.bool_]] = []
        if self.min is not None:
            failed.append(~(values >= self.min))
        if self.max is not None:
            failed.append(~(values <= self.max) if self.min is None else values > self.max)
        return failed


def reasons(rules: Sequence[Rule]) -> tuple[str, ...]:
    """Return the reasons of rules in their order, each once though several rules share it."""
    return tuple(dict.fromkeys(reason for rule in rules for reason in rule.reasons))


def violations(rules: Sequence[Rule], columns: Mapping[str, Numbers]) -> NDArray[np.bool_]:
    """Return True where a document fails for a reason, shape (len(reasons(rules)), num_documents).

    A reason's own drop rate is the mean of its row; its marginal one, the mean of its row where all others are False.

    Args:
        rules: the rules, in any order.
        columns: the measures of all documents by name, each of shape (num_documents,).

    Raises:
        ValueError: there are no columns, or a rule's measure is not among them.
    """
    if not columns:
        raise ValueError("found no measures, wanted a column for each; even of no documents there is an empty one")
    rows = {reason: row for row, reason in enumerate(reasons(rules))}
    failed = np.zeros((len(rows), len(next(iter(columns.values())))), np.bool_)
    for rule in rules:
        if rule.measure not in columns:
            raise ValueError(f"found no measure {rule.measure!r}, wanted by a rule, among {', '.join(sorted(columns))}")
        for reason, fails in zip(rule.reasons, rule.failures(columns[rule.measure]), strict=True):
            failed[rows[reason]] |= fails
    return failed


def judge(rules: Sequence[Rule], columns: Mapping[str, Numbers]) -> NDArray[np.int16]:
    """Return why each document is dropped, shape (num_documents,): an index into `reasons(rules)`, -1 where it stays.

    Of several reasons the first in that order is given: the rules' own, a lower bound before an upper.

    Raises:
        ValueError: there are no columns, or a rule's measure is not among them.
    """
    failed = violations(rules, columns)
    verdicts = np.full(failed.shape[1], -1, np.int16)
    for row in range(len(failed) - 1, -1, -1):
        verdicts[failed[row]] = row
    return verdicts
