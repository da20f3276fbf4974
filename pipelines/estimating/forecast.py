"""Forecast: what each source will give and what the build will take, from a plan and what is known of its data."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mixes.demand import Demand
from mixes.spec.demands import estimated_wants
from mixes.spec.mix import MixSpec
from mixes.spec.source import SourceSpec
from mixes.token_ids import token_dtype
from pipelines.estimating.rates import MEASURED, Rates
from pipelines.estimating.trial import SourceTrial, Trial
from pipelines.plan import BYTES_PER_TOKEN, Plan, SourcePlan
from pipelines.settings import BuildSettings

_INDEX_BYTES = 24  # of a kept document, in the files beside a part
_BYTES_A_DOCUMENT = 2_400  # only where nothing was read
_T_95 = (math.inf, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36)  # Student's t for 95 %, by degrees of freedom


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitForecast:
    """One split of a source, or bucket of its upsampling: what there will be of it, and what is wanted."""

    name: str  # as the manifest will have it
    available_tokens: int
    wanted_tokens: int
    max_epochs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceForecast:
    """One source: what it holds, what of it is looked at, what will be left, and what is wanted."""

    name: str
    text_bytes: float  # of all documents in the shards that are read
    sampled_bytes: float  # of those that are looked at
    kept_bytes: float
    kept_documents: float
    available_tokens: float
    margin: float | None  # half of the 95 % interval of `available_tokens`; None where nothing tells it
    split_shares: tuple[float, ...] | None  # which part of those tokens each of its splits has; None where not known
    wanted_tokens: int = 0
    splits: tuple[SplitForecast, ...] = ()  # where nothing tells how large they are, none


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A whole build: sources, CPU seconds by station, stored bytes by folder."""

    sources: tuple[SourceForecast, ...]
    seconds: dict[str, float]
    stored: dict[str, float]  # below the output
    shuffle: float  # bytes; on this machine, in a temporary folder while the build runs
    origin: str  # of the rates


def make_forecast(plan: Plan, settings: BuildSettings, trial: Trial | None) -> Forecast:
    """Return what is to be expected, from a listing alone or from a trial too."""
    rates = trial.rates if trial else (MEASURED,) * len(plan.sources)
    if trial:
        sources = tuple(_from_trial(*each) for each in zip(plan.sources, plan.spec.sources, trial.sources, strict=True))
    else:
        sources = tuple(_from_listing(source) for source in plan.sources)
    return Forecast(
        sources=_with_wants(plan.spec, sources),
        seconds=_seconds(sources, rates),
        stored=_stored(sources, rates, settings),
        shuffle=sum(source.sampled_bytes * rate.shuffle for source, rate in zip(sources, rates, strict=True)),
        origin=rates[0].origin,
    )


def _from_listing(source: SourcePlan) -> SourceForecast:
    sampled_bytes = source.estimated_text_bytes * source.sample
    return SourceForecast(
        name=source.name,
        text_bytes=source.estimated_text_bytes,
        sampled_bytes=sampled_bytes,
        kept_bytes=sampled_bytes,
        kept_documents=sampled_bytes / _BYTES_A_DOCUMENT,
        available_tokens=sampled_bytes / BYTES_PER_TOKEN,
        margin=None,
        split_shares=None,
    )


def _split_shares(trial: SourceTrial, num_splits: int) -> tuple[float, ...] | None:
    """Return which part of a sample's tokens each split has; None where there are none."""
    tokens = [0] * num_splits
    for part in trial.results.parts:
        tokens[part.split] += part.summary.tokens
    return tuple(each / sum(tokens) for each in tokens) if any(tokens) else None


def _from_trial(source: SourcePlan, spec_source: SourceSpec, trial: SourceTrial) -> SourceForecast:
    """Return what a source holds by what a sample of it held: ratios to stored bytes, and to bytes of text."""
    shards = trial.shards
    stored = sum(shard.stored_bytes for shard in shards)
    text_bytes = sum(shard.text_bytes for shard in shards) * trial.planned_bytes / stored
    of_sample = source.sample * text_bytes / sum(shard.sampled_bytes for shard in shards)
    kept = trial.results.kept
    return SourceForecast(
        name=source.name,
        text_bytes=text_bytes,
        sampled_bytes=source.sample * text_bytes,
        kept_bytes=kept.bytes * of_sample,
        kept_documents=kept.documents * of_sample,
        available_tokens=sum(shard.tokens for shard in shards) * of_sample,
        margin=_margin(trial, of_sample),
        split_shares=_split_shares(trial, len(spec_source.split_names)),
    )


