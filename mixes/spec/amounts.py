"""The part of a spec that says how much of a source is seen: its splits, its upsampling, and what is held out of it."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from mixes.spec.rule_items import NAME, NAME_IN_WORDS
from mixes.typed_yaml.checks import refuse
from mixes.typed_yaml.fields import FoundProblem, about

SUM_TOLERANCE = 1e-6
"""How far proportions may be from 1 in all: enough for rounded thirds, too little for a lost source."""

MAX_TOKENS = 10**15
"""Tokens of a mix, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split of a source, and how much of the source's tokens it gives: a `proportion` of them, or `epochs`."""

    name: str = field(
        metadata=about("the split's name; the manifest calls it SOURCE/NAME", pattern=NAME, form=NAME_IN_WORDS)
    )
    among: tuple[str, ...] | None = field(
        default=None,
        metadata=about("labels of its documents, for a measure that is a label; one split without takes all others"),
    )
    proportion: float | None = field(
        default=None,
        metadata=about(
            "part of the source's tokens that splits with `epochs` leave; those of all splits add up to 1",
            above=0,
            at_most=1,
            late=True,
        ),
    )
    epochs: float | None = field(
        default=None,
        metadata=about("times its documents are seen; 0 leaves them out", at_least=0, at_most=1_000, late=True),
    )
    min_tokens: int | None = field(
        default=None, metadata=about("tokens it gives at least", at_least=1, at_most=MAX_TOKENS, late=True)
    )
    max_tokens: int | None = field(
        default=None, metadata=about("tokens it gives at most", at_least=1, at_most=MAX_TOKENS, late=True)
    )
    max_epochs: float | None = field(
        default=None,
        metadata=about(
            "times its documents may be seen; left out, those of the source", above=0, at_most=1_000, late=True
        ),
    )

    def __post_init__(self) -> None:
        refuse(self._problems(), amount_problems("split", self))

    def _problems(self) -> Iterator[FoundProblem]:
        if self.among == ():
            yield ("among",), "found an empty list; no document could be in this split"
        if self.proportion is None and self.epochs is None:
            yield (), f"split '{self.name}' has neither proportion nor epochs; give one of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Splits of a source by one measure; a number that a document does not have counts as the lowest of all."""

    measure: str = field(
        metadata=about(
            "what divides it: a measure that is a number or a label, or `cluster_size`, the documents that duplicates "
            "made one"
        )
    )
    limits: tuple[float, ...] | None = field(
        default=None, metadata=about("values of a number, rising: each begins the next split")
    )
    quantiles: tuple[float, ...] | None = field(
        default=None,
        metadata=about(
            "parts of the source's bytes that lie below, rising: each begins the next split, equal values together",
            above=0,
            at_most=1,
        ),
    )
    into: tuple[Split, ...] = field(
        metadata=about("the splits: of a number one more than limits or quantiles, the lowest first", min_items=1)
    )

    def __post_init__(self) -> None:
        refuse(self._bound_problems(), self._name_problems(), self._label_problems(), self._proportion_problems())

    def _proportion_problems(self) -> Iterator[FoundProblem]:
        yield from proportion_problems(self.into, "into")

    def _bound_problems(self) -> Iterator[FoundProblem]:
        labels = [split for split in self.into if split.among is not None]
        if sum(part is not None for part in (self.limits, self.quantiles, labels or None)) != 1:
            yield (), "wanted one way to divide: limits, quantiles, or labels (`among`) of each split"
        bounds = self.limits if self.limits is not None else self.quantiles
        for name, values in (("limits", self.limits), ("quantiles", self.quantiles)):
            if values is not None and any(low >= high for low, high in itertools.pairwise(values)):
                yield (name,), "found values that do not rise; wanted each larger than the one before"
        if self.quantiles is not None and self.quantiles[-1:] == (1.0,):
            yield ("quantiles",), "found 1, above which nothing lies; wanted values below 1"
        if bounds is not None and len(self.into) != len(bounds) + 1:
            found = f"found {len(self.into)} splits for {len(bounds)} values"
            yield ("into",), f"{found}; wanted {len(bounds) + 1}: one below, between and above each"

    def _name_problems(self) -> Iterator[FoundProblem]:
        names = [split.name for split in self.into]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield ("into", index, "name"), f"found '{name}' again; into[{names.index(name)}] has it"

    def _label_problems(self) -> Iterator[FoundProblem]:
        others = [index for index, split in enumerate(self.into) if split.among is None]
        if len(others) == len(self.into):
            return
        if len(others) != 1:
            yield ("into",), f"found {len(others)} splits without `among`; wanted one, for all other labels"
        seen: dict[str, int] = {}
        for index, split in enumerate(self.into):
            for place, label in enumerate(split.among or ()):
                if label in seen:
                    yield ("into", index, "among", place), f"found '{label}' again; into[{seen[label]}] has it"
                seen[label] = index


