"""From a spec and what its sources have to the demands that the budget arithmetic divides a mix among."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from mixes.budget import Budget, ShortfallError, divide, divide_mix, plan_budget
from mixes.demand import Demand
from mixes.errors import SpecError
from mixes.spec.amounts import Split
from mixes.spec.mix import MixSpec
from mixes.spec.sampling import sample_remedy
from mixes.spec.source import SourceSpec
from mixes.upsampling import bucket_edges, bucket_heights


def demands_of(spec: MixSpec, available: Sequence[Sequence[int]]) -> list[Demand]:
    """Return what a spec wants of each source.

    Args:
        spec: the spec.
        available: for each source the tokens of one epoch of its splits, in the order of `split_names`, or of itself.
    """
    return [_demand(source, tokens) for source, tokens in zip(spec.sources, available, strict=True)]


def estimated_demands(spec: MixSpec, tokens: Sequence[int], shares: Sequence[Sequence[float] | None]) -> list[Demand]:
    """Return what a spec wants of each source, given about what one epoch of it has.

    Args:
        spec: the spec.
        tokens: of one epoch of each source.
        shares: for each source which part of its tokens each split has, where that is known; quantiles tell it too.
            Where nobody knows, the source is taken as a whole, to be seen as often as any of its splits.
    """
    known = [_quantile_shares(source) or given for source, given in zip(spec.sources, shares, strict=True)]
    available = [
        [int(total * share) for share in each or [1 / len(source.split_names)] * len(source.split_names)]
        for source, total, each in zip(spec.sources, tokens, known, strict=True)
    ]
    return [
        demand if each or not demand.splits else _undivided(source, demand)
        for source, demand, each in zip(spec.sources, demands_of(spec, available), known, strict=True)
    ]


def estimated_wants(
    spec: MixSpec, tokens: Sequence[int], shares: Sequence[Sequence[float] | None]
) -> list[tuple[Demand, list[int]]]:
    """Return the demand of each source as estimated, and the tokens wanted of its splits, or of itself.

    Where a source says by epochs how many it gives, that is an estimate as `tokens` are. Sources that share get none
    where the others, as estimated, leave none. That a mix may shrink is not looked at.

    Args:
        spec: the spec.
        tokens: of one epoch of each source.
        shares: as for `estimated_demands`.
    """
    demands = estimated_demands(spec, tokens, shares)
    totals = _divided("the mix", spec.tokens, demands)
    return [
        (demand, _divided(demand.name, total, demand.splits) if demand.splits else [total])
        for demand, total in zip(demands, totals, strict=True)
    ]


def _divided(place: str, total: int | None, demands: Sequence[Demand]) -> list[int]:
    """Return the tokens of each; where what is fixed takes more than there is, which only the build can tell, those."""
    try:
        return divide(place, total, demands)
    except SpecError:
        return divide(place, None, demands)


def settle_budget(spec: MixSpec, demands: Sequence[Demand]) -> Budget:
    """Return the tokens wanted of every source and split.

    Raises:
        ShortfallError: sources fall short, or too few of their documents were looked at: all that is so.
        SpecError: what is fixed or wanted at least takes more than there is to divide.
    """
    problems: list[tuple[int | None, str]] = list(_sample_problems(spec, demands))
    try:
        budget = plan_budget(spec.tokens, demands, shrink=spec.on_shortfall == "scale")
    except ShortfallError as error:
        lacking = [place for place, _ in problems]
        problems += [problem for problem in error.problems if problem[0] is None or problem[0] not in lacking]
    if problems:
        raise ShortfallError(problems)
    return budget


def _sample_problems(spec: MixSpec, demands: Sequence[Demand]) -> Iterator[tuple[int, str]]:
    """Yield the sources, or splits of them, of whose documents too few were looked at."""
    wanted = divide_mix(spec.tokens, demands)
    for place, (source, demand, tokens) in enumerate(zip(spec.sources, demands, wanted, strict=True)):
        for leaf, number in zip(demand.splits or (demand,), tokens, strict=True):
            remedy = sample_remedy(source.sample, number, leaf.available, spec.validation_of(source).share)
            if remedy:
                yield place, f"{'split' if demand.splits else 'source'} '{leaf.name}': {remedy}"


def _quantile_shares(source: SourceSpec) -> list[float] | None:
    """Return which part of a source each split has, where quantiles divide it: of its bytes, and so of its tokens."""
    quantiles = quantiles_of(source)
    edges = [Fraction(0), *quantiles, Fraction(1)]
    return [float(high - low) for low, high in itertools.pairwise(edges)] if quantiles else None


def _undivided(source: SourceSpec, demand: Demand) -> Demand:
    """Return a source's demand without its splits, of which nobody knows how large they are."""
    has_amount = any(each is not None for each in (demand.proportion, demand.tokens, demand.epochs))
    epochs = None if has_amount else sum((each.epochs or Fraction(0) for each in demand.splits), Fraction(0))
    return replace(
        demand,
        epochs=demand.epochs if epochs is None else epochs / len(demand.splits),
        max_epochs=_exact(source.most_epochs),
        splits=(),
    )


def quantiles_of(source: SourceSpec) -> tuple[Fraction, ...]:
    """Return the quantiles that divide a source, rising; none where something else does, or nothing."""
    if source.upsampling is not None:
        return bucket_edges(source.upsampling.drop, source.upsampling.buckets)
    quantiles = source.splits.quantiles if source.splits is not None else None
    return tuple(_exact(quantile) for quantile in quantiles or ())


def _demand(source: SourceSpec, available: Sequence[int]) -> Demand:
    max_epochs = _exact(source.upsampling.max_repeats if source.upsampling else source.max_epochs)
    return Demand(
        name=source.name,
        available=sum(available),
        proportion=None if source.proportion is None else _exact(source.proportion),
        tokens=source.tokens,
        epochs=None if source.epochs is None else _exact(source.epochs),
        min_tokens=source.min_tokens or 0,
        max_tokens=source.max_tokens,
        max_epochs=max_epochs,
        splits=_splits(source, available),
        is_upsampled=source.upsampling is not None,
    )


def _splits(source: SourceSpec, available: Sequence[int]) -> tuple[Demand, ...]:
    if source.upsampling is not None:
        return _upsampled(source, available)
    if source.splits is None:
        return ()
    return tuple(_split(source, *each) for each in zip(source.split_names, source.splits.into, available, strict=True))


def _split(source: SourceSpec, name: str, split: Split, available: int) -> Demand:
    return Demand(
        name=name,
        available=available,
        proportion=None if split.proportion is None else _exact(split.proportion),
        epochs=None if split.epochs is None else _exact(split.epochs),
        min_tokens=split.min_tokens or 0,
        max_tokens=split.max_tokens,
        max_epochs=_exact(source.max_epochs if split.max_epochs is None else split.max_epochs),
    )


def _upsampled(source: SourceSpec, available: Sequence[int]) -> tuple[Demand, ...]:
    """Return a demand for each bucket: its proportion is the height of the curve there x the tokens it has."""
    curve = source.upsampling
    assert curve is not None
    heights = bucket_heights(curve.drop, curve.buckets, curve.exponent, curve.growth)
    if curve.drop:
        heights.insert(0, Fraction(0))
    bound = _exact(curve.max_repeats)
    return tuple(
        Demand(
            name=name, available=tokens, proportion=height * tokens, max_tokens=int(bound * tokens), max_epochs=bound
        )
        for name, height, tokens in zip(source.split_names, heights, available, strict=True)
    )


def _exact(number: float) -> Fraction:
    """Return a number as the decimal that is written."""
    return Fraction(str(number))
