"""Budgeting: what a build would say of its budget, if its sources had the tokens that are foreseen."""

from collections.abc import Sequence

from mixes.budget import ShortfallError
from mixes.errors import SpecError
from mixes.spec.demands import estimated_demands, settle_budget
from mixes.spec.mix import MixSpec
from mixes.spec.source import SourceSpec


def foreseen_problems(spec: MixSpec, tokens: Sequence[float], shares: Sequence[Sequence[float] | None]) -> list[str]:
    """Return why a build would be refused for its budget, or how far it would shrink; nothing where it suffices.

    Args:
        spec: The spec, its samples resolved.
        tokens: Of the documents of each source that are looked at and kept, as foreseen.
        shares: Which part of them each split of a source has, where that is known.
    """
    available = [
        rounded(each - _held_out(spec, source, each)) for source, each in zip(spec.sources, tokens, strict=True)
    ]
    try:
        budget = settle_budget(spec, estimated_demands(spec, available, shares))
    except ShortfallError as error:
        return [message for _, message in error.problems]
    except SpecError as error:
        return [str(error)]
    if budget.tokens < budget.asked_tokens:
        return [f"the mix: would shrink to {budget.tokens:,} of {budget.asked_tokens:,} tokens (on_shortfall: scale)"]
    return []


def lasting_problems(spec: MixSpec, tokens: Sequence[float], doubt: float) -> list[str]:
    """Return the problems that are foreseen, if there are some whether tokens are as foreseen, or more, or fewer.

    Args:
        spec: The spec, its samples resolved.
        tokens: As for `foreseen_problems`, from a listing.
        doubt: The factor by which all of them may be wrong.
    """
    unknown = [None] * len(tokens)
    found = [foreseen_problems(spec, [factor * each for each in tokens], unknown) for factor in (1, doubt, 1 / doubt)]
    return found[0] if all(found) else []


def rounded(number: float) -> int:
    """Return a number with three digits that count: an estimate knows no more."""
    digits = 3 - len(str(int(number)))
    return int(round(number, min(0, digits)))


def _held_out(spec: MixSpec, source: SourceSpec, tokens: float) -> float:
    """Return about how many of the tokens of a source are held out: those of the lowest keys, which a sample has."""
    validation = spec.validation_of(source)
    return min(tokens * min(1.0, validation.share / source.sample.share), validation.max_tokens)
