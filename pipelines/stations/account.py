"""Accounts: what became of the documents of a unit as sums, for the ledger and the report."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.rules import Rule
from mixes.ledger import Count
from pipelines.documents import ShardDamage
from pipelines.forgotten import FORGOTTEN
from pipelines.report.data import READ, RuleData
from pipelines.stations.judge import KEPT, JudgedUnit, is_sampled, number_column
from pipelines.stations.lost import LostDocument, choose_lost, failed_records
from pipelines.stations.measured import Measured
from pipelines.stations.rule_report import merge_rules, rules_of_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardAccount:
    """One shard that was read."""

    name: str
    digest: str  # SHA-256 of the shard as stored
    stored_bytes: int
    skipped: dict[str, int]  # records that were never meant to be documents, by kind
    damage: ShardDamage | None
    documents: int  # before the damage, where there is some
    failed: dict[str, int]  # records by the reason why they are no documents, or are set aside with the shard


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAccount:
    """The sums of one unit; bytes of a failed or forgotten record are its bytes in the shard."""

    shards: list[ShardAccount]
    read: Count
    losses: dict[str, Count]  # "station/reason"
    kept: Count  # bytes after span edits
    edits: dict[str, Count]  # by reason: kept documents that lost something to span edits, and the bytes
    read_lengths: dict[int, int]  # log2 of UTF-8 bytes, -1 for the empty text -> documents
    kept_lengths: dict[int, int]
    read_languages: dict[str, int]  # of the source's sample
    kept_languages: dict[str, int]
    rules: list[RuleData] = field(default_factory=list)
    samples: list[LostDocument] = field(default_factory=list)
    forgotten: str = ""  # digest of where the records are that are forgotten; empty where none is


def make_account(
    judged: JudgedUnit, measured: Measured, survivors: NDArray[np.uint64], rules: Sequence[Rule]
) -> UnitAccount:
    """Return the sums of a unit whose documents have all their codes."""
    sizes = number_column(judged.table, "bytes")
    is_kept = judged.codes == KEPT
    losses: dict[str, Count] = {}
    failures: list[dict[str, int]] = [{} for _ in judged.shards]
    for station, reason, shards, lost_sizes in _losses(judged):
        name = f"{station}/{reason}"
        losses[name] = losses.get(name, Count()) + _count(lost_sizes)
        if station == READ:
            for shard, number in enumerate(np.bincount(shards, minlength=len(failures)).tolist()):
                failures[shard] |= {reason: failures[shard].get(reason, 0) + number} if number else {}
    return UnitAccount(
        shards=_shard_accounts(judged, failures),
        read=_count(sizes) + _count(number_column(judged.failed, "bytes")),
        losses=dict(sorted(losses.items())),
        kept=_count(judged.edited_bytes[is_kept]),
        edits={
            reason: Count(documents=int(np.count_nonzero(removed[is_kept])), bytes=int(removed[is_kept].sum()))
            for reason, removed in judged.edits.items()
        },
        read_lengths=_log2_histogram(sizes),
        kept_lengths=_log2_histogram(sizes[is_kept]),
        read_languages=_count_labels(judged.table, is_sampled(judged.codes)),
        kept_languages=_count_labels(judged.table, is_kept),
        rules=_report_rules(judged, measured, rules),
        samples=choose_lost(judged, measured, survivors, rules) + failed_records(judged, measured),
        forgotten=_digest_of_places(judged),
    )


def _losses(judged: JudgedUnit) -> Iterator[tuple[str, str, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield each station and reason with the shards and the bytes of what was lost there, shape (num_lost,) each."""
    shards, sizes = number_column(judged.table, "shard"), number_column(judged.table, "bytes")
    for code, (station, reason) in enumerate(judged.reasons):
        chosen = judged.codes == code
        if chosen.any():
            yield station, reason, shards[chosen], sizes[chosen]
    shards, sizes = number_column(judged.failed, "shard"), number_column(judged.failed, "bytes")
    failures = judged.failed.column("failure").unify_dictionaries().combine_chunks().cast(pa.string())
    for failure in sorted(failures.unique().to_pylist()):
        chosen = pc.equal(failures, failure).to_numpy(zero_copy_only=False)
        yield *failed_at(failure), shards[chosen], sizes[chosen]


def _shard_accounts(judged: JudgedUnit, failures: Sequence[dict[str, int]]) -> list[ShardAccount]:
    num_before = np.bincount(number_column(judged.table, "shard"), minlength=len(judged.shards)).tolist()
    return [
        msgspec.convert({**shard, "documents": number, "failed": dict(sorted(failed.items()))}, ShardAccount)
        for shard, number, failed in zip(judged.shards, num_before, failures, strict=True)
    ]


def failed_at(reason: str) -> tuple[str, str]:
    """Return the station and the reason of a record that is no document, or that is forgotten."""
    return ("forget" if reason == FORGOTTEN else READ), reason


def _digest_of_places(judged: JudgedUnit) -> str:
    forgotten = judged.forgotten
    if len(forgotten) == 0:
        return ""
    names = [judged.shards[shard]["name"] for shard in forgotten.column("shard").to_pylist()]
    places = sorted(zip(names, forgotten.column("row").to_pylist(), strict=True))
    return hashlib.sha256(json.dumps(places).encode()).hexdigest()[:32]


def _count(sizes: NDArray[np.int64]) -> Count:
    return Count(documents=len(sizes), bytes=int(sizes.sum()))


def _report_rules(judged: JudgedUnit, measured: Measured, rules: Sequence[Rule]) -> list[RuleData]:
    """Return what each rule does to a unit, looked at a row group at a time."""
    if not rules:
        return []
    columns = {"shard", "row", "id", "digest", "bytes", "excerpt", *(rule.measure for rule in rules)}
    found: list[list[RuleData]] = []
    first = 0
    for documents, failed in measured.groups(sorted(columns)):
        codes = judged.codes[first : first + len(documents)]
        group = replace(judged, table=documents, failed=failed, edits={}, codes=codes)
        found.append(rules_of_unit(group, rules))
        first += len(documents)
    return list(merge_rules(found))


def _log2_histogram(sizes: NDArray[np.int64]) -> dict[int, int]:
    bins = np.frexp(sizes.astype(np.float64))[1] - 1  # exact: sizes lie far below 2**53; 0 gives -1
    values, counts = np.unique(bins, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def _count_labels(table: pa.Table, chosen: NDArray[np.bool_]) -> dict[str, int]:
    if "language" not in table.column_names:
        return {}
    counted = table.column("language").filter(pa.array(chosen)).value_counts().to_pylist()
    return dict(sorted((each["values"] or "none", each["counts"]) for each in counted))
