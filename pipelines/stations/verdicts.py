"""Verdicts: what became of each document of a unit, as rows for a person and as sums for the ledger."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.rules import Rule
from mixes.ledger import Count
from pipelines.forgotten import FORGOTTEN
from pipelines.plan import Unit
from pipelines.report.data import RuleData
from pipelines.settings import BuildSettings
from pipelines.stations.fingerprints import DUPLICATE_RECORD, MATCH_REASONS, NO_DOCUMENT, unpack
from pipelines.stations.judge import KEPT, JudgedUnit, is_sampled, number_column
from pipelines.stations.measured import Measured
from pipelines.stations.rule_report import describe_limits, merge_rules, rules_of_unit
from pipelines.stations.unit_tokens import UnitTokens
from pipelines.storage import publish
from pipelines.stored_records import store_record, stored_record

SAMPLES = 8
"""Lost documents that are shown for each reason."""

VERDICT_COLUMNS = ("row", "language")
"""Columns of measures that verdicts need beside those that judging gives; not every source has a language."""

_ID_PLACE = 2
_ROWS_A_GROUP = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LostDocument:
    """One lost document as the report shows it."""

    order: int  # the smallest are shown: the top half of the text's digest
    station: str
    reason: str
    id: str
    shard: str
    row: int
    excerpt: str
    detail: str
    measure: str | None
    value: float | None
    limit: str | None
    survivor: int | None  # reference


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAccount:
    """The sums of one unit; bytes of a failed or forgotten record are its bytes in the shard."""

    shards: list[dict[str, Any]]
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


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Which documents of a unit are alike, shape (num_documents,) each."""

    survivors: NDArray[np.uint64]  # reference of the document kept instead; NO_DOCUMENT where it is not dropped
    ids: NDArray[np.uint64]  # reference of the document kept of its cluster; NO_DOCUMENT where it has no like
    sizes: NDArray[np.int64]  # documents of its cluster, itself too: 1 where it has no like


def apply_duplicates(judged: JudgedUnit, blocks: Iterable[bytes]) -> Clusters:
    """Mark the duplicates of a unit in its codes, and return the clusters of all its documents."""
    ids = np.full(len(judged.codes), NO_DOCUMENT, np.uint64)
    sizes = np.ones(len(judged.codes), np.int64)
    records = unpack(blocks, DUPLICATE_RECORD)
    documents = records["document"].astype(np.int64)
    ids[documents], sizes[documents] = records["survivor"], records["cluster_size"]
    survivors = np.full(len(judged.codes), NO_DOCUMENT, np.uint64)
    for kind, reason in enumerate(MATCH_REASONS):
        dropped = documents[records["kind"] == kind]
        judged.codes[dropped] = judged.reasons.index(("match", reason))
        survivors[dropped] = ids[dropped]
    return Clusters(survivors, ids, sizes)


def apply_tokens(judged: JudgedUnit, tokens: UnitTokens) -> None:
    """Mark what the tokenize station dropped in a unit's codes."""
    for document, reason in tokens.dropped:
        judged.codes[document] = judged.reasons.index(("tokenize", reason))


def leave_verdicts(
    unit: Unit, judged: JudgedUnit, clusters: Clusters, settings: BuildSettings, tokens_name: str
) -> str:
    """Publish the verdicts of a unit and its account, named by what they say; return where the account lies."""
    folder = settings.sources[unit.source].verdicts_folder
    identity = hashlib.sha256(tokens_name.encode())
    identity.update(judged.codes.astype("<i2").tobytes())
    identity.update(clusters.ids.astype("<u8").tobytes())
    identity.update(clusters.sizes.astype("<i8").tobytes())
    name = identity.hexdigest()[:16]
    stem = settings.uri(folder, name)
    if stored_record(f"{stem}.json", UnitAccount) is None:
        source, measured = settings.sources[unit.source], Measured(unit, settings)
        _publish_rows(f"{stem}.parquet", _lost_rows(judged, clusters), measured)
        _publish_rows(
            settings.uri(source.clusters_folder, f"{name}.parquet"), _cluster_rows(judged, clusters), measured
        )
        store_record(f"{stem}.json", make_account(judged, measured, clusters.survivors, source.rules))
    return f"{stem}.json"


