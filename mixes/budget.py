"""Budget arithmetic: from what a spec wants of sources and splits, and what each has, to the tokens each gives.

A mix and a source with splits are divided by one rule. Those with `tokens` or `epochs` take theirs first. The others
share what is left in proportion, each within its bounds: what one cannot take, the rest share (water-filling). All is
exact: numbers count as the decimals that are written, sums come out to the token.

Where a source has too few tokens within its epochs, the mix is refused with the figures, or shrunk: the tokens of the
mix and of its sources are multiplied by the largest factor for which every source suffices, and divided anew. Epochs
and bounds stay as they are, so there may be none.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from mixes.demand import Demand
from mixes.errors import SpecError
from mixes.shortage import bound_message, is_plain, joined_remedies, lower_source, lower_split, shortage_message


class ShortfallError(SpecError):
    """Sources cannot give what is wanted of them."""

    def __init__(self, problems: Sequence[tuple[int | None, str]]) -> None:
        """Take each problem with the place of its source, None where it is the mix's own."""
        super().__init__("\n".join(message for _, message in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The tokens wanted of each source.

    Attributes:
        asked_tokens: tokens that the spec asks for; more than `tokens` where the mix was shrunk.
        sources: for each source the tokens of its splits, or of itself alone.
    """

    asked_tokens: int
    sources: tuple[tuple[int, ...], ...]

    @property
    def tokens(self) -> int:
        """Return the tokens of the mix."""
        return sum(sum(splits) for splits in self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epochs:
    """How often documents are seen: whole epochs, and the tokens wanted of one more, fewer than a whole one has."""

    whole_epochs: int
    rest_tokens: int


def plan_epochs(wanted: int, available: int) -> Epochs:
    """Return how often what is available must be seen to give the tokens wanted; both are at least 0.

    Raises:
        ValueError: tokens are wanted and none is available.
    """
    if wanted == 0:
        return Epochs(whole_epochs=0, rest_tokens=0)
    if available == 0:
        raise ValueError(f"found no token, wanted {wanted:,}")
    whole_epochs, rest_tokens = divmod(wanted, available)
    return Epochs(whole_epochs=whole_epochs, rest_tokens=rest_tokens)


def plan_budget(total: int | None, demands: Sequence[Demand], *, shrink: bool = False) -> Budget:
    """Return the tokens wanted of every source and split.

    Args:
        total: tokens of the mix; None where no source has a proportion.
        demands: the sources.
        shrink: whether a mix whose sources fall short is made smaller, rather than refused.

    Raises:
        ShortfallError: sources fall short, in a mix of any size where it may shrink.
        SpecError: what is fixed or wanted at least takes more than there is to divide.
    """
    wanted = divide_mix(total, demands)
    asked = sum(map(sum, wanted)) if total is None else total
    if any(_shortfalls(total, demands, wanted)):
        smaller = _shrink(total, demands)
        if smaller is None or not shrink:
            problems = list(_shortfalls(total, demands, wanted, can_shrink=smaller is not None))
            raise ShortfallError([*problems, *_obstacles(demands)] if shrink else problems)
        wanted = smaller
    return Budget(asked_tokens=asked, sources=tuple(map(tuple, wanted)))


def divide_mix(total: int | None, demands: Sequence[Demand]) -> list[list[int]]:
    """Return the tokens wanted of each source by its splits, or by itself alone, whether it has them or not.

    Raises:
        SpecError: what is fixed or wanted at least takes more than there is to divide.
    """
    sources = divide("the mix", total, demands)
    return [
        divide(f"source {each.name!r}", tokens, each.splits) if each.splits else [tokens]
        for each, tokens in zip(demands, sources, strict=True)
    ]


def divide(place: str, total: int | None, demands: Sequence[Demand]) -> list[int]:
    """Return the tokens of each: integers that add up to `total`, or to fewer where their bounds take no more.

    Each that shares is less than one token away from its exact part. What rounding down leaves goes to the largest
    remainders, one token each; among equal ones to the earlier.

    Args:
        place: what is divided, for messages.
        total: tokens to divide, at least 0; None where none has a proportion.
        demands: those who divide it.

    Raises:
        SpecError: those with tokens or epochs, or the smallest shares of the others, take more than there is.
    """
    tokens = [_fixed_tokens(demand) for demand in demands]
    sharing = [index for index, demand in enumerate(demands) if demand.proportion is not None]
    if not sharing or total is None:
        return tokens
    rest = total - sum(tokens)
    least = sum(demands[index].min_tokens for index in sharing)
    if rest < least:
        fixed = [f"{demand.name} {taken:,}" for demand, taken in zip(demands, tokens, strict=True) if taken]
        named = f" ({', '.join(fixed)})" if fixed else ""
        taken = f"{sum(tokens):,} go to those with tokens or epochs{named}"
        taken += f", {least:,} to min_tokens" if least else ""
        raise SpecError(f"{place}: found {total:,} tokens to divide, but {taken}; raise tokens or lower those")
    exact = _fill([demands[index] for index in sharing], rest)
    floors = [math.floor(quota) for quota in exact]
    by_remainder = sorted(range(len(sharing)), key=lambda place: floors[place] - exact[place])
    for index in by_remainder[: math.floor(sum(exact)) - sum(floors)]:
        floors[index] += 1
    for index, number in zip(sharing, floors, strict=True):
        tokens[index] = number
    return tokens


def _fixed_tokens(demand: Demand) -> int:
    """Return the tokens of one that has no proportion; 0 where it has."""
    if demand.proportion is not None:
        return 0
    if demand.tokens is not None:
        return demand.tokens
    if demand.epochs is not None:
        return math.floor(demand.clamp(Fraction(math.floor(demand.epochs * demand.available))))
    return sum(_fixed_tokens(split) for split in demand.splits)


def _fill(demands: Sequence[Demand], rest: int) -> list[Fraction]:
    """Return each one's exact part of `rest`, within its bounds: proportion x level, one level for all.

    What all give rises with the level, in straight lines between the levels at which one meets a bound.
    """

    def at(level: Fraction) -> list[Fraction]:
        return [demand.clamp((demand.proportion or Fraction(0)) * level) for demand in demands]

    bends = {Fraction(0)}
    for demand in demands:
        if demand.proportion:
            bends |= {Fraction(bound) / demand.proportion for bound in (demand.min_tokens, demand.max_tokens) if bound}
    levels = sorted(bends)
    low, high = 0, len(levels)  # at levels[low] they give at most `rest`; from levels[high] on, more
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sum(at(levels[middle])) <= rest else (low, middle)
    given, step = at(levels[low]), at(levels[low] + 1 if high == len(levels) else levels[high])
    slope = sum(step, Fraction(0)) - sum(given, Fraction(0))
    if slope == 0:
        return given  # each is at a bound, or has no proportion
    share = (rest - sum(given, Fraction(0))) / slope
    return [first + (second - first) * share for first, second in zip(given, step, strict=True)]


def _shortfalls(
    total: int | None, demands: Sequence[Demand], wanted: Sequence[Sequence[int]], *, can_shrink: bool = False
) -> Iterator[tuple[int | None, str]]:
    """Yield what cannot be given, with the place of its source; `can_shrink`: whether a smaller mix would suffice."""
    given = sum(map(sum, wanted))
    whole_sources = divide("the mix", total, demands)
    if total is not None and sum(whole_sources) < total:
        message = f"the mix: found {given:,} tokens within max_tokens of its sources, wanted {total:,}"
        yield None, f"{message}; {joined_remedies('raise max_tokens', 'lower tokens', can_shrink=can_shrink)}"
    for index, (source, tokens, whole) in enumerate(zip(demands, wanted, whole_sources, strict=True)):
        if sum(tokens) < whole:
            lower = lower_source(total, demands, whole_sources, index, sum(tokens))
            yield index, bound_message(source, sum(tokens), whole, lower, can_shrink=can_shrink)
        if source.splits:
            for leaf, number in zip(source.splits, tokens, strict=True):
                if number > leaf.limit:
                    lower = lower_split(leaf, number)
                    needs = f"wants {number:,} tokens"
                    yield index, shortage_message("split", leaf, needs, number, lower, can_shrink=can_shrink)
        elif whole > source.limit:
            needs = f"wants {whole:,} tokens"
            if total is not None and is_plain(demands) and source.limit:
                needs = f"proportion {whole / total:.6g} of {total:,} tokens needs {whole:,}"
            lower = lower_source(total, demands, whole_sources, index, source.limit)
            yield index, shortage_message("source", source, needs, whole, lower, can_shrink=can_shrink)


def _obstacles(demands: Sequence[Demand]) -> Iterator[tuple[None, str]]:
    """Yield what keeps a mix from shrinking far enough, if it has any such."""
    leaves = [leaf for source in demands for leaf in (source, *source.splits)]
    if any(leaf.epochs or leaf.min_tokens for leaf in leaves):
        yield None, "the mix: no smaller one suffices either, as epochs and min_tokens stay what they are"


def _shrink(total: int | None, demands: Sequence[Demand]) -> list[list[int]] | None:
    """Return what the largest smaller mix gives for which no source falls short; None where no size suffices.

    The largest up to rounding to whole tokens: at the next size a source falls short, but beyond that others may
    suffice as long as the exact part of the scarcest source is less than a token more than it has.
    """
    whole = total if total is not None else sum(demand.tokens or 0 for demand in demands)
    found = None
    low, high = 0, whole
    while high - low > 1:
        size = (low + high) // 2
        smaller_total = None if total is None else size
        smaller = [
            demand if demand.tokens is None else replace(demand, tokens=demand.tokens * size // whole)
            for demand in demands
        ]
        try:
            wanted = divide_mix(smaller_total, smaller)
        except SpecError:
            low = size  # so small that not even what is fixed has room
            continue
        if any(_shortfalls(smaller_total, smaller, wanted)):
            high = size
        else:
            low, found = size, wanted
    return found
