"""From a spec and what its sources have to the demands that the budget arithmetic divides a mix among."""

from collections.abc import Sequence
from fractions import Fraction

from mixes.budget import Demand
from mixes.spec.amounts import Split
from mixes.spec.mix import MixSpec
from mixes.spec.source import SourceSpec
from mixes.upsampling import bucket_edges, bucket_heights


def demands_of(spec: MixSpec, available: Sequence[Sequence[int]]) -> list[Demand]:
    """Return what a spec wants of each source.

    Args:
        spec: the spec.
        available: for each source the tokens of one epoch of its splits, in the order of `split_names`, or of itself.
    """
    return [_demand(source, tokens) for source, tokens in zip(spec.sources, available, strict=True)]


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
