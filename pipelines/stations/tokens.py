"""Tokenize: read a unit again and leave its kept documents as parts in sampling order.

What a unit gives is named by the digests of its shards and the documents that are kept, so a build that keeps
the same documents finds its parts already there.
"""

import hashlib
import json
import logging
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filters.batches import Batch
from filters.columns import TextColumn
from filters.edits import Editor, Edits, apply_edits, find_edits
from mixes.errors import DataError
from mixes.repeats import has_repeated_ngrams
from pipelines.documents import Failure, ShardDamage
from pipelines.encoding.encoder import EncodedTexts, EncodersDifferError, TextEncoder
from pipelines.encoding.fim import encode_infilled, infilling
from pipelines.plan import Unit
from pipelines.progress import Marks
from pipelines.readers import ShardReader
from pipelines.settings import BuildSettings
from pipelines.stations.judge import KEPT, JudgedUnit, number_column, places_of
from pipelines.stations.part_writer import PartWriter, UnitIndex
from pipelines.stations.reading import discard_unit
from pipelines.stations.unit_tokens import (
    UnitTokens,
    are_whole,
    restore_key_files,
)
from pipelines.stored_records import store_record, stored_record

log = logging.getLogger(__name__)

TOKEN_COLUMNS = ("row",)
"""Columns of measures that this station needs beside those that judging gives."""


def tokens_name(judged: JudgedUnit, repeats: NDArray[np.void], splits: NDArray[np.int64]) -> str:
    """Return the name of what tokenizing this unit gives: a digest of its text, what is kept, cut out and divided.

    Args:
        judged: The unit, with the codes of every station before this one.
        repeats: What is cut out of its kept documents because others have it too, dtype SPAN.
        splits: The split of each document.
    """
    identity = hashlib.sha256()
    for shard in judged.shards:
        identity.update(json.dumps([shard["name"], shard["digest"], shard["damage"]], sort_keys=True).encode())
    numbers, num_documents = _numbers_among_all(judged)
    is_kept = np.zeros(num_documents, np.bool_)
    is_kept[numbers] = judged.codes == KEPT
    identity.update(np.packbits(is_kept).tobytes())
    cut = [numbers[repeats["document"]], repeats["start"], repeats["end"]]
    identity.update(np.array(cut, "<i8").tobytes())
    of_kept = splits[judged.codes == KEPT]
    if of_kept.any():  # a unit that is not divided has the same parts in every mix
        identity.update(of_kept.astype("<u2").tobytes())
    return identity.hexdigest()[:16]


def _numbers_among_all(judged: JudgedUnit) -> tuple[NDArray[np.int64], int]:
    """Return the number that each document of a unit would have if none were forgotten, and how many there would be.

    So what is kept has one name, whether a document that is not kept is forgotten or not, and no other has it.
    """
    forgotten = judged.forgotten
    documents = places_of(judged.table)
    numbers = np.arange(len(documents))
    if len(forgotten):
        numbers += np.searchsorted(np.sort(places_of(forgotten)), documents)
    return numbers, len(documents) + len(forgotten)


def tokens_uri(unit: Unit, name: str, settings: BuildSettings) -> str:
    """Return where the record of a unit's parts lies, given their name."""
    return settings.uri(settings.sources[unit.source].tokens_folder, f"{name}.json")


def tokenize_unit(
    unit: Unit,
    judged: JudgedUnit,
    repeats: NDArray[np.void],
    splits: NDArray[np.int64],
    settings: BuildSettings,
    encoder: TextEncoder,
    editors: Sequence[Editor],
    marks: Marks,
) -> UnitTokens:
    """Leave the parts of a unit, or find that an earlier build left them.

    Args:
        unit: The unit to read again.
        judged: Its measures with TOKEN_COLUMNS, and the codes of every station before this one.
        repeats: What is cut out of its kept documents after span edits, by document and start, disjoint, dtype SPAN.
        splits: The split of each document; each has parts of its own.
        settings: The build's settings.
        encoder: The tokenizer.
        editors: What edits the texts of its source, as when it was measured.
        marks: Where progress is reported.

    Raises:
        DataError: A shard is not what it was when it was measured.
    """
    name = tokens_name(judged, repeats, splits)
    record = tokens_uri(unit, name, settings)
    left = stored_record(record, UnitTokens)
    if left is not None and are_whole(left, settings):
        restore_key_files(left, settings)
        return left
    stem = f"{settings.sources[unit.source].tokens_folder}/{name}"
    index = UnitIndex.of(unit, judged, settings)

    def tokenize() -> UnitTokens:
        encoder.start_unit()
        writer = PartWriter(settings, stem, encoder, index, splits)
        _UnitTokenizer(unit, judged, repeats, settings, encoder, editors, writer, index.keys, marks).run()
        return writer.finish()

    try:
        tokens = tokenize()
    except EncodersDifferError as error:
        log.warning("%s: %s; going on with %s, which is slow", record, error, encoder.library)
        encoder.fall_back(str(error))
        tokens = tokenize()  # writes over the parts that were already full
    store_record(record, tokens)
    return tokens


