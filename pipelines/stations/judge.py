"""Judge: compare the measures of a unit with the rules of its source; no text is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.rules import Values, judge, reasons
from mixes.errors import DataError
from pipelines.forgotten import FORGOTTEN
from pipelines.plan import Unit
from pipelines.settings import BuildSettings, SourceSettings
from pipelines.stations.digests import is_in_sample
from pipelines.stations.fingerprints import MATCH_REASONS
from pipelines.stations.measure import edit_column
from pipelines.stations.measured import Measured

KEPT = -1
"""The code of a document that no station has dropped."""
_DAMAGED = 0
"""The code of a document whose shard is set aside."""
_BEYOND = 1
"""The code of a document beyond its source's sample; the codes of the rules follow."""
_FIRST_RULE = 2
_COLUMNS = ("shard", "digest", "id_key", "bytes", "failure")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedUnit:
    """The measures of a unit and what the rules say of each document.

    Arrays have one entry a document (records that failed to be documents are in `failed` alone).
    """

    shards: list[dict[str, Any]]  # as `measure.describe_shard` left them
    table: pa.Table  # the documents' rows of the measures file, some of its columns
    failed: pa.Table  # the rows of records that are no documents, or forgotten, likewise
    edits: dict[str, NDArray[np.int64]]  # by reason, the bytes that span edits take from each document
    codes: NDArray[np.int16]  # index into `reasons`, or KEPT
    reasons: list[tuple[str, str]]  # (station, reason)

    @property
    def num_read(self) -> int:
        """Return the number of records read, failed ones included."""
        return len(self.table) + len(self.failed)

    @property
    def failures(self) -> dict[str, int]:
        """Return how many records failed for each reason, documents of shards set aside included."""
        counted = self.failed.column("failure").cast(pa.string()).value_counts().to_pylist()
        found = {each["values"]: each["counts"] for each in counted if each["values"] != FORGOTTEN}
        num_damaged = int(np.count_nonzero(self.codes == _DAMAGED))
        return found | ({"damaged_shard": found.get("damaged_shard", 0) + num_damaged} if num_damaged else {})

    @property
    def forgotten(self) -> pa.Table:
        """Return the rows of records that are forgotten."""
        return self.failed.filter(pc.equal(self.failed.column("failure").cast(pa.string()), FORGOTTEN))

    @property
    def edited_bytes(self) -> NDArray[np.int64]:
        """Return the UTF-8 bytes of each text after span edits, shape (num_documents,)."""
        return number_column(self.table, "bytes") - sum(self.edits.values(), np.int64(0))

    @property
    def digests(self) -> NDArray[np.uint64]:
        """Return the text digests, shape (num_documents, 2), uint64, high half first."""
        return digest_column(self.table.column("digest"))


