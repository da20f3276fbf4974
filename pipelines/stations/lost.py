"""Lost documents that the report shows: of each unit and reason a few, with what was measured and what was wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.rules import Rule
from pipelines.forgotten import FORGOTTEN
from pipelines.stations.fingerprints import NO_DOCUMENT
from pipelines.stations.judge import JudgedUnit
from pipelines.stations.measured import Measured
from pipelines.stations.rule_report import describe_limits

SAMPLES = 8
"""Lost documents that are shown for each reason."""


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


def choose_lost(
    judged: JudgedUnit, measured: Measured, survivors: NDArray[np.uint64], rules: Sequence[Rule]
) -> list[LostDocument]:
    """Return documents that were lost for each reason: those of the smallest digests, with an excerpt where one has it.

    Args:
        judged: The unit, with all its codes.
        measured: Its measures.
        survivors: As `Clusters.survivors`.
        rules: Those of its source.
    """
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


def _reference(survivor: np.uint64) -> int | None:
    return None if survivor == NO_DOCUMENT else int(survivor)


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


def failed_records(judged: JudgedUnit, measured: Measured) -> list[LostDocument]:
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
