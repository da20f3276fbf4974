"""Sign: leave what duplicates are recognised by beside the measures of a unit, one row a document.

What is signed is the text after span edits. The file holds, as the spec asks for them, a MinHash signature, the set of
shingles that verification needs, and digests of the normalised text and of the canonical URL. It depends on nothing but
the document, so that limits of rules and of similarity can change without reading it again.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filters.batches import Batch
from filters.columns import TextColumn
from filters.duplicates.minhash import VERSION as MINHASH_VERSION
from filters.duplicates.minhash import signatures
from filters.duplicates.normalize import VERSION as NORMALIZE_VERSION
from filters.duplicates.normalize import normalized_digests
from filters.duplicates.shingles import VERSION as SHINGLES_VERSION
from filters.duplicates.shingles import Shingles, join_shingles, shingle
from filters.provenance.canonical import canonical_urls
from mixes.errors import DataError
from mixes.spec.dedupe import Dedupe
from mixes.typed_yaml.canonical import canonical_json
from pipelines.earlier import EarlierUnit
from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.stations.digests import text_digests
from pipelines.stations.texts import Read, ReadBatch, UnitFiles
from pipelines.storage import open_stored

_SIGNATURE = "signature"
_SHINGLES = "shingles"
_SETTINGS = b"gristmill"  # the key in the file's metadata
NORMALIZED_COLUMN = "normalized"
URL_COLUMN = "url"
_DIGEST_BYTES = 16
_SIGNATURES_AT_ONCE = 1 << 14
_SHINGLES_AT_ONCE = 1 << 22


def signatures_uri(settings: BuildSettings, unit: Unit | EarlierUnit) -> str:
    """Return where the signatures of a unit lie.

    Raises:
        DataError: The unit is one of an earlier mix that left none.
    """
    if isinstance(unit, EarlierUnit):
        if unit.signatures is None:
            raise DataError(f"{unit.measures}: dedupe.against: found no signatures beside it; build that mix with them")
        return unit.signatures
    return settings.uri(settings.sources[unit.source].signatures_folder, f"{unit.name}.parquet")


def signature_files(unit: Unit, settings: BuildSettings) -> UnitFiles:
    """Return the file of a unit's signatures, not yet made."""
    return UnitFiles(uris=(signatures_uri(settings, unit),), start=partial(_UnitSigner, unit, settings))


class _UnitSigner:
    """Writes the signatures of a unit, a row group for each batch of its documents."""

    def __init__(self, unit: Unit, settings: BuildSettings, streams: Sequence[BinaryIO]) -> None:
        (stream,) = streams
        self._dedupe = settings.spec.dedupe
        self._url_paths = settings.spec.sources[unit.source].fields.url
        self._schema = _schema(self._dedupe)
        element = f"{_SHINGLES}.list.element"
        self._writer = pq.ParquetWriter(
            pa.PythonFile(stream, mode="w"),
            self._schema,
            # Of hashes nothing can be made smaller but rising ones, and those of documents that are all signed alike.
            compression="zstd" if settings.sources[unit.source].sample < 1 else "none",
            use_dictionary=False,
            column_encoding={element: "DELTA_BINARY_PACKED"} if _SHINGLES in self._schema.names else None,
        )

    def add(self, item: Read) -> None:
        """Sign documents."""
        if isinstance(item, ReadBatch):
            columns = _sign(item.sampled.edited, self._dedupe, self._url_paths)
            if len(item.sampled.places) < item.records.num_rows:
                columns = self._with_others(columns, item.sampled.places, item.records.num_rows)
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def _with_others(self, columns: Sequence[pa.Array], places: NDArray[np.int64], num_rows: int) -> list[pa.Array]:
        """Return the columns of all documents of a batch: those beyond the sample as texts without a word."""
        indices = np.full(num_rows, len(places), np.int64)
        indices[places] = np.arange(len(places))
        fillers = _sign(Batch(TextColumn.from_arrow(pa.array([""]))), self._dedupe, self._url_paths)
        return [
            pa.concat_arrays([column, filler]).take(pa.array(indices))
            for column, filler in zip(columns, fillers, strict=True)
        ]

    def finish(self) -> None:
        """Write the end of the file."""
        self._writer.close()

    def abandon(self) -> None:
        """Close the writer while its stream is open."""
        self._writer.close()


