"""Encoders that a build can use: the `tokenizers` library, which defines the ids, and faster ones."""

import importlib.metadata
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, Protocol, Self

import msgspec
import numpy as np
import tokenizers
from numpy.typing import NDArray

from filters.columns import TextColumn
from pipelines.encoding.added import AddedTokens
from pipelines.encoding.definition import Definition

_CALL_BYTES = 1 << 20  # of texts that are encoded at a time
_MAX_CACHED_TOKENS = 1 << 25  # encoded before gigatoken's cache, which only grows, is emptied: 0.6 GB at the very worst


class Ids(NamedTuple):
    """The ids of texts, one after another.

    Attributes:
        ids: shape (num_tokens,), uint32.
        offsets: text d has `ids[offsets[d]:offsets[d + 1]]`, shape (num_texts + 1,), int64.
    """

    ids: NDArray[np.uint32]
    offsets: NDArray[np.int64]

    @classmethod
    def of_each(cls, encoded: Sequence[NDArray[np.uint32]]) -> Self:
        """Return the ids of texts that were encoded one by one."""
        ids = np.concatenate(encoded) if encoded else np.zeros(0, np.uint32)
        return cls(ids, np.fromiter(accumulate(map(len, encoded), initial=0), np.int64, len(encoded) + 1))

    def of(self, text: int) -> NDArray[np.uint32]:
        """Return the ids of one text."""
        return self.ids[self.offsets[text] : self.offsets[text + 1]]


class Backend(Protocol):
    """Encodes texts as one tokenizer.json says, without special tokens and without reading them in the text.

    Attributes:
        name: the library and its version.
    """

    name: str

    def encode(self, texts: TextColumn) -> Ids:
        """Return the ids of texts."""


class TokenizersBackend:
    """The `tokenizers` library: its ids are the right ones."""

    name = f"tokenizers {tokenizers.__version__}"

    def __init__(self, definition: Definition) -> None:
        self._library = definition.library

    def encode(self, texts: TextColumn) -> Ids:
        """Return the ids of texts."""
        encoded: list[NDArray[np.uint32]] = []
        for group in texts.slices(_CALL_BYTES):
            batch = [group.text(text) for text in range(group.num_documents)]
            encodings = self._library.encode_batch_fast(batch, add_special_tokens=False)
            encoded += [np.array(encoding.ids, np.uint32) for encoding in encodings]
        return Ids.of_each(encoded)


class GigatokenBackend:
    """The gigatoken library, whose own handling of added tokens is replaced: it would read special ones in a text."""

    def __init__(self, definition: Definition) -> None:
        """Load the tokenizer.

        Raises:
            ImportError: The package is not there.
            ValueError: It does not know this kind of tokenizer.
        """
        from gigatoken.gigatoken_rs import load_hf_json

        self.name = f"gigatoken {importlib.metadata.version('gigatoken')}"
        bare = msgspec.json.encode({**definition.json, "added_tokens": [], "post_processor": None}).decode()
        self._load: Callable[[], Any] = lambda: load_hf_json(bare)  # Any: the package has no types for mypy
        self._encode_one: Callable[[bytes], NDArray[np.uint32]] = self._load().encode
        self._num_cached = 0
        self._added = AddedTokens(definition.added)

    def encode(self, texts: TextColumn) -> Ids:
        """Return the ids of texts."""
        found = self._added.find(texts)
        given = {start: np.array([token], np.uint32) for start, _, token in found.tolist()}
        bounds = np.unique(np.concatenate([texts.offsets, found["start"], found["end"]]))
        encoded: list[NDArray[np.uint32]] = []
        for group in TextColumn(texts.data, bounds).slices(_CALL_BYTES):
            encoded += self._encode_group(group, given)
        pieces = Ids.of_each(encoded)
        return Ids(pieces.ids, pieces.offsets[np.searchsorted(bounds, texts.offsets)])

    def _encode_group(self, texts: TextColumn, given: dict[int, NDArray[np.uint32]]) -> list[NDArray[np.uint32]]:
        """Return the ids of pieces of text, of which some are added tokens, known by where they start."""
        if self._num_cached > _MAX_CACHED_TOKENS:
            self._encode_one = self._load().encode
            self._num_cached = 0
        first, last = int(texts.offsets[0]), int(texts.offsets[-1])
        data, encode = texts.data[first:last].tobytes(), self._encode_one
        bounds = (texts.offsets - first).tolist()
        if given:
            pieces = pairwise(bounds)
            encoded = [encode(data[i:k]) if first + i not in given else given[first + i] for i, k in pieces]
        else:
            encoded = [encode(data[i:k]) for i, k in pairwise(bounds)]
        self._num_cached += sum(map(len, encoded))
        return encoded
