"""Assemble: add up what the units left, cut to the budget, and publish manifest, ledger and report."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

import pyarrow as pa
import pyarrow.parquet as pq

from mixes.budget import Budget, ShortfallError
from mixes.errors import DataError, SpecError
from mixes.ledger import STATIONS, Count, Ledger, SourceLedger, SplitLedger, TokenCount
from mixes.ledger import dump as dump_ledger
from mixes.manifest import FileEntry, Manifest, SourceEntry
from mixes.manifest import dump as dump_manifest
from mixes.records import encode
from mixes.spec.demands import demands_of, settle_budget
from mixes.token_ids import token_dtype
from mixes.typed_yaml.canonical import canonical_json, resolved
from pipelines.plan import SourcePlan
from pipelines.report.page import render
from pipelines.settings import BuildSettings
from pipelines.stations.cut import cut_to_budget, hold_out
from pipelines.stations.publish import publish_mix
from pipelines.stations.results import SourceResults
from pipelines.stations.rule_report import rules_table
from pipelines.stations.shown import report_data

_FILES_FORMAT = 2
"""Raised when the bytes of the ledger, or of what lies beside it, change for the same input."""
_TEXT_FIELD = "; `text_field` names the field that holds the text"


def check_failures(settings: BuildSettings, counts: Iterable[tuple[int, int, Mapping[str, int]]]) -> None:
    """Refuse to go on when too many records of a source failed.

    Args:
        settings: The build's settings.
        counts: For each unit its source, the records read and the records failed by reason, in any order.

    Raises:
        DataError: A source has a larger share of failed records than `reading.max_failed`.
    """
    limit = settings.spec.reading.max_failed
    read: Counter[int] = Counter()
    failed: dict[int, Counter[str]] = defaultdict(Counter)
    for source, num_read, reasons in counts:
        read[source] += num_read
        failed[source].update(reasons)
    for source in sorted(failed):
        num_failed = failed[source].total()
        if num_failed > limit * read[source]:
            by_reason = ", ".join(f"{reason} {number:,}" for reason, number in failed[source].most_common())
            raise DataError(
                f"source '{settings.sources[source].name}': {num_failed:,} of {read[source]:,} records failed "
                f"({by_reason}), {num_failed / read[source]:.4f} of them; wanted at most reading.max_failed {limit:g}; "
                f"mend the shards or raise the limit{_TEXT_FIELD if failed[source]['no_text'] else ''}; the parquet "
                f"files in {settings.uri(settings.sources[source].measures_folder)} list each"
            )


def assemble(settings: BuildSettings, sources: Sequence[SourceResults], planned: Sequence[SourcePlan]) -> str:
    """Publish the built mix; return the place of its manifest.

    Args:
        settings: The build's settings.
        sources: What each source gave.
        planned: What was planned of each source: what it was to give, and its shards beyond the sample.

    Raises:
        SpecError: A source cannot give the tokens wanted of it.
        MixError: The ledger does not balance, or the mix cannot be written.
    """
    spec = settings.spec
    budget, entries = _cut_sources(settings, sources)
    files = {
        "ledger.json": dump_ledger(_ledger(spec.name, entries, sources)),
        "rules.parquet": _rules(settings, sources),
        "shards.json": _shards(sources, planned),
        "spec.yaml": resolved(spec),
    }
    manifest = _manifest(settings, budget, [split for splits in entries for split in splits], sources, files)
    files["units.json"] = _units(sources)
    files["report.html"] = render(report_data(settings, manifest, sources, planned)).encode()
    files["manifest.json"] = dump_manifest(manifest)
    publish_mix(settings.uri("mixes", spec.name), files)
    return settings.uri("mixes", spec.name, "manifest.json")


def _cut_sources(
    settings: BuildSettings, sources: Sequence[SourceResults]
) -> tuple[Budget, tuple[tuple[SourceEntry, ...], ...]]:
    """Cut every source to its budget, or say at once of all that fall short what they lack and what dropped theirs.

    Returns:
        The budget, and for each source the manifest's entries of its splits, or of itself alone.
    """
    spec = settings.spec
    held_out = [
        hold_out(settings, results.parts, spec.validation_of(source), len(source.split_names))
        for source, results in zip(spec.sources, sources, strict=True)
    ]
    demands = demands_of(spec, [[split.available_tokens for split in splits] for splits in held_out])
    try:
        budget = settle_budget(spec, demands)
    except ShortfallError as error:
        lines = [message + _losses(sources, place) for place, message in error.problems]
        raise SpecError("\n".join(lines)) from error
    entries = tuple(
        tuple(
            cut_to_budget(settings, name, split, tokens)
            for name, split, tokens in zip(source.split_names, splits, wanted, strict=True)
        )
        for source, splits, wanted in zip(spec.sources, held_out, budget.sources, strict=True)
    )
    _check_documents(settings, entries)
    return budget, entries


def _losses(sources: Sequence[SourceResults], place: int | None) -> str:
    """Return what dropped the documents of a source."""
    if place is None:
        return ""
    most = sorted(sources[place].losses.items(), key=lambda loss: -loss[1].documents)[:3]
    lost = ", ".join(f"{count.documents:,} lost by {name.split('/')[1]}" for name, count in most) or "none lost"
    return f" (of {sources[place].read.documents:,} documents read: {lost})"


def _check_documents(settings: BuildSettings, entries: Sequence[Sequence[SourceEntry]]) -> None:
    """Refuse a mix that has no document of a source, or holds out none where some should be.

    Raises:
        SpecError: For each such source what to change.
    """
    problems: list[str] = []
    for source, splits in zip(settings.spec.sources, entries, strict=True):
        wanted = sum(split.wanted_tokens for split in splits)
        if sum(split.tokens for split in splits) == 0:
            problems.append(
                f"source '{source.name}': {wanted:,} tokens are wanted, fewer than its first document has; "
                "raise its share or leave it out"
            )
        validation = settings.spec.validation_of(source)
        if validation.share > 0 and sum(split.total("held_out_documents") for split in splits) == 0:
            problems.append(
                f"source '{source.name}': no document lies in validation.share {validation.share:g}, or its first "
                f"has more than max_tokens {validation.max_tokens:,}; raise them, or write validation: {{share: 0}}"
            )
    if problems:
        raise SpecError("\n".join(problems))


def _ledger(name: str, entries: Sequence[Sequence[SourceEntry]], sources: Sequence[SourceResults]) -> Ledger:
    """Return the ledger: what the units say they kept beside what the parts hold, which must agree."""
    return Ledger(
        name=name,
        sources=tuple(_source_ledger(splits, source) for splits, source in zip(entries, sources, strict=True)),
    )


def _source_ledger(splits: Sequence[SourceEntry], source: SourceResults) -> SourceLedger:
    kept_tokens = sum(split.total("tokens") for split in splits)
    return SourceLedger(
        name=splits[0].source,
        read=source.read,
        failed=_losses_at("read", source),
        dropped={station: _losses_at(station, source) for station in STATIONS},
        kept=TokenCount(documents=source.kept.documents, bytes=source.kept.bytes, tokens=kept_tokens),
        edited_bytes=sum(count.bytes for count in source.edits.values()),
        splits=tuple(_split_ledger(split) for split in splits),
    )


def _losses_at(station: str, source: SourceResults) -> dict[str, Count]:
    names = {name: name.split("/") for name in source.losses}
    return {reason: source.losses[name] for name, (each, reason) in names.items() if each == station}


def _split_ledger(split: SourceEntry) -> SplitLedger:
    kept, held_out, prefix = (_total(split, what) for what in ("", "held_out_", "prefix_"))
    return SplitLedger(
        name=split.name,
        kept=kept,
        held_out=held_out,
        whole_epochs=split.whole_epochs,
        prefix=prefix,
        in_mix=TokenCount(documents=split.documents, bytes=split.bytes, tokens=split.tokens),
        left_over=TokenCount() if split.whole_epochs else kept - held_out - prefix,
    )


def _total(split: SourceEntry, what: str) -> TokenCount:
    documents, size, tokens = (split.total(f"{what}{count}") for count in ("documents", "bytes", "tokens"))
    return TokenCount(documents=documents, bytes=size, tokens=tokens)


def _manifest(
    settings: BuildSettings,
    budget: Budget,
    entries: Sequence[SourceEntry],
    sources: Sequence[SourceResults],
    files: Mapping[str, bytes],
) -> Manifest:
    spec = settings.spec
    return Manifest(
        name=spec.name,
        fingerprint=_fingerprint(settings, sources),
        seed=spec.seed,
        dtype=token_dtype(settings.tokenizer.vocab_size).name,
        tokenizer=settings.tokenizer,
        asked_tokens=budget.asked_tokens,
        tokens=sum(entry.tokens for entry in entries),
        documents=sum(entry.documents for entry in entries),
        bytes=sum(entry.bytes for entry in entries),
        sources=tuple(entries),
        files={
            name: FileEntry(size=len(data), digest=hashlib.sha256(data).hexdigest()) for name, data in files.items()
        },
    )


def _fingerprint(settings: BuildSettings, sources: Sequence[SourceResults]) -> str:
    """Return the digest of all that can change a byte of the mix: settings, models, tokenizer and every shard."""
    spec = settings.spec
    identity = {
        "format": _FILES_FORMAT,
        "spec": resolved(replace(spec, tokenizer=replace(spec.tokenizer, backend="auto"))).decode(),
        "folders": [[source.measures_folder, source.tokens_folder] for source in settings.sources],
        "tokenizer": [settings.tokenizer.digest, settings.tokenizer.vector],
        "against": [mix.digest for mix in settings.earlier],
        "shards": [[[shard.name, shard.digest] for shard in source.shards] for source in sources],
    }
    forgotten = [list(source.forgotten) for source in sources]
    if any(forgotten):
        identity["forgotten"] = forgotten
    return hashlib.sha256(canonical_json(identity)).hexdigest()[:32]


def _shards(sources: Sequence[SourceResults], planned: Sequence[SourcePlan]) -> bytes:
    """Return where every document came from: each source's shards with digest, size and damage, then the unread."""
    body = {
        plan.name: [
            *({**asdict(shard), "read": True} for shard in source.shards),
            *({"name": shard.name, "stored_bytes": shard.size, "read": False} for shard in plan.unread),
        ]
        for plan, source in zip(planned, sources, strict=True)
    }
    return encode(body)


def _rules(settings: BuildSettings, sources: Sequence[SourceResults]) -> bytes:
    """Return what each rule of each source does on its own, as a parquet file."""
    table = rules_table({plan.name: source.rules for plan, source in zip(settings.sources, sources, strict=True)})
    stream = pa.BufferOutputStream()
    pq.write_table(table, stream, compression="zstd")
    data: bytes = stream.getvalue().to_pybytes()
    return data


def _units(sources: Sequence[SourceResults]) -> bytes:
    """Return which files below this output the mix was made from; for tools at work here, not part of the mix."""
    return encode([unit for source in sources for unit in source.units])