def _schema(dedupe: Dedupe) -> pa.Schema:
    fields: list[pa.Field] = []
    if dedupe.fuzzy is not None:
        num_hashes = dedupe.fuzzy.num_bands * dedupe.fuzzy.num_rows
        fields += [
            pa.field(_SIGNATURE, pa.binary(4 * num_hashes), nullable=False),
            pa.field(_SHINGLES, pa.large_list(pa.field("element", pa.uint32(), nullable=False)), nullable=False),
        ]
    columns = {NORMALIZED_COLUMN: dedupe.normalized is not None, URL_COLUMN: dedupe.url}
    fields += [pa.field(name, pa.binary(_DIGEST_BYTES), nullable=False) for name, wanted in columns.items() if wanted]
    return pa.schema(fields, {_SETTINGS: canonical_json(_settings_of(dedupe))})


def _settings_of(dedupe: Dedupe) -> dict[str, object]:
    """Return what two files of signatures must agree in to be compared."""
    fuzzy = dedupe.fuzzy
    shingles = [fuzzy.shingles, fuzzy.ngram, SHINGLES_VERSION] if fuzzy else None
    return {
        "shingles": shingles,
        "signatures": [fuzzy.num_bands * fuzzy.num_rows, MINHASH_VERSION] if fuzzy else None,
        "normalized": [dedupe.normalized, NORMALIZE_VERSION] if dedupe.normalized else None,
        "url": dedupe.url,
    }


def _sign(batch: Batch, dedupe: Dedupe, url_paths: Sequence[str]) -> list[pa.Array]:
    """Return the columns of some documents, as `_schema` names them."""
    texts = batch.texts
    arrays: list[pa.Array] = []
    if dedupe.fuzzy is not None:
        sets = shingle(texts, ngram=dedupe.fuzzy.ngram, unit=dedupe.fuzzy.shingles)
        values = signatures(sets, dedupe.fuzzy.num_bands * dedupe.fuzzy.num_rows)
        kind = pa.binary(4 * values.shape[1])
        arrays.append(
            pa.FixedSizeBinaryArray.from_buffers(
                kind, len(values), [None, pa.py_buffer(values.astype("<u4").tobytes())]
            )
        )
        arrays.append(
            pa.LargeListArray.from_arrays(sets.offsets, sets.hashes).cast(_schema(dedupe).field(_SHINGLES).type)
        )
    if dedupe.normalized is not None:
        arrays.append(_digest_array(normalized_digests(texts)))
    if dedupe.url:
        urls = pa.array(batch.strings(url_paths), pa.string()).fill_null("")
        arrays.append(_digest_array(_url_digests(canonical_urls(TextColumn.from_arrow(urls)))))
    return arrays


def _digest_array(digests: bytes) -> pa.Array:
    kind = pa.binary(_DIGEST_BYTES)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(digests) // _DIGEST_BYTES, [None, pa.py_buffer(digests)])


def _url_digests(urls: TextColumn) -> bytes:
    """Return the digests of canonical URLs, 16 bytes each; zeros where there is no URL."""
    digests = np.frombuffer(text_digests(urls), np.uint8).reshape(-1, _DIGEST_BYTES).copy()
    digests[np.diff(urls.offsets) == 0] = 0
    return digests.tobytes()


def read_signatures(settings: BuildSettings, unit: Unit | EarlierUnit) -> Iterator[NDArray[np.uint32]]:
    """Yield the signatures of a unit's documents, in their order, some at a time; shape (n, num_hashes), uint32."""
    with _open(settings, unit) as file:
        yield from signatures_in(file)


