"""Tables: a plan and its forecast as a terminal shows them."""

import math
from collections.abc import Iterator, Sequence

from mixes.progress import format_seconds
from mixes.spec.demands import quantiles_of
from pipelines.estimating.budgeting import foreseen_problems, lasting_problems, rounded
from pipelines.estimating.forecast import Forecast, SourceForecast
from pipelines.estimating.rates import MEASURED, START_SECONDS
from pipelines.estimating.trial import SourceTrial, Trial
from pipelines.plan import Plan, SourcePlan, format_bytes

_MATCH = "match"
_ENOUGH = 50
"""Documents below which a sample is said to tell little."""
_DOUBT = 2
"""By how much the tokens that a listing foretells are mostly wrong at most."""
_UNREAD = 10
"""Names of shards that are shown of those beyond a sample."""


def format_plan(
    plan: Plan, forecast: Forecast, trial: Trial | None, *, num_workers: int, core_hour_price: float | None
) -> str:
    """Return all that is known before a build runs.

    Args:
        plan: The plan.
        forecast: What is to be expected of it.
        trial: What its samples gave, if any were taken.
        num_workers: Processes among which the work is divided.
        core_hour_price: Of one core for an hour, in any currency; None where none was given.
    """
    spec = plan.spec
    head = f"mix '{spec.name}': {len(plan.units):,} units of at most {format_bytes(spec.units.max_bytes)}"
    parts = [head, _sources(plan, forecast)]
    if trial:
        parts += [_read(trial), _yields(trial)]
    parts += [_costs(forecast, num_workers, core_hour_price), "\n".join(_notes(plan, forecast, trial))]
    return "\n\n".join(parts)


def _sources(plan: Plan, forecast: Forecast) -> str:
    rows: list[tuple[str, ...]] = [
        ("source", "shards", "stored", "looked at", "text", "tokens (est.)", "wanted", "epochs (est.)", "max")
    ]
    for source, expected in zip(plan.sources, forecast.sources, strict=True):
        rows.append(
            (
                source.name,
                f"{source.num_shards:,}",
                format_bytes(source.stored_bytes),
                f"{source.sample:.4g}",
                format_bytes(expected.text_bytes),
                _with_margin(expected),
                *_epochs(expected.wanted_tokens, expected.available_tokens, source.max_epochs),
            )
        )
        rows += [
            (
                split.name,
                *[""] * 4,
                f"{rounded(split.available_tokens):,}",
                *_epochs(split.wanted_tokens, split.available_tokens, split.max_epochs),
            )
            for split in expected.splits
        ]
    total = (
        "total",
        f"{sum(source.num_shards for source in plan.sources):,}",
        format_bytes(plan.stored_bytes),
        "",
        format_bytes(sum(source.text_bytes for source in forecast.sources)),
        f"{rounded(sum(source.available_tokens for source in forecast.sources)):,}",
        f"{sum(source.wanted_tokens for source in forecast.sources):,}",
        "",
        "",
    )
    return _table([*rows, total], has_total=True)


def _epochs(wanted: int, available: float, most: float) -> tuple[str, str, str]:
    """Return the tokens wanted, how often those available would be seen for it, and how often they may be."""
    epochs = wanted / available if available else math.inf if wanted else 0.0
    return f"{wanted:,}", f"{epochs:.2f}", f"{most:g}"


def _with_margin(source: SourceForecast) -> str:
    tokens = f"{rounded(source.available_tokens):,}"
    if source.margin is None or not source.available_tokens:
        return tokens
    return f"{tokens} ±{100 * source.margin / source.available_tokens:.2g} %"


def _read(trial: Trial) -> str:
    rows = [("sample of", "shards", "documents", "share of them", "text", "failed")]
    for source in trial.sources:
        sampled = sum(shard.sampled_documents for shard in source.shards)
        rows.append(
            (
                source.name,
                f"{len(source.shards):,} of {source.num_shards:,}",
                f"{sampled:,} of {sum(shard.num_documents for shard in source.shards):,}",
                f"{source.document_share:.3g}",
                format_bytes(sum(shard.sampled_bytes for shard in source.shards)),
                f"{sum(shard.num_failed for shard in source.shards):,}",
            )
        )
    return _table(rows)


def _yields(trial: Trial) -> str:
    rows: list[tuple[str, ...]] = [("source", "station: reason", "documents", "bytes", "by this rule", "by it alone")]
    for source in trial.sources:
        rows += _yields_of(source)
    return _table(rows, num_names=2)


