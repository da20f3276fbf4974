"""Limits: each measure of a document beside what the rules of its source want of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from filters.rules import Rule, Values
from pipelines.explaining.explanation import Edit, Limit, Measured, Value
from pipelines.explaining.records import Record
from pipelines.stations.measure import BASE_COLUMNS, edit_column
from pipelines.stations.rule_report import describe_limits

_BASE = {field.name for field in BASE_COLUMNS}
_EDIT = edit_column("")


def measures_of(record: Record, rules: Sequence[Rule], split_measure: str | None) -> tuple[Measured, ...]:
    """Return every measure of a document, those that its rules limit first, in the order of the rules.

    Args:
        record: The document.
        rules: Those of its source.
        split_measure: The measure that divides its source, if one does.
    """
    names = [name for name in record.row if name not in _BASE and not name.startswith(_EDIT)]
    order = {name: place for place, name in reversed(list(enumerate(rule.measure for rule in rules)))}
    names.sort(key=lambda name: (order.get(name, len(rules)), name != split_measure))
    return tuple(
        Measured(
            name=name,
            value=record.row[name],
            limits=_limits(name, record.row[name], rules),
            divides=name == split_measure,
        )
        for name in names
    )


def edits_of(record: Record) -> tuple[Edit, ...]:
    """Return what span edits took from a document, for each reason that took anything."""
    taken = {name.removeprefix(_EDIT): value for name, value in record.row.items() if name.startswith(_EDIT)}
    return tuple(Edit(reason=reason, bytes=value) for reason, value in taken.items() if value)


def _limits(name: str, value: Value, rules: Sequence[Rule]) -> tuple[Limit, ...]:
    return tuple(
        Limit(reason=reason, wanted=describe_limits(rule)[reason], passed=not failed[0])
        for rule in rules
        if rule.measure == name
        for reason, failed in zip(rule.reasons, rule.failures(_column(value)), strict=True)
    )


def _column(value: Any) -> Values:  # noqa: ANN401  (a number or a label)
    """Return a measure of one document as rules take it; only labels can be absent."""
    return pa.array([value], pa.string()) if value is None or isinstance(value, str) else np.array([value])