def digest_column(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return a column of 16-byte digests as numbers, shape (n, 2), uint64, high half first."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # pyarrow keeps an empty column chunked
        return np.zeros((0, 2), np.uint64)
    raw = np.frombuffer(array.buffers()[1], ">u8", count=2 * (array.offset + len(array)))
    return raw.reshape(-1, 2)[array.offset :].astype(np.uint64)


def number_column(table: pa.Table, name: str) -> NDArray[Any]:  # any number type: the column's own
    """Return a column without nulls as a numpy array, shape (num_rows,)."""
    column: NDArray[Any] = table.column(name).to_numpy()
    return column


def places_of(table: pa.Table) -> NDArray[np.int64]:
    """Return one number for the place of each record, rising with shard and row, shape (num_rows,)."""
    places: NDArray[np.int64] = number_column(table, "shard").astype(np.int64) << 40 | number_column(table, "row")
    return places


def is_sampled(codes: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return True for each document that has measures, shape (num_documents,)."""
    sampled: NDArray[np.bool_] = codes != _BEYOND
    return sampled


def is_judged(codes: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return True for each document that rules were asked of, shape (num_documents,).

    Those are all but the documents of shards set aside, and those beyond the sample.
    """
    judged: NDArray[np.bool_] = (codes != _DAMAGED) & is_sampled(codes)
    return judged


def measure_column(table: pa.Table, name: str) -> Values:
    """Return a measure of all documents: a numpy array of numbers, or an Arrow array of labels."""
    column = table.column(name)
    return column if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type) else column.to_numpy()


def judge_unit(unit: Unit, settings: BuildSettings, columns: Sequence[str] = ()) -> JudgedUnit:
    """Read the measures of a unit and judge every document, a row group at a time.

    Args:
        unit: The unit; its measures file must be there.
        settings: The build's settings.
        columns: Columns of the measures file wanted beside those that every station needs: what the rules look at is
            read and forgotten. One that the file does not have is left out.

    Raises:
        DataError: A shard is damaged and the policy is to fail.
    """
    source = settings.sources[unit.source]
    measured = Measured(unit, settings)
    edit_columns = {reason: edit_column(reason) for reason in source.edit_reasons}
    kept_columns = list(dict.fromkeys([*_COLUMNS, *edit_columns.values(), *columns]))
    rule_columns = {rule.measure for rule in source.rules}
    tables: list[tuple[pa.Table, pa.Table]] = []
    codes: list[NDArray[np.int16]] = []
    for documents, failed in measured.groups(sorted(rule_columns | set(kept_columns))):
        codes.append(_judge_documents(documents, source, settings.spec.seed))
        names = [name for name in kept_columns if name in documents.column_names]
        tables.append((documents.select(names), failed.select(names)))
    # In one chunk every column of numbers is its numpy array: no station makes a copy of its own.
    table, failed = (pa.concat_tables(each).unify_dictionaries().combine_chunks() for each in zip(*tables, strict=True))
    del tables
    judged = JudgedUnit(
        shards=measured.shards(),
        table=table,
        failed=failed,
        edits={reason: number_column(table, name) for reason, name in edit_columns.items()},
        codes=np.concatenate(codes),
        reasons=reason_table(source),
    )
    is_emptied = (judged.codes == KEPT) & (judged.edited_bytes == 0) & (number_column(table, "bytes") > 0)
    judged.codes[is_emptied] = judged.reasons.index(("rules", "nothing_left"))
    _set_damaged_aside(judged, settings)
    return judged


def _judge_documents(documents: pa.Table, source: SourceSettings, seed: int) -> NDArray[np.int16]:
    """Return the code of each document as the sample and the rules alone give it."""
    codes = np.full(len(documents), KEPT, np.int16)
    is_within = is_in_sample(digest_column(documents.column("digest")), seed, source.sample)
    codes[~is_within] = _BEYOND
    if source.rules:
        sampled = documents if is_within.all() else documents.filter(pa.array(is_within))
        failing = judge(source.rules, {rule.measure: measure_column(sampled, rule.measure) for rule in source.rules})
        codes[is_within] = np.where(failing >= 0, failing + _FIRST_RULE, KEPT)
    return codes


def reason_table(source: SourceSettings) -> list[tuple[str, str]]:
    """Return every (station, reason) for which a document of a source can be dropped; a code is an index here."""
    rules = [("rules", reason) for reason in reasons(source.rules)]
    return [
        ("read", "damaged_shard"),
        ("sample", "beyond_sample"),
        *rules,
        ("rules", "nothing_left"),  # after span edits
        *(("match", reason) for reason in MATCH_REASONS),
        ("match", "paragraph_duplicates"),
        ("match", "substring_duplicates"),
        ("tokenize", "repeated_ngrams"),
        ("tokenize", "unbroken_text"),
    ]


def _set_damaged_aside(judged: JudgedUnit, settings: BuildSettings) -> None:
    policy = settings.spec.reading.on_corrupt
    for index, shard in enumerate(judged.shards):
        damage = shard["damage"]
        if damage is None:
            continue
        if policy == "fail":
            raise DataError(
                f"{shard['name']}: {damage['reason']} after byte {damage['byte_offset']:,} of the decompressed shard: "
                f"{damage['detail']}; wanted a sound shard; fetch it again, or set reading.on_corrupt to "
                "'quarantine' (set it aside) or 'keep' (keep the documents before the damage)"
            )
        if policy == "quarantine":
            judged.codes[number_column(judged.table, "shard") == index] = _DAMAGED