def _with_wants(spec: MixSpec, sources: Sequence[SourceForecast]) -> tuple[SourceForecast, ...]:
    """Return sources with the tokens that are wanted of them and of their splits, if they hold what is expected."""
    wants = estimated_wants(
        spec, [int(source.available_tokens) for source in sources], [source.split_shares for source in sources]
    )
    return tuple(
        replace(source, wanted_tokens=sum(wanted), splits=_split_forecasts(demand, wanted))
        for source, (demand, wanted) in zip(sources, wants, strict=True)
    )


def _split_forecasts(demand: Demand, wanted: Sequence[int]) -> tuple[SplitForecast, ...]:
    if not demand.splits:
        return ()
    return tuple(
        SplitForecast(
            name=split.name,
            available_tokens=split.available,
            wanted_tokens=tokens,
            max_epochs=float(max(split.max_epochs, split.epochs or 0)),
        )
        for split, tokens in zip(demand.splits, wanted, strict=True)
    )


def _margin(trial: SourceTrial, factor: float) -> float | None:
    """Return half of the 95 % interval of a source's tokens: by chance of documents, and of shards where some are read.

    Both are variances of a ratio estimator (Cochran, Sampling Techniques, 1977, chapters 6 and 11): tokens to bytes of
    text over documents, tokens to stored bytes over shards. Of duplicates a sample says too little; see `tables`.

    Args:
        trial: The sample of the source.
        factor: Tokens of the source for each token of the sample.
    """
    shards = trial.shards
    residuals = sum(shard.residual_squares for shard in shards)
    of_documents = (1 - trial.document_share) * residuals * factor**2
    part = min(1.0, sum(shard.stored_bytes for shard in shards) / trial.planned_bytes)
    if all(shard.is_whole for shard in shards) and len(shards) == trial.num_shards:
        return 1.96 * math.sqrt(of_documents)
    if len(shards) == 1:
        return None
    tokens_a_byte = sum(shard.tokens for shard in shards) / sum(shard.stored_bytes for shard in shards)
    between = sum((shard.tokens - tokens_a_byte * shard.stored_bytes) ** 2 for shard in shards)
    of_shards = (1 - part) * len(shards) / (len(shards) - 1) * between * factor**2
    return _T_95[len(shards) - 1] * math.sqrt(of_shards + part * of_documents)


def _seconds(sources: Sequence[SourceForecast], rates: Sequence[Rates]) -> dict[str, float]:
    pairs = list(zip(sources, rates, strict=True))
    return {
        "read, twice": sum(2 * source.text_bytes * rate.read for source, rate in pairs) / 1e6,
        "measure": sum(source.sampled_bytes * rate.measure for source, rate in pairs) / 1e6,
        "match": sum(source.sampled_bytes * rate.match for source, rate in pairs) / 1e6,
        "tokenize": sum(source.kept_bytes * rate.tokenize for source, rate in pairs) / 1e6,
    }


def _stored(sources: Sequence[SourceForecast], rates: Sequence[Rates], settings: BuildSettings) -> dict[str, float]:
    def total(rate_of: Callable[[Rates], float]) -> float:
        return sum(source.sampled_bytes * rate_of(rate) for source, rate in zip(sources, rates, strict=True))

    width = token_dtype(settings.tokenizer.vocab_size).itemsize
    parts = sum(width * source.available_tokens + _INDEX_BYTES * source.kept_documents for source in sources)
    return {
        "measures": total(lambda rate: rate.measures),
        **({"signatures": total(lambda rate: rate.signatures)} if settings.signs else {}),
        **({"repeats": total(lambda rate: rate.repeats)} if settings.spec.dedupe.looks_inside else {}),
        "verdicts": total(lambda rate: rate.verdicts),
        "tokens": parts,
    }
