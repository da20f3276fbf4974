"""The names that rules, edits, splits and the choice among duplicates use, held against those that there are."""

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mixes.errors import DataError
from mixes.spec.mix import MixSpec
from mixes.spec.rule_items import MeasureRule, PublishedRules, PythonMeasures, RuleItems
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.binding import nearest
from mixes.typed_yaml.checks import problems_of
from mixes.typed_yaml.fields import FoundProblem, KeyPath

CLUSTER_SIZE = "cluster_size"
"""Documents that duplicates made one: what splits may go by beside measures, as only matching knows it."""

_LANGUAGE = re.compile(r"language_(paragraph_fraction_)?[a-z]{2,3}")
_CODE = re.compile(r"[a-z]{2,3}")
_PAGE = "docs/rules.md has all of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNames:
    """The names that rules and edits of a spec may use; the spec itself adds those of `measures`.

    Attributes:
        measures: all measures that are numbers, each with the smallest and the largest value it can have.
        labels: those that are labels, each with what gives the form in which they write a label, None for one that they
            never give.
        rule_sets: the published sets and, for each, the measures of its rules, by variant; "" is the set as we read it.
        edits: the names of the span edits.
        of_evaluations: measures and edits that need the section `evaluations`.
        of_file: gives the measures that a Python file of the spec declares; raises `DataError` where it is not there,
            ValueError where it declares none.
    """

    measures: Mapping[str, tuple[float, float]]
    labels: Mapping[str, Callable[[str], str | None]]
    rule_sets: Mapping[str, Mapping[str, Collection[str]]]
    edits: Collection[str]
    of_evaluations: Collection[str] = ()
    of_file: Callable[[str], Collection[str]] = lambda _: ()


def name_problems(spec: MixSpec, known: KnownNames) -> Iterator[FoundProblem]:
    """Yield what goes by names that nobody knows, and limits that do not fit what they limit."""
    names = _Names(spec, known)
    yield from names.own()
    yield from problems_of(names.of_preference(), names.of_rule_sets(), names.of_sources())