class _UnitTokenizer:
    """Walk the shards of a unit a second time, beside the measures of the first."""

    def __init__(
        self,
        unit: Unit,
        judged: JudgedUnit,
        repeats: NDArray[np.void],
        settings: BuildSettings,
        encoder: TextEncoder,
        editors: Sequence[Editor],
        writer: PartWriter,
        keys: NDArray[np.uint64],
        marks: Marks,
    ) -> None:
        self._unit = unit
        self._judged = judged
        self._repeats = repeats
        self._settings = settings
        self._encoder = encoder
        self._editors = editors
        self._writer = writer
        self._keys = keys
        self._marks = marks
        self._next = 0  # document number in the unit
        self._rows = number_column(judged.table, "row")
        self._sizes = number_column(judged.table, "bytes")
        self._shard_of = number_column(judged.table, "shard")
        self._forgotten = judged.forgotten

    def run(self) -> None:
        """Tokenize every kept document of the unit."""
        for index, shard in enumerate(self._unit.shards):
            num_documents = int(np.count_nonzero(self._shard_of == index))
            kept = self._judged.codes[self._next : self._next + num_documents] == KEPT
            if not kept.any():
                self._next += num_documents  # nothing of it is wanted: not read again
                continue
            reading = self._settings.sources[self._unit.source].reading
            reader = ShardReader(shard.uri, shard.name, reading)
            for item in reader:
                if not isinstance(item, (Failure, ShardDamage)):
                    self._tokenize_batch(shard.name, self._without_forgotten(index, item))
            expected = self._judged.shards[index]["digest"]
            if reader.digest != expected:
                raise self._changed(shard.name, f"found digest {reader.digest}, wanted {expected}")

    def _changed(self, shard_name: str, found: str) -> DataError:
        """Discard what was made of the unit, so that the next build reads it anew, and return the error."""
        discard_unit(self._unit, self._settings)
        return DataError(
            f"{shard_name}: changed after it was measured: {found}; leave shards as they are during a build and run "
            "the command again"
        )

    def _without_forgotten(self, shard: int, batch: pa.RecordBatch) -> pa.RecordBatch:
        if len(self._forgotten) == 0:
            return batch
        rows = self._forgotten.column("row").filter(pc.equal(self._forgotten.column("shard"), shard))
        return batch.filter(pc.invert(pc.is_in(batch.column("row"), value_set=rows)))

    def _tokenize_batch(self, shard_name: str, batch: pa.RecordBatch) -> None:
        first = self._next
        self._next += batch.num_rows
        if not np.array_equal(batch.column("row").to_numpy(), self._rows[first : self._next]):
            raise self._changed(shard_name, "found other records than were measured")
        kept = np.flatnonzero(self._judged.codes[first : self._next] == KEPT)
        chosen = batch.take(pa.array(kept))
        encoded = self._encode(self._edited_texts(chosen, first + kept), first + kept)
        repeated = self._find_repeats(encoded)
        for reason, is_lost in (("unbroken_text", encoded.given_up), ("repeated_ngrams", repeated & ~encoded.given_up)):
            self._writer.dropped += [(document, reason) for document in (first + kept)[is_lost].tolist()]
        taken = np.flatnonzero(~(encoded.given_up | repeated))
        self._writer.add(encoded, taken, first + kept[taken])
        self._marks.add(documents=batch.num_rows, text_bytes=int(self._sizes[first : self._next].sum()))

    def _encode(self, texts: TextColumn, documents: NDArray[np.int64]) -> EncodedTexts:
        source = self._settings.spec.sources[self._unit.source]
        if source.fim is None:
            return self._encoder.encode(texts)
        fim = infilling(source.fim, self._settings.tokenizer.fim_ids[source.name])
        return encode_infilled(self._encoder, texts, self._keys[documents], fim)

    def _edited_texts(self, batch: pa.RecordBatch, documents: NDArray[np.int64]) -> TextColumn:
        """Return the texts of a batch after all edits; `documents` are their numbers in the unit."""
        if not self._editors and len(self._repeats) == 0:
            return TextColumn.from_arrow(batch.column("text"))
        read = Batch(TextColumn.from_arrow(batch.column("text")), batch.column("metadata"))
        edited = apply_edits(read.texts, find_edits(self._editors, read))
        return apply_edits(edited, self._repeats_of(documents))

    def _repeats_of(self, documents: NDArray[np.int64]) -> Edits:
        ends = [documents[0], documents[-1] + 1] if len(documents) else [0, 0]
        bounds = np.searchsorted(self._repeats["document"], ends)
        spans = self._repeats[bounds[0] : bounds[1]].copy()  # all of kept documents, so each has its place
        spans["document"] = np.searchsorted(documents, spans["document"])
        spans["reason"] = 0
        return Edits(spans=spans, reasons=("repeat",), replacements=(b"",))

    def _find_repeats(self, encoded: EncodedTexts) -> NDArray[np.bool_]:
        repeats = self._settings.spec.repeated_ngrams
        if repeats is None:
            return np.zeros(len(encoded.given_up), bool)
        return has_repeated_ngrams(
            encoded.ids, encoded.offsets, max_period=repeats.max_period, min_repeats=repeats.min_repeats
        )