@dataclass(frozen=True, slots=True, kw_only=True)
class Upsampling:
    """Quality-aware upsampling: the lower part of a source is dropped, better documents are seen more often."""

    measure: str = field(metadata=about("the number that says how good a document is; one without counts as worst"))
    drop: float = field(
        default=0.4, metadata=about("part of the source's bytes that is left out, the worst", at_least=0, at_most=0.99)
    )
    max_repeats: float = field(
        default=7.0, metadata=about("times a document may be seen", above=0, at_most=1_000, late=True)
    )
    exponent: float = field(
        default=1.0, metadata=about("p of the curve (x - drop)^p e^(k (x - drop))", at_least=0, at_most=10, late=True)
    )
    growth: float = field(default=1.0, metadata=about("k of that curve", at_least=0, at_most=10, late=True))
    buckets: int = field(
        default=12,
        metadata=about("splits of equal bytes into which what is kept is divided", at_least=1, at_most=1_000),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What is held out and never trained on: the documents of the lowest sampling keys, whatever else the spec says."""

    share: float = field(
        default=0.001,
        metadata=about(
            "share of all sampling keys, so about of a source's documents; 0: none", at_least=0, at_most=0.5
        ),
    )
    max_tokens: int = field(
        default=1_000_000, metadata=about("tokens held out of a source, at most", at_least=1, at_most=MAX_TOKENS)
    )

    @property
    def end_key(self) -> int:
        """Return the sampling key below which documents are held out, in [0, 2**63]."""
        return math.ceil(Fraction(str(self.share)) * 2**64)


class Amount(Protocol):
    """How much is wanted: what a source and a split have in common."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def proportion(self) -> float | None:
        """Return its part of what is shared."""

    @property
    def epochs(self) -> float | None:
        """Return the epochs wanted."""

    @property
    def min_tokens(self) -> int | None:
        """Return the tokens it gives at least."""

    @property
    def max_tokens(self) -> int | None:
        """Return the tokens it gives at most."""

    @property
    def max_epochs(self) -> float | None:
        """Return how often its documents may be seen."""


def amount_problems(kind: str, amount: Amount) -> Iterator[FoundProblem]:
    """Yield two ways to say how much, bounds that contradict each other, and more epochs than the bound."""
    if amount.proportion is not None and amount.epochs is not None:
        yield ("epochs",), f"{kind} '{amount.name}' has both proportion and epochs; keep one of them"
    low, high = amount.min_tokens, amount.max_tokens
    if low is not None and high is not None and low > high:
        yield ("min_tokens",), f"found min_tokens {low:,} above max_tokens {high:,}"
    if amount.epochs is not None and amount.max_epochs not in (None, 1.0) and amount.epochs > (amount.max_epochs or 0):
        yield (
            ("epochs",),
            f"found epochs {amount.epochs:g} above max_epochs {amount.max_epochs:g}; leave max_epochs out",
        )


def proportion_problems(amounts: Sequence[Amount], path: str) -> Iterator[FoundProblem]:
    """Yield proportions that do not add up to 1; there may be none."""
    proportions = [amount.proportion for amount in amounts if amount.proportion is not None]
    total = math.fsum(proportions)
    if proportions and abs(total - 1) > SUM_TOLERANCE:
        lack = 1 - total
        remedy = f"{'add' if lack > 0 else 'take away'} {abs(lack):.6g}"
        yield (path,), f"proportions add up to {total:.6g}, wanted 1; {remedy}"