class _Names:
    """The names of one spec, held against those that there are."""

    def __init__(self, spec: MixSpec, known: KnownNames) -> None:
        self._spec = spec
        self._known = known
        self._own: list[str] = []
        self._is_open = False  # whether there are measures whose names nobody could find out

    def own(self) -> Iterator[FoundProblem]:
        """Take the names of the spec's own measures, and yield those that are not free, and files that give none."""
        for index, item in enumerate(self._spec.measures):
            if not isinstance(item, PythonMeasures):
                yield from self._take(("measures", index, "name"), item.name)
                continue
            path: KeyPath = ("measures", index, "python")
            try:
                names = self._known.of_file(item.python)
            except DataError:  # it is not there, which the plan says of all files
                self._is_open = True
            except ValueError as error:
                self._is_open = True
                yield path, str(error)
            else:
                yield from problems_of(*(self._take(path, name) for name in names))

    def _take(self, path: KeyPath, name: str) -> Iterator[FoundProblem]:
        is_known = name in self._known.measures or name in self._known.labels or _LANGUAGE.fullmatch(name)
        if is_known or name in self._own:
            yield path, f"found '{name}', which is taken; choose another name"
        self._own.append(name)

    def of_preference(self) -> Iterator[FoundProblem]:
        """Yield what is wrong with the measure that says which duplicate stays."""
        name, path = self._spec.dedupe.prefer, ("dedupe", "prefer")
        if name is None:
            return
        if name in self._known.labels:
            yield path, f"'{name}' is a label; wanted a measure that is a number, of which the highest stays"
        elif not self._is_number(name):
            yield from self._unknown(path, name)
        yield from self._needs(path, [name])

    def of_rule_sets(self) -> Iterator[FoundProblem]:
        """Yield what is wrong with named lists of rules."""
        for name, items in self._spec.rule_sets.items():
            yield from self._rules(("rule_sets", name), items)

    def of_sources(self) -> Iterator[FoundProblem]:
        """Yield what is wrong with the rules, edits and splits of sources."""
        for number, source in enumerate(self._spec.sources):
            path: KeyPath = ("sources", number)
            yield from problems_of(
                self._rules_of(path, source), self._edits(path, source), self._splits(path, source)
            )  # fmt: skip

    def _rules_of(self, path: KeyPath, source: SourceSpec) -> Iterator[FoundProblem]:
        here, name = (*path, "rules"), source.rules
        if not isinstance(name, str):
            yield from self._rules(here, name)
        elif name not in self._spec.rule_sets and name in self._known.rule_sets:
            remedy = f"it is a published one, which is an item of a list: `- rules: {name}`"
            yield here, f"found no '{name}' among `rule_sets`; {remedy}"
        elif name not in self._spec.rule_sets:
            near = nearest(name, [*self._spec.rule_sets, *self._known.rule_sets], _PAGE)
            form = "published ones are items of a list: `- rules: NAME`"
            yield here, f"unknown rule set '{name}'{near}; {form}"

    def _rules(self, path: KeyPath, items: RuleItems) -> Iterator[FoundProblem]:
        for index, item in enumerate(items):
            here = (*path, index)
            if isinstance(item, MeasureRule):
                yield from problems_of(self._limit(here, item), self._needs_of_limit(here, item))
            else:
                yield from problems_of(self._published(here, item))

    def _needs_of_limit(self, path: KeyPath, item: MeasureRule) -> Iterator[FoundProblem]:
        yield from self._needs(path, [item.measure])

    def _needs(self, path: KeyPath, measures: Collection[str]) -> Iterator[FoundProblem]:
        """Yield the sections without which measures cannot be taken."""
        if self._spec.evaluations is None and any(name in self._known.of_evaluations for name in measures):
            yield path, "needs evaluation sets; add the section `evaluations: {files: ...}`"
        of_languages = [name for name in measures if name.startswith("language")]
        if of_languages and self._spec.language is None:
            yield path, f"'{of_languages[0]}' needs a language model; add the section `language: {{model: ...}}`"

    def _limit(self, path: KeyPath, item: MeasureRule) -> Iterator[FoundProblem]:
        name = item.measure
        if name in self._known.labels:
            if item.among is None:
                yield (*path, "measure"), f"'{name}' is a label; give the labels that stay: `among: [...]`"
            yield from self._labels((*path, "among"), name, item.among or ())
        elif self._is_number(name):
            if item.among is not None:
                yield (*path, "among"), f"'{name}' is a number; give min or max"
            low, high = self._known.measures.get(name, (-math.inf, math.inf))
            if name.startswith("language_"):
                low, high = 0.0, 1.0
            if (item.min is not None and item.min > high) or (item.max is not None and item.max < low):
                yield path, f"'{name}' lies between {low:g} and {high:g}; no document could stay"
        else:
            yield from self._unknown((*path, "measure"), name)

    def _published(self, path: KeyPath, item: PublishedRules) -> Iterator[FoundProblem]:
        variants = self._known.rule_sets.get(item.rules)
        if variants is None:
            near = nearest(item.rules, self._known.rule_sets, _PAGE)
            yield (*path, "rules"), f"unknown rule set '{item.rules}'{near}"
            return
        measures = variants.get(item.variant or "")
        if measures is None:
            near = nearest(item.variant or "", [name for name in variants if name])
            yield (*path, "variant"), f"'{item.rules}' has no variant '{item.variant}'{near}"
            return
        yield from self._needs(path, measures)
        for name in item.limits:
            if name not in measures:
                yield (*path, name), f"'{item.rules}' has no rule on '{name}'{nearest(name, measures)}"

    def _edits(self, path: KeyPath, source: SourceSpec) -> Iterator[FoundProblem]:
        for index, name in enumerate(source.edits):
            here = (*path, "edits", index)
            if name not in self._known.edits:
                yield here, f"unknown edit '{name}'{nearest(name, self._known.edits)}"
            elif name in self._known.of_evaluations and self._spec.evaluations is None:
                yield here, f"'{name}' needs evaluation sets; add the section `evaluations: {{files: ...}}`"

    def _splits(self, path: KeyPath, source: SourceSpec) -> Iterator[FoundProblem]:
        name = source.split_measure
        if name is None:
            return
        here = (*path, "splits" if source.splits else "upsampling")
        if name in self._known.labels or name == CLUSTER_SIZE or self._is_number(name):
            yield from self._divider(here, source)
        else:
            yield from self._unknown((*here, "measure"), name)
        yield from self._needs((*here, "measure"), [name])

    def _divider(self, path: KeyPath, source: SourceSpec) -> Iterator[FoundProblem]:
        """Yield numbers divided by labels, labels by numbers, and labels that no document has."""
        name, splits = source.split_measure or "", source.splits
        if name not in self._known.labels:
            if splits is not None and any(split.among is not None for split in splits.into):
                yield (*path, "into"), f"'{name}' is a number; give limits or quantiles"
            return
        if splits is None or splits.limits is not None or splits.quantiles is not None:
            yield (*path, "measure"), f"'{name}' is a label; give splits with the labels of each: `among: [...]`"
        for index, split in enumerate(splits.into if splits else ()):
            yield from self._labels((*path, "into", index, "among"), name, split.among or ())

    def _labels(self, path: KeyPath, measure: str, labels: Sequence[str]) -> Iterator[FoundProblem]:
        for index, label in enumerate(labels):
            form = self._known.labels[measure](label)
            if form != label:
                remedy = f"write '{form}'" if form else "no document could have it"
                yield (*path, index), f"found '{label}', which '{measure}' never gives; {remedy}"

    def _is_number(self, name: str) -> bool:
        return name in self._known.measures or name in self._own or _LANGUAGE.fullmatch(name) is not None

    def _unknown(self, path: KeyPath, name: str) -> Iterator[FoundProblem]:
        """Yield the unknown name of a measure, unless a file that could not be run may have it."""
        if self._is_open:
            return
        names = [*self._known.measures, *self._known.labels, *self._own]
        code = name.rpartition("_")[2]
        if _CODE.fullmatch(code):  # of every language there is a measure
            names += [f"language_{code}", f"language_paragraph_fraction_{code}"]
        near = nearest(name, names, f"{_PAGE}; measures of your own go under `measures`")
        yield path, f"unknown measure '{name}'{near}"
