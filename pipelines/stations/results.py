"""What all units of a source gave, added up: all that a mix is cut from, whatever it takes of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from mixes.ledger import Count, add_up
from pipelines.plan import Unit
from pipelines.report.data import RuleData, Sample
from pipelines.settings import BuildSettings
from pipelines.stations.account import ShardAccount, UnitAccount
from pipelines.stations.measure import measures_uri
from pipelines.stations.rule_report import merge_rules
from pipelines.stations.samples import choose_samples
from pipelines.stations.sign import signatures_uri
from pipelines.stations.unit_tokens import UnitPart, UnitTokens
from pipelines.stored_records import require_record

Key = TypeVar("Key", int, str)


class UnitResult(NamedTuple):
    """Where one unit left its account and the record of its parts; a Beam element."""

    ordinal: int
    unit: Unit
    account: str
    tokens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFiles:
    """Which files below the output a unit left, by name."""

    source: str
    measures: str
    verdicts: str
    tokens: str
    signatures: str | None  # None where nothing is recognised by them
    encoder: str  # the library that encoded it, with its version; a record alone, as all give the same tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResults:
    """What became of the documents of one source; its shards, units and parts in the order of the units.

    Lengths are histograms: bin b counts the documents of 2**b to 2**(b+1) - 1 bytes (or tokens), bin -1 the empty ones.
    """

    shards: tuple[ShardAccount, ...]
    units: tuple[UnitFiles, ...]
    parts: tuple[UnitPart, ...]
    read: Count
    losses: dict[str, Count]  # by "station/reason", in alphabetical order
    kept: Count  # bytes after span edits
    edits: dict[str, Count]  # by reason, in alphabetical order: what span edits took from kept documents
    read_lengths: dict[int, int]
    kept_lengths: dict[int, int]
    kept_token_lengths: dict[int, int]
    read_languages: dict[str, int]
    kept_languages: dict[str, int]
    rules: tuple[RuleData, ...]  # what each does on its own, in the order of the rules
    samples: tuple[Sample, ...]
    forgotten: tuple[str, ...] = ()  # of each unit that has any, the digest of where the records are that are forgotten


def load_results(settings: BuildSettings, results: Iterable[UnitResult]) -> list[SourceResults]:
    """Read back what the units left, in the order of their ordinals; return one entry a source of the spec."""
    by_source: list[list[UnitResult]] = [[] for _ in settings.sources]
    for result in results:
        by_source[result.unit.source].append(result)
    accounts = [[require_record(result.account, UnitAccount) for result in each] for each in by_source]
    samples = choose_samples(
        settings,
        [[sample for account in each for sample in account.samples] for each in accounts],
        {result.ordinal: result.unit for each in by_source for result in each},
    )
    return [_add_up(settings, *each) for each in zip(by_source, accounts, samples, strict=True)]


def _add_up(
    settings: BuildSettings,
    results: Sequence[UnitResult],
    accounts: Sequence[UnitAccount],
    samples: tuple[Sample, ...],
) -> SourceResults:
    tokens: list[UnitTokens] = [require_record(result.tokens, UnitTokens) for result in results]
    return SourceResults(
        shards=tuple(shard for account in accounts for shard in account.shards),
        units=tuple(_files(settings, *each) for each in zip(results, tokens, strict=True)),
        parts=tuple(part for each in tokens for part in each.parts),
        read=add_up(account.read for account in accounts),
        losses=_add_counts([account.losses for account in accounts]),
        kept=add_up(account.kept for account in accounts),
        edits=_add_counts([account.edits for account in accounts]),
        read_lengths=_add_histograms(account.read_lengths for account in accounts),
        kept_lengths=_add_histograms(account.kept_lengths for account in accounts),
        kept_token_lengths=_add_histograms(each.token_lengths for each in tokens),
        read_languages=_add_histograms(account.read_languages for account in accounts),
        kept_languages=_add_histograms(account.kept_languages for account in accounts),
        rules=merge_rules(account.rules for account in accounts),
        samples=samples,
        forgotten=tuple(account.forgotten for account in accounts if account.forgotten),
    )


def _files(settings: BuildSettings, result: UnitResult, tokens: UnitTokens) -> UnitFiles:
    root = settings.uri("")
    start = len(root) if root.endswith("/") else len(root) + 1
    return UnitFiles(
        source=settings.sources[result.unit.source].name,
        measures=measures_uri(settings, result.unit)[start:],
        verdicts=result.account[start:],
        tokens=result.tokens[start:],
        signatures=signatures_uri(settings, result.unit)[start:] if settings.signs else None,
        encoder=tokens.backend,
    )


def _add_counts(counts: Sequence[Mapping[str, Count]]) -> dict[str, Count]:
    names = sorted({name for each in counts for name in each})
    return {name: add_up(each.get(name, Count()) for each in counts) for name in names}


def _add_histograms(histograms: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    total: Counter[Key] = Counter()
    for histogram in histograms:
        total.update(histogram)
    return dict(sorted(total.items()))