def signatures_in(file: pq.ParquetFile) -> Iterator[NDArray[np.uint32]]:
    """Yield the signatures in a file that `open_signatures` opened, as `read_signatures`."""
    pending: list[NDArray[np.uint32]] = []
    for table in _groups(file, _SIGNATURE):
        for chunk in table.column(_SIGNATURE).chunks:
            width = chunk.type.byte_width // 4
            values = np.frombuffer(chunk.buffers()[1], "<u4", count=width * (chunk.offset + len(chunk)))
            pending.append(values.reshape(-1, width)[chunk.offset :].astype(np.uint32, copy=False))
        if sum(len(values) for values in pending) >= _SIGNATURES_AT_ONCE:
            yield np.concatenate(pending)
            pending = []
    if pending:
        yield np.concatenate(pending)


def read_digests(settings: BuildSettings, unit: Unit | EarlierUnit, column: str) -> NDArray[np.uint64]:
    """Return 64 bits of a digest of each document, shape (num_documents,); 0 where it has no word or no URL."""
    found = [np.zeros(0, np.uint64)]
    with _open(settings, unit) as file:
        for table in _groups(file, column):
            for chunk in table.column(column).chunks:
                halves = np.frombuffer(chunk.buffers()[1], "<u8", count=2 * (chunk.offset + len(chunk)))
                found.append(halves.reshape(-1, 2)[chunk.offset :, 0].astype(np.uint64))
    return np.concatenate(found)


def read_shingles(
    settings: BuildSettings, unit: Unit | EarlierUnit, documents: NDArray[np.int64]
) -> Iterator[Shingles]:
    """Yield the sets of some documents of a unit, in their order, some at a time.

    Args:
        settings: The build's settings.
        unit: The unit; its signatures must be there.
        documents: Numbers of documents in the unit, rising. What holds none of them is not read.
    """
    with _open(settings, unit) as file:
        yield from shingles_in(file, documents)


def shingles_in(file: pq.ParquetFile, documents: NDArray[np.int64]) -> Iterator[Shingles]:
    """Yield the sets of some documents in a file that `open_signatures` opened, as `read_shingles`."""
    pending: list[Shingles] = []
    first = 0
    for group in range(file.num_row_groups):
        end = first + file.metadata.row_group(group).num_rows
        wanted = documents[np.searchsorted(documents, first) : np.searchsorted(documents, end)] - first
        if len(wanted):
            chunks = (
                file.read_row_group(group, columns=[f"{_SHINGLES}.list.element"], use_threads=False).column(0).chunks
            )
            pending.append(join_shingles([_as_shingles(chunk) for chunk in chunks]).take(wanted))
        if sum(len(shingles.hashes) for shingles in pending) >= _SHINGLES_AT_ONCE:
            yield join_shingles(pending)
            pending = []
        first = end
    if pending:
        yield join_shingles(pending)


def _as_shingles(chunk: pa.LargeListArray) -> Shingles:
    offsets = chunk.offsets.to_numpy()
    hashes = chunk.values.to_numpy()[offsets[0] : offsets[-1]]
    return Shingles(hashes, offsets - offsets[0])


def _groups(file: pq.ParquetFile, column: str) -> Iterator[pa.Table]:
    for group in range(file.num_row_groups):
        yield file.read_row_group(group, columns=[column], use_threads=False)


def _open(settings: BuildSettings, unit: Unit | EarlierUnit) -> pq.ParquetFile:
    return open_signatures(signatures_uri(settings, unit), settings.spec.dedupe)


def open_signatures(uri: str, dedupe: Dedupe) -> pq.ParquetFile:
    """Open a file of signatures for reading.

    Raises:
        DataError: It cannot be read, or was made with other settings than these.
    """
    try:
        file = pq.ParquetFile(open_stored(uri))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{uri}: cannot be read as signatures: {error}; delete it and run the command again") from error
    wanted = canonical_json(_settings_of(dedupe))
    found = (file.metadata.metadata or {}).get(_SETTINGS, b"settings that it does not name")
    if found != wanted:
        raise DataError(
            f"{uri}: found signatures of {found.decode()}, wanted {wanted.decode()}; set dedupe as the mix had it that "
            "left them, or build that mix again with dedupe as it is here"
        )
    return file
