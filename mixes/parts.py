"""The part format: one token file of a source, its documents in the order of their sampling keys, and their index.

The token file is what OLMo-core, dolma and the OLMo trainer call an `.npy` memmap: raw little-endian integers of the
smallest dtype that holds the vocabulary, without a header. Each document ends in exactly one EOS and has none inside.
The index is a parquet file with one row a document, in the order of the token file:

    start int64, length int64 (tokens), key uint64 (sampling key), id string, shard string, row int64 (record number in
    the shard), bytes int64 (UTF-8 bytes of the text)

Beside them lies the key file, which no mix names and nobody publishes: what the cut to a token budget looks into, one
row of 32 bytes a document, so that a row is found without reading those before it. See KEY_ROW.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.files import FileDigest, Publish, publish_file
from mixes.hashing import mix64
from mixes.kernels import kernel
from mixes.token_ids import token_dtype

TOKENS_SUFFIX = ".npy"
INDEX_SUFFIX = ".parquet"
KEYS_SUFFIX = ".keys"
KEY_ROW = np.dtype([("key", "<u8"), ("tokens", "<u8"), ("bytes", "<u8"), ("check", "<u8")])
"""A row of a key file: a document's sampling key, the tokens and UTF-8 bytes of the part up to and with it, and a hash
of the three, since only few rows of a file are read, and no digest of it would be looked at."""

Tokens: TypeAlias = NDArray[np.integer[Any]]

_BLOCK_TOKENS = 1 << 22
_ROW_GROUP = 65_536
_INDEX_SCHEMA = pa.schema(
    [
        pa.field("start", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PartDocuments:
    """The documents of a part as columns of equal length, one row a document.

    Attributes:
        starts: where each document begins in the tokens, int64.
        lengths: its number of tokens with its EOS, int64, at least 1.
        keys: its sampling key, uint64.
        ids: its id, an Arrow array of strings.
        shards: the name of the shard it was read from, an Arrow array of strings, dictionary or not.
        rows: number of its record in that shard, from 0, int64.
        bytes: UTF-8 bytes of its text, int64.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    keys: NDArray[np.uint64]
    ids: pa.Array
    shards: pa.Array
    rows: NDArray[np.int64]
    bytes: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, column.name)) for column in fields(self)}
        assert len(lengths) == 1, f"columns of different lengths: {lengths}"

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSummary:
    """What was written.

    Attributes:
        documents: number of documents.
        tokens: number of tokens.
        bytes: UTF-8 bytes of the texts.
        token_file: size and digest of the token file.
        index_file: size and digest of the index.
    """

    documents: int
    tokens: int
    bytes: int
    token_file: FileDigest
    index_file: FileDigest


def write_part(
    stem: str,
    tokens: Tokens,
    documents: PartDocuments,
    *,
    vocab_size: int,
    eos_id: int,
    publish: Publish = publish_file,
) -> PartSummary:
    """Write the documents, sorted by (key, given order), as `<stem>.npy`, `<stem>.parquet` and `<stem>.keys`.

    The bytes depend on nothing but the arguments and the version of pyarrow. Beside the tokens given, memory holds
    one block of tokens and the index.

    Args:
        stem: where to write, without a suffix; what `publish` takes as a name.
        tokens: the tokens of all documents in any order, gaps allowed, shape (num_tokens,).
        documents: their places in `tokens`, and the other columns of the index.
        vocab_size: every id is below it; it chooses the dtype of the file.
        eos_id: the last token of each document, and of nothing else.
        publish: makes a file appear whole.

    Raises:
        MixError: a document has an id outside the vocabulary, or not exactly one EOS, at its end; or no room to write.
    """
    _check_places(stem, tokens, documents, eos_id)
    ordered = _in_order_of_keys(documents)

    def write_tokens(handle: BinaryIO) -> None:
        num_eos = 0
        for block in _blocks(tokens, ordered):
            if block.min() < 0 or block.max() >= vocab_size:
                raise MixError(f"{stem}: found tokens {block.min()} to {block.max()}, wanted ids in [0, {vocab_size})")
            num_eos += int(np.count_nonzero(block == eos_id))
            handle.write(block.astype(token_dtype(vocab_size), copy=False).data)
        if num_eos != len(ordered):
            raise MixError(f"{stem}: found {num_eos} EOS in {len(ordered)} documents, wanted one in each, at its end")

    summary = PartSummary(
        documents=len(ordered),
        tokens=int(ordered.lengths.sum()),
        bytes=int(ordered.bytes.sum()),
        token_file=publish(stem + TOKENS_SUFFIX, write_tokens),
        index_file=publish(stem + INDEX_SUFFIX, lambda handle: _write_index(handle, ordered)),
    )
    _write_keys(stem, ordered.keys, ordered.lengths, ordered.bytes, publish)
    return summary


def restore_keys(stem: str, index: BinaryIO, *, publish: Publish = publish_file) -> None:
    """Write `<stem>.keys` from the index of the part: the same bytes that `write_part` wrote.

    Raises:
        MixError: the index is damaged, or there is no room to write.
    """
    try:
        table = pq.read_table(index, columns=["key", "length", "bytes"])
    except (OSError, ValueError, pa.ArrowException) as error:
        raise MixError(f"{stem}{INDEX_SUFFIX}: cannot be read: {error}; remove it and build again") from error
    keys, lengths, text_bytes = (column.to_numpy() for column in table.columns)
    _write_keys(stem, keys, lengths, text_bytes, publish)


