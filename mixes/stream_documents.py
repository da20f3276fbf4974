"""Which documents lie in stretches of a token stream: looked up in the indexes of the parts, a few rows of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.manifest import Manifest
from mixes.mix_files import MixFiles
from mixes.token_stream import Piece, TokenStream


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDocument:
    """A document of a mix.

    Attributes:
        source: the source, or split of one, that the manifest names.
        id: its id there.
        shard: name of the shard it was read from.
        row: number of its record in that shard.
    """

    source: str
    id: str
    shard: str
    row: int


def documents_at(
    stream: TokenStream, manifest: Manifest, files: MixFiles, starts: NDArray[np.int64], length: int
) -> list[list[StreamDocument]]:
    """Return the documents that tokens [start, start + length) of a stream overlap, for each start.

    Args:
        stream: of the mix; nothing of it is read, so that another thread may use it.
        manifest: the mix.
        files: where its indexes lie.
        starts: places in the stream, shape (n,).
        length: tokens of each stretch, at least 1.

    Raises:
        MixError: an index is absent or damaged.
        ValueError: a stretch begins before the stream or ends after it.
    """
    parts = [(source.name, part) for source in manifest.sources for part in source.parts]
    found: dict[int, list[StreamDocument]] = {}  # by the place where each piece goes
    for number, group in groupby(stream.pieces(starts, length), attrgetter("part")):
        pieces = list(group)
        source, part = parts[number]
        documents = _documents_of_part(source, files.index(part), pieces)
        found |= {piece.place: some for piece, some in zip(pieces, documents, strict=True)}
    stretches: list[list[StreamDocument]] = [[] for _ in starts]
    for place in sorted(found):
        stretches[place // length] += found[place]
    return stretches


def _documents_of_part(source: str, index: Path, pieces: Sequence[Piece]) -> list[list[StreamDocument]]:
    """Return the documents that each piece of one part overlaps; reads the starts of all, and else few row groups."""
    try:
        with pq.ParquetFile(index) as file:
            starts = file.read(columns=["start"]).column("start").to_numpy()
            firsts = np.searchsorted(starts, [piece.offset for piece in pieces], side="right") - 1
            stops = np.searchsorted(starts, [piece.offset + piece.num_tokens for piece in pieces], side="left")
            rows = np.unique(np.concatenate([np.arange(*each) for each in zip(firsts, stops, strict=True)]))
            columns = _columns_at(file, rows)
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise MixError(f"{index}: cannot be read as the index of a part: {error}; copy it again") from error
    documents = [StreamDocument(source=source, **row) for row in columns.to_pylist()]
    bounds = zip(np.searchsorted(rows, firsts), np.searchsorted(rows, stops), strict=True)
    return [documents[first:stop] for first, stop in bounds]


def _columns_at(file: pq.ParquetFile, rows: NDArray[np.int64]) -> pa.Table:
    """Return id, shard and row of some documents of an index, given by their rising numbers."""
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    ends = np.cumsum(sizes)
    groups = np.unique(np.searchsorted(ends, rows, side="right"))
    tables = [
        file.read_row_group(int(group), columns=["id", "shard", "row"]).take(
            rows[(rows >= ends[group] - sizes[group]) & (rows < ends[group])] - (ends[group] - sizes[group])
        )
        for group in groups
    ]
    return pa.concat_tables(tables)
