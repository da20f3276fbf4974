"""What the report shows of a built mix, gathered from accounts, ledger and manifest."""

from collections.abc import Sequence

from mixes.ledger import Count, add_up
from mixes.manifest import Manifest, SourceEntry
from pipelines.plan import SourcePlan
from pipelines.report.data import DamagedShard, Edit, FailingShard, Loss, ReportData, SourceData, SplitData
from pipelines.settings import BuildSettings
from pipelines.stations.account import ShardAccount
from pipelines.stations.results import SourceResults


def report_data(
    settings: BuildSettings, manifest: Manifest, sources: Sequence[SourceResults], planned: Sequence[SourcePlan]
) -> ReportData:
    """Return all that the report shows of a mix."""
    return ReportData(
        name=manifest.name,
        fingerprint=manifest.fingerprint,
        seed=manifest.seed,
        tokenizer=manifest.tokenizer.name,
        asked_tokens=manifest.asked_tokens,
        wanted_tokens=sum(entry.wanted_tokens for entry in manifest.sources),
        tokens=manifest.tokens,
        documents=manifest.documents,
        bytes=manifest.bytes,
        sources=tuple(
            _source_data(settings.spec.reading.on_corrupt, *each)
            for each in zip(_by_source(settings, manifest), sources, planned, strict=True)
        ),
    )


def _by_source(settings: BuildSettings, manifest: Manifest) -> list[list[SourceEntry]]:
    """Return the manifest's entries of each source."""
    return [[entry for entry in manifest.sources if entry.source == source.name] for source in settings.sources]


def _source_data(
    policy: str, entries: Sequence[SourceEntry], results: SourceResults, planned: SourcePlan
) -> SourceData:
    splits = [_split_data(entry) for entry in entries]
    available, tokens = sum(split.available_tokens for split in splits), sum(split.tokens for split in splits)
    held_out = add_up(_count_of(entry, "held_out_") for entry in entries)
    untaken = [entry for entry in entries if entry.whole_epochs == 0]
    return SourceData(
        name=entries[0].source,
        shards=len(results.shards),
        parts=sum(split.parts for split in splits),
        stored_bytes=sum(split.stored_bytes for split in splits),
        read=results.read,
        losses=tuple(
            Loss(station=name.split("/")[0], reason=name.split("/")[1], count=count)
            for name, count in results.losses.items()
        ),
        kept=results.kept,
        left_over=add_up(
            _count_of(entry, "") - _count_of(entry, "held_out_") - _count_of(entry, "prefix_") for entry in untaken
        ),
        in_mix=Count(documents=sum(entry.documents for entry in entries), bytes=sum(entry.bytes for entry in entries)),
        planned_tokens=planned.sampled_tokens,
        wanted_tokens=sum(split.wanted_tokens for split in splits),
        tokens=tokens,
        available_tokens=available,
        epochs=tokens / available if available else 0.0,
        held_out=held_out,
        held_out_tokens=sum(split.held_out_tokens for split in splits),
        splits=tuple(splits) if entries[0].name != entries[0].source else (),
        read_lengths=results.read_lengths,
        kept_lengths=results.kept_lengths,
        kept_token_lengths=results.kept_token_lengths,
        read_languages=results.read_languages,
        kept_languages=results.kept_languages,
        edits=tuple(Edit(reason=reason, count=count) for reason, count in results.edits.items() if count.documents),
        rules=results.rules,
        samples=results.samples,
        damaged_shards=tuple(_damaged_shard(shard, policy) for shard in results.shards if shard.damage is not None),
        failing_shards=tuple(
            FailingShard(shard=shard.name, reasons=shard.failed) for shard in results.shards if shard.failed
        ),
    )


def _split_data(entry: SourceEntry) -> SplitData:
    return SplitData(
        name=entry.name,
        parts=len(entry.parts),
        stored_bytes=entry.total("size"),
        wanted_tokens=entry.wanted_tokens,
        tokens=entry.tokens,
        available_tokens=entry.available_tokens,
        held_out_tokens=entry.total("held_out_tokens"),
    )


def _count_of(entry: SourceEntry, what: str) -> Count:
    return Count(documents=entry.total(f"{what}documents"), bytes=entry.total(f"{what}bytes"))


def _damaged_shard(shard: ShardAccount, policy: str) -> DamagedShard:
    assert shard.damage is not None  # only such are asked for
    return DamagedShard(
        shard=shard.name,
        reason=shard.damage.reason,
        detail=shard.damage.detail,
        documents_before=shard.documents,
        policy=policy,
    )