def _yields_of(source: SourceTrial) -> Iterator[tuple[str, ...]]:
    read, kept = source.results.read, source.results.kept
    rules = {rule.reason: rule for rule in source.results.rules}
    yield (source.name, "kept", _share(kept.documents, read.documents), _share(kept.bytes, read.bytes), "", "")
    for name, count in sorted(source.results.losses.items(), key=lambda loss: -loss[1].documents):
        station, reason = name.split("/")
        rule = rules.get(reason) if station == "rules" else None
        least = "at least " if station == _MATCH else ""
        yield (
            "",
            f"{station}: {reason}",
            least + _share(count.documents, read.documents),
            least + _share(count.bytes, read.bytes),
            _share(rule.dropped.documents, read.documents) if rule else "",
            _share(rule.only.documents, read.documents) if rule else "",
        )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _costs(forecast: Forecast, num_workers: int, core_hour_price: float | None) -> str:
    divided = sum(forecast.seconds.values())
    seconds = START_SECONDS + divided
    rows = [("takes", "about"), ("CPU: start", format_seconds(START_SECONDS))]
    rows += [(f"CPU: {name}", format_seconds(each)) for name, each in forecast.seconds.items()]
    rows.append(("CPU: all", f"{format_seconds(seconds)}, {seconds / 3600:,.3g} core-hours"))
    workers = f"{num_workers:,} worker{'s' if num_workers > 1 else ''}"
    rows.append((f"time with {workers}", format_seconds(START_SECONDS + divided / num_workers)))
    if core_hour_price is not None:
        rows.append((f"cost at {core_hour_price:g} a core-hour", f"{core_hour_price * seconds / 3600:,.2f}"))
    rows += [(f"disk: {name}", format_bytes(each)) for name, each in forecast.stored.items()]
    rows.append(("disk: all", format_bytes(sum(forecast.stored.values()))))
    rows.append(("shuffle", format_bytes(forecast.shuffle)))
    return _table(rows)


def _notes(plan: Plan, forecast: Forecast, trial: Trial | None) -> Iterator[str]:
    yield from _origins(forecast, trial)
    for source, asked in zip(plan.sources, plan.spec.sources, strict=True):
        yield from _left_aside(source, has_quantiles=bool(quantiles_of(asked)))
    yield from _budget(plan, forecast, trial)


def _origins(forecast: Forecast, trial: Trial | None) -> Iterator[str]:
    if trial is None:
        yield "sizes and tokens come from stored bytes alone: no text was read, nothing is dropped yet;"
        yield "--sample 0.01 tries the stations on a hundredth of the documents"
    else:
        yield "± is half of a 95 % interval; none where one shard of several was read"
        yield "duplicates show in a sample only where both copies are in it: at least what is shown is dropped by match"
    yield f"speeds and sizes: {forecast.origin}"
    if trial is not None:
        yield f"speed of match: {MEASURED.origin}"
        for source in trial.sources:
            sampled = sum(shard.sampled_documents for shard in source.shards)
            if sampled < _ENOUGH:
                yield (
                    f"source '{source.name}': {sampled:,} documents are too few to tell, its interval is too narrow; "
                    "give a larger --sample"
                )


def _left_aside(source: SourcePlan, *, has_quantiles: bool) -> Iterator[str]:
    if source.sample < 1 or source.unread:
        yield (
            f"source '{source.name}': {source.sample:g} of its documents are looked at, {len(source.unread):,} of its "
            "shards are not read"
        )
        if has_quantiles:
            yield f"source '{source.name}': its quantiles are those of the documents looked at"
    for shard in source.unread[:_UNREAD]:
        yield f"  not read: {shard.name}"
    if len(source.unread) > _UNREAD:
        yield f"  and {len(source.unread) - _UNREAD:,} more; shards.json of the built mix names them all"


def _budget(plan: Plan, forecast: Forecast, trial: Trial | None) -> Iterator[str]:
    """Yield what a build would say of its budget, as estimated; with a sample also where only chance decides."""
    shares = [source.split_shares for source in forecast.sources]
    expected = [source.available_tokens for source in forecast.sources]
    problems = foreseen_problems(plan.spec, expected, shares)
    if problems and trial:
        yield "budget: as estimated from the sample, it does not come out:"
    elif problems and lasting_problems(plan.spec, expected, _DOUBT):
        yield "budget: as estimated from stored bytes, it does not come out:"
    elif problems:
        told = f"stored bytes, which tell tokens to a factor of {_DOUBT}"
        yield f"budget: {told}, leave open whether it comes out; try --sample:"
    elif trial:
        least = [source.available_tokens - (source.margin or 0.0) for source in forecast.sources]
        problems = foreseen_problems(plan.spec, [max(0.0, each) for each in least], shares)
        if problems:
            yield "budget: it comes out as estimated, but not at the lower ends of the intervals:"
    yield from (f"  {problem}" for problem in problems)


def _table(rows: Sequence[Sequence[str]], *, num_names: int = 1, has_total: bool = False) -> str:
    """Return rows as aligned columns under a heading; the first columns to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < num_names else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if has_total:
        lines.insert(-1, lines[1])
    return "\n".join(lines)
