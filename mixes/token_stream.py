"""The token stream of a built mix: one long sequence of tokens, read at any place.

The stream is, source by source in the manifest's order, `whole_epochs` times all parts and then all prefixes, without
what is held out for validation. Memory holds a row for each stretch of it that lies in one part.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.manifest import Manifest
from mixes.mix_files import Extent, MixFiles
from mixes.segments import segments
from mixes.token_ids import token_dtype


class Piece(NamedTuple):
    """A stretch of one part that is read for an instance; everything is counted in tokens.

    Attributes:
        part: number of the part, over all sources in the manifest's order.
        offset: where the stretch begins in the part.
        place: where it goes in the instances that are read, one after another.
        num_tokens: its length.
    """

    part: int
    offset: int
    place: int
    num_tokens: int


class TokenStream:
    """Reads the token stream of one mix; for one thread at a time, to be closed after use.

    Args:
        manifest: the mix.
        files: where its parts lie.

    Raises:
        MixError: a token file is absent or has another size than the manifest says.
    """

    def __init__(self, manifest: Manifest, files: MixFiles) -> None:
        self._vocab_size = manifest.tokenizer.vocab_size
        self._dtype = token_dtype(self._vocab_size)
        self._parts = files.open_parts([part for source in manifest.sources for part in source.parts])
        self._segment_parts, self._segment_sources, self._segment_offsets, lengths = _segments(manifest)
        self._segment_ends = np.cumsum(lengths)
        self._segment_starts = self._segment_ends - lengths

    @property
    def num_tokens(self) -> int:
        """Number of tokens in the stream: the mix's tokens, every epoch counted."""
        return int(self._segment_ends[-1]) if len(self._segment_ends) else 0

    def num_instances(self, length: int) -> int:
        """Return how many instances of `length` tokens (at least 1) the stream holds; a shorter tail is not seen."""
        return self.num_tokens // length

    def read(self, starts: NDArray[np.int64], length: int) -> NDArray[np.uint32]:
        """Return tokens [start, start + length) of the stream for each start, shape (len(starts), length), uint32.

        Reads may overlap, come in any order and span documents, parts and sources.

        Raises:
            MixError: a token file was cut, replaced or damaged since it was checked, or cannot be read.
            ValueError: a read begins before the stream or ends after it.
        """
        instances = np.empty((len(starts), length), dtype=self._dtype)
        target = instances.reshape(-1).view(np.uint8).data
        self._parts.read(self._extents(self.pieces(starts, length)), target)
        self._require_known_tokens(instances, starts)
        return instances.astype(np.uint32, copy=False)

    @property
    def reads_ahead(self) -> bool:
        """Whether it is worth while to announce what will be read."""
        return self._parts.reads_ahead

    def announce(self, starts: NDArray[np.int64], length: int) -> None:
        """Begin to fetch what `read` will soon be asked for; returns at once.

        Raises:
            ValueError: a read begins before the stream or ends after it.
        """
        self._parts.announce(self._extents(self.pieces(starts, length)))

    def sources_at(self, starts: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the number of the source, in the manifest's order, that holds each position, same shape, int32.

        Raises:
            ValueError: a position lies outside [0, num_tokens).
        """
        self._require_inside(starts, 1)
        return self._segment_sources[np.searchsorted(self._segment_ends, starts, side="right")]

    def pieces(self, starts: NDArray[np.int64], length: int) -> list[Piece]:
        """Return the stretches of parts that `read` would read, sorted by part and offset; from any thread.

        Raises:
            ValueError: a read begins before the stream or ends after it.
        """
        self._require_inside(starts, length)
        first = np.searchsorted(self._segment_ends, starts, side="right")
        num_pieces = np.searchsorted(self._segment_ends, starts + length - 1, side="right") - first + 1
        instance = np.repeat(np.arange(len(starts)), num_pieces)
        nth_of_instance = np.arange(len(instance)) - np.repeat(np.cumsum(num_pieces) - num_pieces, num_pieces)
        segment = first[instance] + nth_of_instance
        begin = np.maximum(starts[instance], self._segment_starts[segment])
        end = np.minimum(starts[instance] + length, self._segment_ends[segment])
        part = self._segment_parts[segment]
        offset = self._segment_offsets[segment] + begin - self._segment_starts[segment]
        place = instance * length + begin - starts[instance]
        order = np.lexsort((offset, part))
        columns = (column[order].tolist() for column in (part, offset, place, end - begin))
        return [Piece(*row) for row in zip(*columns, strict=True)]

    def close(self) -> None:
        """Give back what is held."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _extents(self, pieces: Iterable[Piece]) -> list[Extent]:
        """Return pieces as bytes."""
        size = self._dtype.itemsize
        return [Extent(part, offset * size, place * size, count * size) for part, offset, place, count in pieces]

    def _require_inside(self, starts: NDArray[np.int64], length: int) -> None:
        if length < 1:
            raise ValueError(f"found length {length}, wanted at least 1 token")
        if starts.size and (starts.min() < 0 or starts.max() > self.num_tokens - length):
            raise ValueError(
                f"found reads of {length} tokens from {starts.min():,} to {starts.max():,}, "
                f"wanted them inside the stream of {self.num_tokens:,} tokens"
            )

    def _require_known_tokens(
        self, instances: NDArray[np.uint16] | NDArray[np.uint32], starts: NDArray[np.int64]
    ) -> None:
        """Refuse ids outside the vocabulary: an embedding would read beyond its table."""
        if instances.size == 0 or instances.max() < self._vocab_size:
            return
        instance, place = np.argwhere(instances >= self._vocab_size)[0]
        position = starts[instance] + place
        part = int(self._segment_parts[np.searchsorted(self._segment_ends, position, side="right")])
        raise MixError(
            f"{self._parts.name(part)}: found token {instances[instance, place]}, wanted ids below the vocabulary "
            f"size {self._vocab_size}; the file was damaged: copy it again"
        )


def _segments(manifest: Manifest) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Return (part, source, first token in the part, tokens) of each stretch that lies in one file, as columns."""
    rows: list[tuple[int, int, int, int]] = []
    first_part = 0
    for number, source in enumerate(manifest.sources):
        rows += [(first_part + each.number, number, each.first_token, each.tokens) for each in segments(source)]
        first_part += len(source.parts)
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    return columns[0], columns[1].astype(np.int32), columns[2], columns[3]
