"""Runs of newlines cut to two, as DCLM cuts them."""

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from filters.batches import Batch
from filters.edits import SPAN, Editor
from filters.kernels import kernel

_VERSION = 1  # raised when a span changes for the same text
_ROOM = 1 << 14  # spans that are found in one go
_NEWLINE = np.uint8(ord("\n"))


class CollapseNewlines(Editor):
    """Cuts runs of more than two newlines to two."""

    name = "collapse_newlines"
    doc = "Of more than two newlines (U+000A) in a row, those from the third on go. DCLM, dclm_baseline_refinedweb."
    reasons = ("collapse_newlines",)

    def fingerprint(self) -> str:
        """Return a digest of our version."""
        return hashlib.sha256(json.dumps([_VERSION, "collapse_newlines"]).encode()).hexdigest()[:32]

    def setup(self) -> None:
        """Do nothing: there is nothing to load."""

    def find(self, batch: Batch) -> NDArray[np.void]:
        """Return the spans of all documents, dtype SPAN."""
        found = [np.zeros(0, SPAN)]
        texts = batch.texts
        place = np.array([0, texts.offsets[0]], np.int64)
        while place[0] < texts.num_documents:
            spans = np.empty(_ROOM, SPAN)
            found.append(spans[: _find_newlines(texts.data, texts.offsets, place, spans)])
        return np.concatenate(found)


@kernel
def _find_newlines(
    text: NDArray[np.uint8], offsets: NDArray[np.int64], place: NDArray[np.int64], spans: NDArray[np.void]
) -> int:
    """Fill in spans from a place, a document and a byte, until they are full; return how many there are."""
    num_spans = 0
    for d in range(place[0], len(offsets) - 1):
        i, end = max(place[1], offsets[d]), offsets[d + 1]
        while i < end:
            if text[i] != _NEWLINE:
                i += 1
                continue
            start = i
            while i < end and text[i] == _NEWLINE:
                i += 1
            if i - start > 2:
                span = spans[num_spans]
                span.document, span.start, span.end, span.reason = d, start + 2 - offsets[d], i - offsets[d], 0
                num_spans += 1
                if num_spans == len(spans):
                    place[0], place[1] = d, i
                    return num_spans
    place[0] = len(offsets) - 1
    return num_spans
