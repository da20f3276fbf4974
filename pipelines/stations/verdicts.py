"""Verdicts: what became of each document of a unit, marked in its codes and left as rows for a person."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.stations.account import UnitAccount, failed_at, make_account
from pipelines.stations.fingerprints import DUPLICATE_RECORD, MATCH_REASONS, NO_DOCUMENT, unpack
from pipelines.stations.judge import KEPT, JudgedUnit, number_column
from pipelines.stations.measured import Measured
from pipelines.stations.unit_tokens import UnitTokens
from pipelines.storage import publish
from pipelines.stored_records import store_record, stored_record

VERDICT_COLUMNS = ("row", "language")
"""Columns of measures that verdicts need beside those that judging gives; not every source has a language."""

_ID_PLACE = 2
_ROWS_A_GROUP = 1 << 20


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
    reasons = [*judged.reasons, *map(failed_at, failures)]
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
