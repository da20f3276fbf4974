"""Demand: what is wanted of a source or a split, and what there is of it."""

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is wanted of a source or a split, in one of three ways, and what there is.

    Attributes:
        name: the source, or source/split.
        available: tokens of one epoch.
        proportion: part of what those with `tokens` or `epochs` leave, relative to the others' proportions.
        tokens: tokens wanted.
        epochs: epochs wanted.
        min_tokens: tokens given at least; with a proportion or epochs.
        max_tokens: tokens given at most; likewise.
        max_epochs: the bound beyond which a source falls short; larger `epochs` are their own bound.
        splits: its splits, which divide its tokens; where none has a proportion they say themselves how many there are.
        is_upsampled: whether a curve made its splits: the one that is dropped has no proportion, the others one bound.
    """

    name: str
    available: int
    proportion: Fraction | None = None
    tokens: int | None = None
    epochs: Fraction | None = None
    min_tokens: int = 0
    max_tokens: int | None = None
    max_epochs: Fraction = Fraction(1)
    splits: tuple["Demand", ...] = ()
    is_upsampled: bool = False

    @property
    def limit(self) -> int:
        """Return the most tokens it can give, its epochs allowing."""
        return math.floor(self.available * max(self.max_epochs, self.epochs or Fraction(0)))

    def clamp(self, tokens: Fraction) -> Fraction:
        """Return the nearest number of tokens within the bounds."""
        high = tokens if self.max_tokens is None else min(tokens, Fraction(self.max_tokens))
        return max(high, Fraction(self.min_tokens))
