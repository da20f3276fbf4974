"""Added tokens in texts: where those stand that a text may give, for encoders that do not know them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filters.columns import TextColumn
from filters.kernels import kernel
from pipelines.encoding.definition import AddedToken

FOUND = np.dtype([("start", np.int64), ("end", np.int64), ("id", np.uint32)])
"""An added token in a column of texts: its bytes in the column's data, and its id."""


class AddedTokens:
    """Finds added tokens from left to right, the longest first; special ones stay text, and hide what overlaps them."""

    def __init__(self, tokens: Sequence[AddedToken]) -> None:
        contents = sorted(((token.content.encode(), token) for token in tokens), key=lambda pair: -len(pair[0]))
        sizes = [len(content) for content, _ in contents]
        self._data = np.frombuffer(b"".join(content for content, _ in contents), np.uint8)
        self._offsets = np.cumsum([0, *sizes])
        self._ids = np.array([-1 if token.is_special else token.id for _, token in contents], np.int64)
        self._begins = np.zeros(1 << 16, np.bool_)  # by the first two bytes
        for content, _ in contents:
            first, second = content[0], content[1:2]
            self._begins[(first << 8) + np.arange(256) if not second else (first << 8) + second[0]] = True

    def find(self, texts: TextColumn) -> NDArray[np.void]:
        """Return the added tokens in texts that are not special, in order, dtype FOUND."""
        found = np.empty(64, FOUND)
        if not (self._ids >= 0).any():
            return found[:0]
        while True:
            count = _find(texts.data, texts.offsets, self._begins, self._data, self._offsets, self._ids, found)
            if count <= len(found):
                return found[:count]
            found = np.empty(count, FOUND)


@kernel
def _find(
    text: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    begins: NDArray[np.bool_],
    contents: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    ids: NDArray[np.int64],
    found: NDArray[np.void],
) -> int:
    """Fill in what is found and return how much there is, which may be more than there is room for."""
    count = 0
    for d in range(len(offsets) - 1):
        i, high = offsets[d], offsets[d + 1]
        while i < high:
            pair = (np.int64(text[i]) << 8) + (np.int64(text[i + 1]) if i + 1 < high else 0)
            which = _token_at(text, i, high, contents, bounds) if begins[pair] else -1
            if which < 0:
                i += 1
                continue
            end = i + bounds[which + 1] - bounds[which]
            if ids[which] >= 0:
                if count < len(found):
                    found[count].start, found[count].end, found[count].id = i, end, ids[which]
                count += 1
            i = end
    return count


@kernel
def _token_at(
    text: NDArray[np.uint8], i: int, high: int, contents: NDArray[np.uint8], bounds: NDArray[np.int64]
) -> int:
    """Return the longest token that begins at a place of a text, -1 where none does."""
    for which in range(len(bounds) - 1):
        size = bounds[which + 1] - bounds[which]
        if size > high - i:
            continue
        k = 0
        while k < size and text[i + k] == contents[bounds[which] + k]:
            k += 1
        if k == size:
            return which
    return -1
