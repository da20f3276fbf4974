"""Long texts, cut where the tokenizer's own rules cut, so that the ids of the pieces are those of the text.

What the encoders need of memory grows with the text they are given; pieces bound it. Where a text may be cut is the
same for every encoder, and so is which text is given up because it has no such place.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.columns import TextColumn
from pipelines.encoding.definition import Definition

_WINDOW = 65_536  # characters that are cut off at a time: the tokenizers library needs ~120 bytes a character
_MAX_UNBROKEN = 1_048_576  # characters without a place to cut before a text is given up
_MARGIN = 16  # characters that a pre-tokenizer's pattern may look past a boundary
_NEAR = 4_096  # characters before the end of a window in which a plain break is looked for
_PLAIN_BREAK = re.compile("(?<=[A-Za-z]) (?=[A-Za-z])")
_PROBE = "It is a way OF checking, an odd one; see if the word ends Before a Space does. No 1 is a b\nc d  e f"


class Pieces(NamedTuple):
    """Texts in pieces.

    Attributes:
        texts: the pieces of all texts, one after another.
        counts: how many pieces each text has, shape (num_texts,), int64.
        given_up: texts that cannot be cut and have no pieces, shape (num_texts,).
    """

    texts: TextColumn
    counts: NDArray[np.int64]
    given_up: NDArray[np.bool_]


class UnbrokenTextError(ValueError):
    """A text has a run of more than a million characters that the pre-tokenizer does not split."""


class Cutter:
    """Cuts texts for one tokenizer."""

    def __init__(self, definition: Definition) -> None:
        self._library = definition.library
        self._added = [token.content for token in definition.added]
        self._reach = max(map(len, self._added), default=1)
        self._can_cut = _can_cut(definition)
        self._cuts_plainly = self._can_cut and self._cuts_at_plain_breaks()

    def cut(self, texts: TextColumn) -> Pieces:
        """Return pieces of texts whose ids, joined, are those of the texts; one where a text is short enough."""
        counts, given_up = np.ones(texts.num_documents, np.int64), np.zeros(texts.num_documents, np.bool_)
        is_long = np.diff(texts.offsets) > 2 * _WINDOW
        if not self._can_cut or not is_long.any():
            return Pieces(texts, counts, given_up)
        texts = self._normalized(texts, is_long)
        offsets = [texts.offsets]
        for text in np.flatnonzero(is_long).tolist():
            try:
                sizes = [len(piece.encode()) for piece in self._pieces(texts.text(text))]
            except UnbrokenTextError:
                counts[text], given_up[text] = 0, True
            else:
                counts[text] = len(sizes)
                offsets.append(texts.offsets[text] + np.cumsum(sizes[:-1], dtype=np.int64))
        pieces = TextColumn(texts.data, np.sort(np.concatenate(offsets)))
        return Pieces(_without(pieces, given_up, counts), counts, given_up)

    def _normalized(self, texts: TextColumn, is_long: NDArray[np.bool_]) -> TextColumn:
        """Return texts of which the long ones are normalised: NFC, and of its pieces each is normal too."""
        normalizer = self._library.normalizer
        if normalizer is None:
            return texts
        each = [texts.text(text) for text in range(texts.num_documents)]
        for text in np.flatnonzero(is_long).tolist():
            each[text] = normalizer.normalize_str(each[text])
        return TextColumn.from_arrow(pa.array(each, pa.large_string()))

    def _pieces(self, text: str) -> Iterator[str]:
        start = 0
        while len(text) - start > 2 * _WINDOW:
            end = self._plain_break(text, start) or self._boundary(text, start)
            yield text[start:end]
            start = end
        yield text[start:]

    def _plain_break(self, text: str, start: int) -> int | None:
        """Return the last single space between letters near the end of the next window, None where there is none."""
        if not self._cuts_plainly:
            return None
        end = start + _WINDOW
        places = [found.start() for found in _PLAIN_BREAK.finditer(text, max(start + 1, end - _NEAR), end)]
        return next((place for place in reversed(places) if not self._is_inside_added(text, place)), None)

    def _boundary(self, text: str, start: int) -> int:
        """Return the last place in the next window where the pre-tokenizer cuts, whatever follows the window.

        A pattern that matches from left to right cuts there too when it sees the whole text, if something other
        than white space stands between the place and the end of the window. The patterns in use look ahead only
        behind white space, so none may stand before the place: what is left of it must not see that it ends.
        """
        size = _WINDOW
        while True:
            window = text[start : start + size]
            place: int
            for _, (place, _end) in reversed(self._library.pre_tokenizer.pre_tokenize_str(window)):
                rest = window[place : len(window) - _MARGIN]
                is_safe = place > 0 and rest.strip() and not window[place - 1].isspace()
                if is_safe and not self._is_inside_added(text, start + place):
                    return start + place
            if start + size >= len(text):
                return len(text)
            if size >= _MAX_UNBROKEN:
                raise UnbrokenTextError
            size *= 2

    def _is_inside_added(self, text: str, place: int) -> bool:
        around = text[max(0, place - self._reach + 1) : place + self._reach - 1]
        return any(content in around for content in self._added)

    def _cuts_at_plain_breaks(self) -> bool:
        """Return whether this pre-tokenizer cuts before a single space between letters, as nearly all of them do."""
        starts = {place for _, (place, _end) in self._library.pre_tokenizer.pre_tokenize_str(_PROBE)}
        return all(found.start() in starts for found in _PLAIN_BREAK.finditer(_PROBE))


def _without(pieces: TextColumn, given_up: NDArray[np.bool_], counts: NDArray[np.int64]) -> TextColumn:
    """Return the pieces of the texts that were not given up, whose one piece each is the whole text."""
    if not given_up.any():
        return pieces
    stays = np.repeat(~given_up, np.where(given_up, 1, counts))
    return TextColumn.from_arrow(pieces.to_arrow().filter(pa.array(stays)))


def _can_cut(definition: Definition) -> bool:
    """Return True when cutting a text where the pre-tokenizer cuts cannot change the ids."""
    normalizer, pre_tokenizer = definition.json.get("normalizer"), definition.json.get("pre_tokenizer")
    if (normalizer is not None and normalizer["type"] != "NFC") or pre_tokenizer is None:
        return False
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    return all(step["type"] in ("Split", "ByteLevel", "Digits") and not step.get("add_prefix_space") for step in steps)