def key_rows(keys: NDArray[np.uint64], lengths: NDArray[np.int64], text_bytes: NDArray[np.int64]) -> NDArray[np.void]:
    """Return the rows of a key file, dtype KEY_ROW.

    Args:
        keys: sampling keys, rising, shape (num_documents,).
        lengths: tokens of each document.
        text_bytes: UTF-8 bytes of each text.
    """
    rows = np.empty(len(keys), KEY_ROW)
    rows["key"], rows["tokens"], rows["bytes"] = keys, np.cumsum(lengths), np.cumsum(text_bytes)
    rows["check"] = _check_of(rows)
    return rows


def are_sound(rows: NDArray[np.void]) -> bool:
    """Return whether rows of a key file are as they were written."""
    return np.array_equal(rows["check"], _check_of(rows))


def _check_of(rows: NDArray[np.void]) -> NDArray[np.uint64]:
    return mix64(mix64(mix64(rows["key"]) ^ rows["tokens"]) ^ rows["bytes"])


def read_index(path: str | Path) -> PartDocuments:
    """Return the index of a part, in the order of its token file.

    Raises:
        MixError: the file is absent, damaged or no index.
    """
    try:
        index = pq.read_table(path, memory_map=False)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise MixError(f"{path}: cannot be read as the index of a part: {error}; build the part again") from error
    if index.schema != _INDEX_SCHEMA:
        found = ", ".join(f"{field.name} {field.type}" for field in index.schema)
        raise MixError(f"{path}: found the columns {found}; wanted the index of a part; build the part again")
    columns = {name: index[name].combine_chunks() for name in _INDEX_SCHEMA.names}
    return PartDocuments(
        starts=columns["start"].to_numpy(),
        lengths=columns["length"].to_numpy(),
        keys=columns["key"].to_numpy(),
        ids=columns["id"],
        shards=columns["shard"],
        rows=columns["row"].to_numpy(),
        bytes=columns["bytes"].to_numpy(),
    )


def _check_places(stem: str, tokens: Tokens, documents: PartDocuments, eos_id: int) -> None:
    """Refuse documents outside the tokens and documents that do not end in EOS."""
    ends = documents.starts + documents.lengths
    if len(documents) == 0:
        return
    if documents.lengths.min() < 1 or documents.starts.min() < 0 or ends.max() > len(tokens):
        raise MixError(f"{stem}: found a document without tokens or outside of the {len(tokens):,} tokens given")
    last_tokens = tokens[ends - 1]
    wrong = np.flatnonzero(last_tokens != eos_id)
    if wrong.size:
        found, name = last_tokens[wrong[0]], documents.ids[int(wrong[0])]
        raise MixError(f"{stem}: document {name}: found token {found} at its end, wanted EOS {eos_id}")


def _in_order_of_keys(documents: PartDocuments) -> PartDocuments:
    """Return the documents by (key, given order)."""
    order = np.argsort(documents.keys, kind="stable")
    return PartDocuments(
        starts=documents.starts[order],
        lengths=documents.lengths[order],
        keys=documents.keys[order],
        ids=documents.ids.take(order).cast(pa.string()),
        shards=documents.shards.take(order).cast(pa.string()),
        rows=documents.rows[order],
        bytes=documents.bytes[order],
    )


def _blocks(tokens: Tokens, documents: PartDocuments) -> Iterator[Tokens]:
    """Yield the tokens of the documents one after another, in blocks of at most _BLOCK_TOKENS."""
    ends = np.cumsum(documents.lengths)
    num_tokens = int(ends[-1]) if len(ends) else 0
    for start in range(0, num_tokens, _BLOCK_TOKENS):
        block = np.empty(min(_BLOCK_TOKENS, num_tokens - start), tokens.dtype)
        first = int(np.searchsorted(ends, start, side="right"))
        _gather(tokens, documents.starts, documents.lengths, first, start, ends, block)
        yield block


@kernel
def _gather(
    tokens: Tokens,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    first: int,
    start: int,
    ends: NDArray[np.int64],
    block: Tokens,
) -> None:
    """Fill a block that begins at token `start` of all documents one after another, inside document `first`."""
    place, d = 0, first
    while place < len(block):
        skipped = start + place - (ends[d] - lengths[d])
        count = min(lengths[d] - skipped, len(block) - place)
        for k in range(count):
            block[place + k] = tokens[starts[d] + skipped + k]
        place, d = place + count, d + 1


def _write_keys(
    stem: str, keys: NDArray[np.uint64], lengths: NDArray[np.int64], text_bytes: NDArray[np.int64], publish: Publish
) -> None:
    """Publish the key file of a part, given columns of its index in the order of the keys."""
    rows = key_rows(keys, lengths, text_bytes)
    publish(stem + KEYS_SUFFIX, lambda handle: handle.write(rows.data))


def _write_index(handle: BinaryIO, documents: PartDocuments) -> None:
    """Write the index, with statistics of the key alone and no metadata of Arrow: equal rows give equal bytes."""
    lengths = documents.lengths
    starts = np.cumsum(lengths) - lengths
    columns = [starts, lengths, documents.keys, documents.ids, documents.shards, documents.rows, documents.bytes]
    pq.write_table(
        pa.table(columns, schema=_INDEX_SCHEMA),
        pa.PythonFile(handle, mode="w"),
        row_group_size=_ROW_GROUP,
        compression="zstd",
        compression_level=3,
        use_dictionary=["shard"],
        write_statistics=["key"],
        store_schema=False,
    )
