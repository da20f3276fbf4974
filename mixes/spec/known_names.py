"""The names that rules, edits and splits of a spec use, held against those that there are."""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mixes.spec.mix import MixSpec
from mixes.spec.rule_items import MeasureRule, PublishedRules, PythonMeasures
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.binding import Bound, nearest
from mixes.typed_yaml.fields import KeyPath

CLUSTER_SIZE = "cluster_size"
"""Documents that duplicates made one: what splits may go by beside measures, as only matching knows it."""

_LANGUAGE = re.compile(r"language_(paragraph_fraction_)?[a-z]{2,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """The names that rules and edits of a spec may use; the spec itself adds those of `measures`.

    Attributes:
        measures: all measures that are numbers, each with the smallest and the largest value it can have.
        labels: those that are labels, each with what gives the form in which they write a label, None for one that they
            never give.
        rule_sets: the published sets and, for each, the measures of its rules, by variant; "" is the set as we read it.
        edits: the names of the span edits.
    """

    measures: Mapping[str, tuple[float, float]]
    labels: Mapping[str, Callable[[str], str | None]]
    rule_sets: Mapping[str, Mapping[str, Collection[str]]]
    edits: Collection[str]
    of_evaluations: Collection[str] = ()  # measures and edits that need the section `evaluations`


def check_names(bound: Bound[MixSpec], known: KnownNames) -> None:
    """Refuse rules and edits that nobody knows.

    A spec with measures of its own in Python may name measures that only running the file shows; those are checked
    where it is run.

    Raises:
        SpecError: a measure, set, variant or edit is unknown, a limit does not fit what it limits, or a measure of
            languages is named without a language model.
    """
    spec = bound.value
    own = [item.name for item in spec.measures if not isinstance(item, PythonMeasures)]
    taken = {*known.measures, *known.labels}
    problems: list[tuple[KeyPath, str]] = [
        (("measures", index, "name"), f"found '{name}', which is taken; choose another name")
        for index, name in enumerate(own)
        if name in taken or name in own[:index] or _LANGUAGE.fullmatch(name)
    ]
    is_open = any(isinstance(item, PythonMeasures) for item in spec.measures)
    for path, item in _rule_items(spec):
        if isinstance(item, MeasureRule):
            used: Collection[str] = [item.measure]
            problems += _measure_problems(path, item, known, own, is_open=is_open)
        else:
            used = known.rule_sets.get(item.rules, {}).get(item.variant or "", ())
            problems += _published_problems(path, item, known)
        if spec.evaluations is None and any(name in known.of_evaluations for name in used):
            message = "needs evaluation sets; add the section `evaluations: {files: ...}`"
            problems.append((path, message))
        needing = [name for name in used if name.startswith("language")]
        if needing and spec.language is None:
            message = f"'{needing[0]}' needs a language model; add the section `language: {{model: ...}}`"
            problems.append((path, message))
    problems += _edit_problems(spec, known)
    problems += _split_problems(spec, known, own, is_open=is_open)
    if problems:
        raise bound.errors(problems)


def _edit_problems(spec: MixSpec, known: KnownNames) -> Iterator[tuple[KeyPath, str]]:
    for number, source in enumerate(spec.sources):
        for index, name in enumerate(source.edits):
            path = ("sources", number, "edits", index)
            if name not in known.edits:
                yield path, f"unknown edit '{name}'{nearest(name, known.edits)}"
            elif name in known.of_evaluations and spec.evaluations is None:
                yield path, f"'{name}' needs evaluation sets; add the section `evaluations: {{files: ...}}`"


def _split_problems(
    spec: MixSpec, known: KnownNames, own: Sequence[str], *, is_open: bool
) -> Iterator[tuple[KeyPath, str]]:
    for number, source in enumerate(spec.sources):
        name = source.split_measure
        if name is None:
            continue
        path: KeyPath = ("sources", number, "splits" if source.splits else "upsampling")
        is_number = name == CLUSTER_SIZE or name in known.measures or name in own or _LANGUAGE.fullmatch(name)
        if name in known.labels or is_number:
            yield from _divider_problems(path, source, known)
        elif not is_open:
            yield (*path, "measure"), f"unknown measure '{name}'{nearest(name, [*known.measures, *known.labels, *own])}"
        if spec.evaluations is None and name in known.of_evaluations:
            yield (*path, "measure"), "needs evaluation sets; add the section `evaluations: {files: ...}`"
        if name.startswith("language") and spec.language is None:
            yield (*path, "measure"), f"'{name}' needs a language model; add the section `language: {{model: ...}}`"


def _divider_problems(path: KeyPath, source: SourceSpec, known: KnownNames) -> Iterator[tuple[KeyPath, str]]:
    """Refuse numbers divided by labels, labels by numbers, and labels that no document has."""
    name, splits = source.split_measure or "", source.splits
    by_labels = splits is not None and splits.limits is None and splits.quantiles is None
    if name not in known.labels:
        if by_labels:
            yield (*path, "into"), f"'{name}' is a number; give limits or quantiles"
        return
    if not by_labels:
        yield (*path, "measure"), f"'{name}' is a label; give splits with the labels of each: `among: [...]`"
    for index, split in enumerate(splits.into if splits else ()):
        yield from _label_problems((*path, "into", index, "among"), name, split.among or (), known)


def _label_problems(
    path: KeyPath, measure: str, labels: Sequence[str], known: KnownNames
) -> Iterator[tuple[KeyPath, str]]:
    for index, label in enumerate(labels):
        form = known.labels[measure](label)
        if form != label:
            remedy = f"write '{form}'" if form else "no document could have it"
            yield (*path, index), f"found '{label}', which '{measure}' never gives; {remedy}"


def _measure_problems(
    path: KeyPath, item: MeasureRule, known: KnownNames, own: Sequence[str], *, is_open: bool
) -> Iterator[tuple[KeyPath, str]]:
    if item.measure in known.labels:
        if item.among is None:
            yield (*path, "measure"), f"'{item.measure}' is a label; give the labels that stay: `among: [...]`"
        yield from _label_problems((*path, "among"), item.measure, item.among or (), known)
    elif item.measure in known.measures or item.measure in own or _LANGUAGE.fullmatch(item.measure):
        if item.among is not None:
            yield (*path, "among"), f"'{item.measure}' is a number; give min or max"
        low, high = known.measures.get(item.measure, (-math.inf, math.inf))
        if item.measure.startswith("language_"):
            low, high = 0.0, 1.0
        if (item.min is not None and item.min > high) or (item.max is not None and item.max < low):
            yield path, f"'{item.measure}' lies between {low:g} and {high:g}; no document could stay"
    elif not is_open:
        names = [*known.measures, *known.labels, *own]
        yield (*path, "measure"), f"unknown measure '{item.measure}'{nearest(item.measure, names)}"


def _published_problems(path: KeyPath, item: PublishedRules, known: KnownNames) -> Iterator[tuple[KeyPath, str]]:
    variants = known.rule_sets.get(item.rules)
    if variants is None:
        yield (*path, "rules"), f"unknown rule set '{item.rules}'{nearest(item.rules, known.rule_sets)}"
        return
    measures = variants.get(item.variant or "")
    if measures is None:
        names = [name for name in variants if name]
        yield (*path, "variant"), f"'{item.rules}' has no variant '{item.variant}'{nearest(item.variant or '', names)}"
        return
    for name in item.limits:
        if name not in measures:
            yield (*path, name), f"'{item.rules}' has no rule on '{name}'{nearest(name, measures)}"


def _rule_items(spec: MixSpec) -> Iterator[tuple[KeyPath, MeasureRule | PublishedRules]]:
    for name, items in spec.rule_sets.items():
        for index, item in enumerate(items):
            yield ("rule_sets", name, index), item
    for number, source in enumerate(spec.sources):
        if not isinstance(source.rules, str):
            for index, item in enumerate(source.rules):
                yield ("sources", number, "rules", index), item