def make_account(
    judged: JudgedUnit, measured: Measured, survivors: NDArray[np.uint64], rules: Sequence[Rule]
) -> UnitAccount:
    """Return the sums of a unit whose documents have all their codes."""
    sizes = number_column(judged.table, "bytes")
    failed_sizes = number_column(judged.failed, "bytes")
    is_kept = judged.codes == KEPT
    losses: dict[str, Count] = {}
    for code, (station, reason) in enumerate(judged.reasons):
        chosen = judged.codes == code
        if chosen.any():
            losses[f"{station}/{reason}"] = _count(sizes[chosen])
    failures = judged.failed.column("failure").unify_dictionaries().combine_chunks()
    for reason in sorted(set(judged.failed.column("failure").unique().to_pylist())):
        name = "/".join(_failed_at(reason))
        chosen = pc.equal(failures.cast(pa.string()), reason).to_numpy(zero_copy_only=False)
        losses[name] = losses.get(name, Count()) + _count(failed_sizes[chosen])
    num_before = np.bincount(number_column(judged.table, "shard"), minlength=len(judged.shards))
    return UnitAccount(
        shards=[{**shard, "documents": int(count)} for shard, count in zip(judged.shards, num_before, strict=True)],
        read=_count(sizes) + _count(failed_sizes),
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
        samples=_choose_samples(judged, measured, survivors, rules) + _failed_samples(judged, measured),
        forgotten=_digest_of_places(judged),
    )


def _failed_at(reason: str) -> tuple[str, str]:
    """Return the station and the reason of a record that is no document, or that is forgotten."""
    return ("forget" if reason == FORGOTTEN else "read"), reason


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """Rows that are written, their ids yet to be read."""

    table: pa.Table  # all columns but `id`, the column that comes third
    documents: NDArray[np.int64]  # rising; rows after them are of records that have no id


def _publish_rows(uri: str, rows: _Rows, measured: Measured) -> None:
    """Publish rows with their ids, one row group of them in memory at a time."""
    schema = rows.table.schema.insert(_ID_PLACE, pa.field("id", pa.string()))

    def write(stream: BinaryIO) -> None:
        writer = pq.ParquetWriter(pa.PythonFile(stream, mode="w"), schema, compression="zstd")
        for first in range(0, max(len(rows.table), 1), _ROWS_A_GROUP):
            chosen = rows.table.slice(first, _ROWS_A_GROUP)
            documents = rows.documents[first : first + _ROWS_A_GROUP]
            ids = measured.take(documents, ["id"]).column("id")
            nulls = pa.nulls(len(chosen) - len(ids), pa.string())
            column = pa.chunked_array([pa.concat_arrays([*ids.chunks, nulls])])
            writer.write_table(chosen.add_column(_ID_PLACE, schema.field(_ID_PLACE), column), _ROWS_A_GROUP)
        writer.close()

    publish(uri, write)


def _cluster_rows(judged: JudgedUnit, clusters: Clusters) -> _Rows:
    """Return one row a kept document that has likes, so that a mix can weigh it by how many it stands for."""
    documents = np.flatnonzero((judged.codes == KEPT) & (clusters.ids != NO_DOCUMENT))
    names = [shard["name"] for shard in judged.shards]
    table = pa.table(
        {
            "shard": _labels(names, number_column(judged.table, "shard")[documents]),
            "row": number_column(judged.table, "row")[documents],
            "cluster": clusters.ids[documents],
            "cluster_size": clusters.sizes[documents],
        }
    )
    return _Rows(table=table, documents=documents)


def _lost_rows(judged: JudgedUnit, clusters: Clusters) -> _Rows:
    """Return one row a lost document or failed record."""
    lost, failed = np.flatnonzero(judged.codes != KEPT), judged.failed
    failures = sorted(failed.column("failure").unique().to_pylist())
    failure_codes = pc.index_in(failed.column("failure").cast(pa.string()), value_set=pa.array(failures, pa.string()))
    codes = np.concatenate([judged.codes[lost], failure_codes.to_numpy() + len(judged.reasons)])
    reasons = [*judged.reasons, *map(_failed_at, failures)]
    is_no_duplicate = np.append(clusters.survivors[lost] == NO_DOCUMENT, np.ones(len(failed), np.bool_))
    references = np.append(clusters.survivors[lost], np.zeros(len(failed), np.uint64))
    sizes = np.append(clusters.sizes[lost], np.zeros(len(failed), np.int64))

    def of_all(name: str) -> NDArray[np.int64]:
        return np.concatenate([number_column(judged.table, name)[lost], number_column(failed, name)])

    table = pa.table(
        {
            "shard": _labels([shard["name"] for shard in judged.shards], of_all("shard")),
            "row": of_all("row"),
            "bytes": of_all("bytes"),
            "station": _labels([station for station, _ in reasons], codes),
            "reason": _labels([reason for _, reason in reasons], codes),
            "survivor": pa.array(references, mask=is_no_duplicate),  # of duplicates, the document kept: their cluster
            "cluster_size": pa.array(sizes, mask=is_no_duplicate),  # documents of the cluster, the kept one too
        }
    )
    return _Rows(table=table, documents=lost)


