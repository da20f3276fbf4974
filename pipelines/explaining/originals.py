"""Originals: the text of a document, read again from its shard, and what span edits make of it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from filters.batches import Batch
from filters.columns import TextColumn
from filters.edits import apply_edits, find_edits
from mixes.errors import DataError
from mixes.spec.places import expand
from pipelines.encoding.definition import read_tokenizer
from pipelines.encoding.fim import restore_order
from pipelines.explaining.built import BuiltMix
from pipelines.explaining.explanation import Span, Tokens
from pipelines.explaining.records import Record
from pipelines.readers import ShardReader
from pipelines.settings import read_settings, source_editors
from pipelines.stations.digests import text_digests
from pipelines.storage import exists, is_remote, join, open_stored

_EXCERPT_CHARACTERS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A text as it was read, what goes of it, and what is left."""

    excerpt: str
    spans: tuple[Span, ...]
    edited: str


def read_original(mix: BuiltMix, record: Record) -> Original:
    """Return the text of a document and its edits.

    Raises:
        DataError: The shard is not there or has changed, or an edit's file is not what it should be.
    """
    batch = read_record(mix, record)
    documents = Batch(TextColumn.from_arrow(batch.column("text")), batch.column("metadata"))
    try:
        editors = source_editors(mix.spec, mix.source(record.unit.source), mix.data)
        for editor in editors:
            editor.setup()
    except ValueError as error:
        raise DataError(f"source '{record.unit.source}': its edits cannot be made again: {error}") from error
    edits = find_edits(editors, documents)
    edited = apply_edits(documents.texts, edits)
    if text_digests(edited) != record.row["digest"]:
        raise DataError(
            f"{record.shard['name']}: found another text in record {record.row['row']:,} than was measured; "
            "the shard has changed since"
        )
    text = documents.texts.data[documents.texts.offsets[0] :]
    return Original(
        excerpt=documents.texts.text(0, _EXCERPT_CHARACTERS),
        spans=tuple(
            Span(
                reason=edits.reasons[span["reason"]],
                start=int(span["start"]),
                end=int(span["end"]),
                text=bytes(text[span["start"] : span["end"]]).decode(),
                replacement=edits.replacements[span["reason"]].decode(),
            )
            for span in edits.spans
        ),
        edited=edited.text(0),
    )


def read_tokens_text(mix: BuiltMix, tokens: Tokens) -> str:
    """Return the text that the tokens of a document stand for.

    Raises:
        DataError: The tokenizer or the part is not there, or is not what the mix was built with.
    """
    manifest = mix.manifest
    file = read_tokenizer(expand(mix.spec.tokenizer.file, mix.data))
    if file.digest != manifest.tokenizer.digest:
        raise DataError(f"{file.uri}: found another tokenizer than that of mix '{mix.name}'; give its own with --data")
    width = np.dtype(manifest.dtype).itemsize
    part = join(mix.folder, "..", "..", tokens.part)
    try:
        with open_stored(part) as stream:
            stream.seek(tokens.start * width)
            data = stream.read((tokens.length - 1) * width)  # without EOS
    except OSError as error:
        raise DataError(f"{part}: cannot be read: {error}; build the mix again") from error
    ids = np.frombuffer(data, np.dtype(manifest.dtype).newbyteorder("<")).astype(np.uint32)
    source = next(each.source for each in manifest.sources for part in each.parts if part.file == tokens.part)
    ids = restore_order(ids, manifest.tokenizer.fim_ids.get(source, ()))
    text: str = Tokenizer.from_str(file.json).decode(ids.tolist(), skip_special_tokens=False)
    if len(text.encode()) != tokens.bytes:
        raise DataError(f"{part}: found tokens from which {manifest.tokenizer.name} does not give their text back")
    return text


def read_record(mix: BuiltMix, record: Record) -> pa.RecordBatch:
    """Return the batch of one document, of the shard read as far as it."""
    name, row = record.shard["name"], record.row["row"]
    for item in ShardReader(_find_shard(mix, name), name, read_settings(mix.spec, mix.source(record.unit.source))):
        if isinstance(item, pa.RecordBatch):
            rows = item.column("row").to_numpy()
            place = int(np.searchsorted(rows, row))
            if place < len(rows):
                if rows[place] == row:
                    return item.slice(place, 1)
                break
    raise DataError(f"{name}: found no document in record {row:,}; the shard has changed since it was measured")


def _find_shard(mix: BuiltMix, name: str) -> str:
    """Return where a shard lies that is named relative to the data root, or by itself where it lay outside."""
    places = [name] if is_remote(name) else [join(mix.data, name), name]
    for place in places:
        if exists(place):
            return place
    raise DataError(f"{places[0]}: found no such shard; give the data root of the build with --data")
