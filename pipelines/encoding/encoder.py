"""Encode the texts of a batch: a proven fast encoder does the work, the tokenizers library looks over its shoulder."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.columns import TextColumn
from pipelines.encoding.backends import Backend, Ids, TokenizersBackend
from pipelines.encoding.cutting import Cutter
from pipelines.encoding.definition import Definition, TokenizerFile
from pipelines.encoding.proof import Choice, Wanted, are_settled, choose, describe_difference, vector_digest

FIRST_COMPARED_BYTES = 16_384
"""Of text at the beginning of each unit, about, that is encoded twice."""
ONE_COMPARED_IN = 4_096
"""Of the texts after that, or pieces of long ones, one in so many is."""


class EncodersDifferError(ValueError):
    """A fast encoder that was proven equal gave other ids for a text; what it did for this unit is done again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedTexts:
    """The ids of texts, one after another.

    Attributes:
        ids: shape (num_tokens,), uint32.
        offsets: text d has `ids[offsets[d]:offsets[d + 1]]`, shape (num_texts + 1,), int64.
        given_up: texts that cannot be encoded in bounded memory and have no ids, shape (num_texts,).
    """

    ids: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    given_up: NDArray[np.bool_]

    def of(self, text: int) -> NDArray[np.uint32]:
        """Return the ids of one text."""
        return self.ids[self.offsets[text] : self.offsets[text + 1]]


class TextEncoder:
    """Encode texts as the tokenizer.json says, without special tokens and without reading them in the text.

    Attributes:
        definition: the tokenizer.
        vocab_size: the largest id plus one.
        eos_id: the id that ends each document.
        fallback: why no faster encoder is used where the spec leaves the choice; empty where one is.
    """

    def __init__(self, file: TokenizerFile, eos: str, wanted: Wanted = "auto") -> None:
        """Load the tokenizer and prove the encoder.

        Raises:
            DataError: The library refuses the file, the end-of-document token is not in it, or the encoder that is
                asked for is not there or not equal.
        """
        self.definition, choice = _load(file, wanted)
        self.vocab_size = self.definition.vocab_size
        self.eos_id = self.definition.id_of(eos, "tokenizer.eos")
        self._cutter = Cutter(self.definition)
        self._reference = TokenizersBackend(self.definition)
        self._faster: Backend | None = choice.faster
        self.fallback = choice.reason
        self._num_pieces = 0  # of this unit
        self._compared_bytes = 0

    @property
    def name(self) -> str:
        """Return the library that encodes and its version."""
        return self._faster.name if self._faster else self._reference.name

    @property
    def library(self) -> str:
        """Return the library that defines the ids and its version."""
        return self._reference.name

    def vector_digest(self) -> str:
        """Return the digest of the ids of the stored strings: what the library makes of the tokenizer.json."""
        return vector_digest(self.definition)

    def start_unit(self) -> None:
        """Begin another unit, whose first texts are encoded twice."""
        self._num_pieces, self._compared_bytes = 0, 0

    def fall_back(self, reason: str) -> None:
        """Leave all that follows to the tokenizers library."""
        self._faster, self.fallback = None, reason

    def encode(self, texts: TextColumn) -> EncodedTexts:
        """Return the ids of texts.

        Long texts are encoded in pieces cut where the pre-tokenizer cuts anyway, so that the ids are the same.

        Raises:
            EncodersDifferError: The fast encoder gave other ids than the tokenizers library for a text looked at twice.
        """
        pieces = self._cutter.cut(texts)
        encoded = self._encode_pieces(pieces.texts, np.repeat(are_settled(texts), pieces.counts))
        ends = np.concatenate([[0], np.cumsum(pieces.counts)])
        return EncodedTexts(ids=encoded.ids, offsets=encoded.offsets[ends], given_up=pieces.given_up)

    def _encode_pieces(self, pieces: TextColumn, settled: NDArray[np.bool_]) -> Ids:
        if self._faster is None:
            return self._reference.encode(pieces)
        if settled.all():
            encoded = self._faster.encode(pieces)
        else:
            fast, slow = self._faster.encode(_some(pieces, settled)), self._reference.encode(_some(pieces, ~settled))
            place = np.where(settled, np.cumsum(settled), np.cumsum(~settled)) - 1
            chosen = zip(settled.tolist(), place.tolist(), strict=True)
            encoded = Ids.of_each([(fast if is_settled else slow).of(each) for is_settled, each in chosen])
        self._compare(pieces, encoded)
        return encoded

    def _compare(self, pieces: TextColumn, encoded: Ids) -> None:
        """Encode some pieces again with the tokenizers library: the first of each unit, and a few of all others."""
        before = self._compared_bytes + pieces.offsets[:-1] - pieces.offsets[0]
        is_one_of_many = (self._num_pieces + np.arange(len(before))) % ONE_COMPARED_IN == 0
        is_chosen = (before < FIRST_COMPARED_BYTES) | is_one_of_many
        compared = _some(pieces, is_chosen)
        self._num_pieces += len(before)
        self._compared_bytes += compared.num_bytes
        right = self._reference.encode(compared)
        for number, place in enumerate(np.flatnonzero(is_chosen).tolist()):
            if not np.array_equal(encoded.of(place), right.of(number)):
                told = describe_difference(compared.text(number).encode(), encoded.of(place), right.of(number))
                raise EncodersDifferError(f"{self.name} {told}")


@lru_cache(maxsize=1)
def _load(file: TokenizerFile, wanted: Wanted) -> tuple[Definition, Choice]:
    """Load a tokenizer and choose what encodes, which takes a second: once in a process and those forked from it."""
    definition = Definition(file)
    return definition, choose(definition, wanted)


def _some(texts: TextColumn, is_chosen: NDArray[np.bool_]) -> TextColumn:
    return TextColumn.from_arrow(texts.to_arrow().filter(pa.array(is_chosen)))
