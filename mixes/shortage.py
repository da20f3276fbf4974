"""What a person reads of a source or split that falls short: the figures, and the keys that would mend it."""

import math
from collections.abc import Sequence
from fractions import Fraction

from mixes.demand import Demand


def is_plain(demands: Sequence[Demand]) -> bool:
    """Return whether the tokens of the mix are all shared in proportion, without bounds."""
    return all(each.proportion is not None and not each.min_tokens and not each.max_tokens for each in demands)


def lower_source(total: int | None, demands: Sequence[Demand], wanted: Sequence[int], index: int, found: int) -> str:
    """Return which amount to lower so that a source suffices, and to what where that is known; "" without a token.

    Args:
        total: tokens of the mix, where some are shared.
        demands: the sources.
        wanted: the tokens wanted of each.
        index: the source that falls short.
        found: the tokens that it can give.
    """
    source = demands[index]
    if not found:
        return ""
    if source.tokens is not None:
        return f"lower tokens to {found:,}"
    if source.min_tokens > found:
        return _lower_least(source, wanted[index], found)
    if source.proportion is None:
        return "lower epochs" if source.epochs is None else f"lower epochs to {_round_down(found / source.available)}"
    if sum(each.proportion is not None for each in demands) == 1:
        return f"lower the mix's tokens to {sum(wanted) - wanted[index] + found:,}"
    if total is not None and is_plain(demands):
        return f"lower proportion to {_round_down(found / total)}"
    return "lower its share"


def lower_split(split: Demand, wanted: int) -> str:
    """Return which amount of a split to lower."""
    return _lower_least(split, wanted, split.limit) if split.min_tokens > split.limit else "lower its share"


def _lower_least(demand: Demand, wanted: int, found: int) -> str:
    """Return what to lower where even the tokens wanted at least are more than there are."""
    return f"lower {'min_tokens' if wanted == demand.min_tokens else 'its share and min_tokens'} to {found:,}"


def bound_message(source: Demand, found: int, wanted: int, lower: str, *, can_shrink: bool) -> str:
    """Return the message that says that the bounds of a source's splits leave less than is wanted of all of them.

    Args:
        source: the source.
        found: tokens that its splits give.
        wanted: tokens wanted of it.
        lower: which amount to lower.
        can_shrink: whether a smaller mix would suffice.
    """
    if not source.is_upsampled:
        message = f"found {found:,} tokens within max_tokens of its splits, wanted {wanted:,}"
        return f"source {source.name!r}: {message}; {joined_remedies('raise max_tokens', lower, can_shrink=can_shrink)}"
    if not source.available:
        return shortage_message("source", source, f"wants {wanted:,} tokens", wanted, lower, can_shrink=can_shrink)
    supplies = [split.available for split in source.splits if split.proportion]
    bound, kept = source.max_epochs, sum(supplies)
    supply = f"{kept:,} tokens above drop x max_repeats {float(bound):g} gives {found:,}"
    more = f"raise max_repeats to {_hundredths(_least_bound(supplies, wanted))}" if kept else ""
    less = "lower drop" if not kept or (kept < source.available and source.limit >= wanted) else ""
    remedies = joined_remedies(more, less, lower, can_shrink=can_shrink)
    return f"source {source.name!r}: wants {wanted:,} tokens, but {supply}; {remedies}"


def _least_bound(supplies: Sequence[int], wanted: int) -> int:
    """Return the least epochs, in hundredths, of which splits of some tokens give what is wanted of them together."""
    bound = math.ceil(Fraction(100 * wanted, sum(supplies)))
    while sum(bound * tokens // 100 for tokens in supplies) < wanted:  # each split gives whole tokens
        bound += 1
    return bound


def shortage_message(kind: str, demand: Demand, needs: str, wanted: int, lower: str, *, can_shrink: bool) -> str:
    """Return the message that says what a source or split lacks and what to change.

    Args:
        kind: "source" or "split".
        demand: what was wanted of it, and what it has.
        needs: what was wanted of it, in words.
        wanted: tokens wanted of it.
        lower: which amount to lower.
        can_shrink: whether a smaller mix would suffice.
    """
    if demand.available == 0 and kind == "split":
        return (
            f"split {demand.name!r}: {needs}, but no document that survived lies in it; change what divides its "
            "source, or give it epochs: 0"
        )
    if demand.available == 0:
        return f"{kind} {demand.name!r}: {needs}, but no token of it survived; loosen what drops it, or leave it out"
    supply = f"{demand.available:,} tokens x max_epochs {float(demand.max_epochs):g} gives {demand.limit:,}"
    epochs = _hundredths(math.ceil(Fraction(100 * wanted, demand.available)))
    remedies = joined_remedies(lower, f"raise max_epochs to {epochs}", can_shrink=can_shrink)
    return f"{kind} {demand.name!r}: {needs}, but {supply}; {remedies}"


def joined_remedies(*remedies: str, can_shrink: bool) -> str:
    """Return what can be done, one of several; with shrinking the mix, where a smaller one would suffice."""
    *others, last = [*filter(None, remedies), *(["write on_shortfall: scale"] if can_shrink else [])]
    return f"{', '.join(others)} or {last}" if others else last


def _hundredths(number: int) -> str:
    """Return a number of hundredths as a decimal."""
    return f"{number / 100:.2f}".rstrip("0").rstrip(".")


def _round_down(proportion: float) -> str:
    """Return a positive proportion with three digits after the point or, when it is small, three digits that count."""
    digits = max(3, 2 - math.floor(math.log10(proportion)))
    return f"{math.floor(proportion * 10**digits) / 10**digits:.{digits}f}"
