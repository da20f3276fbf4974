"""From encoded documents to parts: tokens are collected by split, and written when they would fill a part."""

from array import array
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.kernels import kernel
from mixes.hashing import sampling_keys
from mixes.parts import PartDocuments, write_part
from mixes.token_ids import token_dtype
from pipelines.encoding.encoder import EncodedTexts, TextEncoder
from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.stations.judge import JudgedUnit, number_column
from pipelines.stations.measured import Measured
from pipelines.stations.unit_tokens import UnitPart, UnitTokens
from pipelines.storage import publish


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitIndex:
    """What the index of a part says of the documents of a unit, shape (num_documents,) each; ids stay in their file."""

    keys: NDArray[np.uint64]
    rows: NDArray[np.int64]
    bytes: NDArray[np.int64]  # after span edits
    shards: NDArray[np.int32]
    shard_names: pa.Array
    measured: Measured

    @classmethod
    def of(cls, unit: Unit, judged: JudgedUnit, settings: BuildSettings) -> Self:
        """Return what judging knows of a unit, read with TOKEN_COLUMNS."""
        digests = judged.digests
        return cls(
            keys=sampling_keys(digests[:, 0], digests[:, 1], settings.spec.seed),
            rows=number_column(judged.table, "row"),
            bytes=judged.edited_bytes,
            shards=number_column(judged.table, "shard"),
            shard_names=pa.array([shard["name"] for shard in judged.shards], pa.string()),
            measured=Measured(unit, settings),
        )

    def take(self, documents: NDArray[np.int64], lengths: NDArray[np.int64]) -> PartDocuments:
        """Return the documents of a part, given by rising numbers, each with its tokens, EOS included."""
        return PartDocuments(
            starts=np.cumsum(lengths) - lengths,
            lengths=lengths,
            keys=self.keys[documents],
            ids=self.measured.take(documents, ["id"]).column("id").combine_chunks(),
            shards=pa.DictionaryArray.from_arrays(self.shards[documents], self.shard_names),
            rows=self.rows[documents],
            bytes=self.bytes[documents],
        )


class _Buffer:
    """The tokens of documents of one split that wait for their part."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.tokens = np.empty(1 << 16, dtype)
        self.num_tokens = 0
        self.documents = array("q")
        self.lengths = array("q")  # with EOS

    def add(
        self,
        encoded: EncodedTexts,
        texts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        documents: NDArray[np.int64],
        *,
        eos_id: int,
        max_tokens: int,
    ) -> None:
        """Take some of the texts; room doubles up to `max_tokens`: memory that was never written to costs nothing."""
        start, end = self.num_tokens, self.num_tokens + int(lengths.sum())
        if end > len(self.tokens):
            larger = np.empty(max(end, min(2 * len(self.tokens), max_tokens)), self.tokens.dtype)
            larger[:start] = self.tokens[:start]
            self.tokens = larger
        _lay_down(encoded.ids, encoded.offsets[texts], lengths, eos_id, self.tokens[start:end])
        self.num_tokens = end
        self.documents.frombytes(documents.tobytes())
        self.lengths.frombytes(lengths.tobytes())


@kernel
def _lay_down(
    ids: NDArray[np.uint32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    eos_id: int,
    tokens: NDArray[np.unsignedinteger[Any]],
) -> None:
    """Write documents one after another, each with EOS, which its length counts."""
    place = 0
    for d in range(len(starts)):
        for k in range(lengths[d] - 1):
            tokens[place + k] = ids[starts[d] + k]
        place += lengths[d]
        tokens[place - 1] = eos_id


class PartWriter:
    """Collects the tokens of kept documents by split, and writes the largest part when all together would fill one."""

    def __init__(
        self, settings: BuildSettings, stem: str, encoder: TextEncoder, index: UnitIndex, splits: NDArray[np.int64]
    ) -> None:
        self.dropped: list[tuple[int, str]] = []
        self._settings = settings
        self._stem = stem
        self._encoder = encoder
        self._index = index
        self._splits = splits
        self._parts: list[UnitPart] = []
        self._token_lengths: dict[int, int] = {}
        self._buffers: dict[int, _Buffer] = {}
        self._num_tokens = 0  # in all buffers

    def add(self, encoded: EncodedTexts, texts: NDArray[np.int64], documents: NDArray[np.int64]) -> None:
        """Take some of the texts that were encoded together, and their numbers in the unit, which rise."""
        max_tokens = self._settings.spec.parts.max_tokens
        lengths = encoded.offsets[texts + 1] - encoded.offsets[texts] + 1  # with EOS
        logarithms, counts = np.unique(np.frexp(lengths)[1] - 1, return_counts=True)
        for logarithm, count in zip(logarithms.tolist(), counts.tolist(), strict=True):
            self._token_lengths[logarithm] = self._token_lengths.get(logarithm, 0) + count
        ends = np.cumsum(lengths)
        first = taken = 0
        while first < len(texts):
            full = int(np.searchsorted(ends, taken + max_tokens - self._num_tokens))  # the one that fills a part
            end = min(full + 1, len(texts))
            self._collect(encoded, texts[first:end], lengths[first:end], documents[first:end])
            first, taken = end, int(ends[end - 1])
            if self._num_tokens >= max_tokens:
                self._flush(max(self._buffers, key=lambda split: (self._buffers[split].num_tokens, -split)))

    def _collect(
        self,
        encoded: EncodedTexts,
        texts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        documents: NDArray[np.int64],
    ) -> None:
        split_of = self._splits[documents]
        for split in np.unique(split_of).tolist():
            chosen = split_of == split
            if split not in self._buffers:
                self._buffers[split] = _Buffer(token_dtype(self._encoder.vocab_size))
            self._buffers[split].add(
                encoded,
                texts[chosen],
                lengths[chosen],
                documents[chosen],
                eos_id=self._encoder.eos_id,
                max_tokens=self._settings.spec.parts.max_tokens,
            )
        self._num_tokens += int(lengths.sum())

    def finish(self) -> UnitTokens:
        """Write what is left and return all that the unit gave."""
        for split in sorted(self._buffers):
            self._flush(split)
        lengths = dict(sorted(self._token_lengths.items()))
        return UnitTokens(
            parts=tuple(self._parts),
            dropped=tuple(self.dropped),
            token_lengths=lengths,
            backend=self._encoder.name,
        )

    def _flush(self, split: int) -> None:
        buffer = self._buffers.pop(split)
        self._num_tokens -= buffer.num_tokens
        documents, lengths = np.array(buffer.documents, np.int64), np.array(buffer.lengths, np.int64)
        stem = f"{self._stem}-{len(self._parts):05d}"
        summary = write_part(
            stem,
            buffer.tokens[: buffer.num_tokens],
            self._index.take(documents, lengths),
            vocab_size=self._encoder.vocab_size,
            eos_id=self._encoder.eos_id,
            publish=lambda name, write: publish(self._settings.uri(name), write),
        )
        self._parts.append(UnitPart(stem, summary, split))