def _labels(names: Sequence[str], places: NDArray[np.integer[Any]]) -> pa.DictionaryArray:
    """Return the names at some places, each different one once in the dictionary, in the order of their first use."""
    values = list(dict.fromkeys(names))
    numbers = np.array([values.index(name) for name in names], np.int32)[places]
    used, firsts = np.unique(numbers, return_index=True)
    in_order = used[np.argsort(firsts)]
    codes = np.zeros(len(values), np.int32)
    codes[in_order] = np.arange(len(in_order))
    return pa.DictionaryArray.from_arrays(codes[numbers], pa.array([values[k] for k in in_order], pa.string()))


def _reference(survivor: np.uint64) -> int | None:
    return None if survivor == NO_DOCUMENT else int(survivor)


def _log2_histogram(sizes: NDArray[np.int64]) -> dict[int, int]:
    bins = np.frexp(sizes.astype(np.float64))[1] - 1  # exact: sizes lie far below 2**53; 0 gives -1
    values, counts = np.unique(bins, return_counts=True)
    return {int(value): int(count) for value, count in zip(values, counts, strict=True)}


def _count_labels(table: pa.Table, chosen: NDArray[np.bool_]) -> dict[str, int]:
    if "language" not in table.column_names:
        return {}
    counted = table.column("language").filter(pa.array(chosen)).value_counts().to_pylist()
    return dict(sorted((each["values"] or "none", each["counts"]) for each in counted))


def _choose_samples(
    judged: JudgedUnit, measured: Measured, survivors: NDArray[np.uint64], rules: Sequence[Rule]
) -> list[LostDocument]:
    digests = judged.digests[:, 0]
    excerpts = [documents.column("excerpt") for documents, _ in measured.groups(["excerpt"])]
    has_excerpt = np.concatenate([each.is_valid().to_numpy() for each in excerpts])
    chosen: list[tuple[int, int]] = []  # (document, code)
    for code in range(len(judged.reasons)):
        rows = np.flatnonzero(judged.codes == code)
        order = np.lexsort((digests[rows], ~has_excerpt[rows]))
        chosen += [(row, code) for row in rows[order[:SAMPLES]].tolist()]
    numbers = sorted(row for row, _ in chosen)
    columns = {"shard", "row", "id", "excerpt", *(rule.measure for rule in rules)}
    shown = measured.take(np.array(numbers, np.int64), sorted(columns)).to_pylist()
    by_number = dict(zip(numbers, shown, strict=True))
    return [
        _lost_document(judged, by_number[row], int(digests[row]), code, _reference(survivors[row]), rules)
        for row, code in chosen
    ]


def _lost_document(
    judged: JudgedUnit, row: Mapping[str, Any], order: int, code: int, survivor: int | None, rules: Sequence[Rule]
) -> LostDocument:
    station, reason = judged.reasons[code]
    measure = value = limit = None
    detail = ""
    rule = next((each for each in rules if station == "rules" and reason in each.reasons), None)
    if rule is not None:
        found = row[rule.measure]
        if rule.among is None:
            measure, value, limit = rule.measure, float(found), describe_limits(rule)[reason]
        else:
            detail = f"{rule.measure} {found or 'unknown'}, wanted {describe_limits(rule)[reason]}"
    return LostDocument(
        order=order,
        station=station,
        reason=reason,
        id=row["id"],
        shard=judged.shards[row["shard"]]["name"],
        row=row["row"],
        excerpt=row["excerpt"] or "",
        detail=detail,
        measure=measure,
        value=value,
        limit=limit,
        survivor=survivor,
    )


def _failed_samples(judged: JudgedUnit, measured: Measured) -> list[LostDocument]:
    """Return the first records of each reason why a record is no document; who is forgotten is not pointed at."""
    if len(judged.failed) == 0:
        return []
    first: dict[str, list[dict[str, Any]]] = {}
    for _, failed in measured.groups(["shard", "row", "detail"]):
        for reason in set(failed.column("failure").unique().to_pylist()) - {FORGOTTEN}:
            rows = first.setdefault(reason, [])
            if len(rows) < SAMPLES:
                is_chosen = pc.equal(failed.column("failure").cast(pa.string()), reason)
                rows += failed.filter(is_chosen).slice(0, SAMPLES - len(rows)).to_pylist()
    return [
        LostDocument(
            order=row["row"],
            station="read",
            reason=reason,
            id=f"record {row['row']}",
            shard=judged.shards[row["shard"]]["name"],
            row=row["row"],
            excerpt="",
            detail=row["detail"] or "",
            measure=None,
            value=None,
            limit=None,
            survivor=None,
        )
        for reason, rows in sorted(first.items())
        for row in rows
    ]
