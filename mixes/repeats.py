"""Repeated n-grams over tokens: the documents and instances that say one thing over and over.

OLMo 2 (OLMo team, 2024, "2 OLMo 2 Furious", section 3.1) drops a document, and masks the loss of a training
instance, that has an n-gram of 1 to 13 tokens repeated 32 or more times in a row. This is the one definition,
for pipeline and trainer.
"""

import numpy as np
from numpy.typing import NDArray

from mixes.kernels import kernel

MAX_PERIOD = 13
MIN_REPEATS = 32


def has_repeated_ngrams(
    tokens: NDArray[np.uint16] | NDArray[np.uint32] | NDArray[np.int64],
    offsets: NDArray[np.int64],
    *,
    max_period: int = MAX_PERIOD,
    min_repeats: int = MIN_REPEATS,
) -> NDArray[np.bool_]:
    """Return True for each document with `min_repeats` copies of one n-gram in a row, shape (num_documents,).

    In closed form: for some period p in [1, max_period], at least `(min_repeats - 1) * p` neighbouring i have
    `tokens[i] == tokens[i + p]`, both inside the document. A document without tokens gives False.

    Args:
        tokens: the token ids of all documents, one after another, shape (num_tokens,).
        offsets: document d is `tokens[offsets[d]:offsets[d + 1]]`; rising, shape (num_documents + 1,).
        max_period: longest n-gram, in tokens, at least 1.
        min_repeats: copies in a row that fail a document, at least 2.

    Raises:
        ValueError: a bound is too small, or the offsets do not rise within the tokens.
    """
    if max_period < 1 or min_repeats < 2:
        raise ValueError(f"found max_period {max_period}, min_repeats {min_repeats}; wanted at least 1 and 2")
    if len(offsets) == 0 or offsets[0] < 0 or offsets[-1] > len(tokens) or np.any(np.diff(offsets) < 0):
        raise ValueError(f"found offsets that do not rise within [0, {len(tokens)}]")
    return _repeats_of_documents(np.ascontiguousarray(tokens), offsets, max_period, min_repeats)


@kernel
def _repeats_of_documents(
    tokens: NDArray[np.uint32], offsets: NDArray[np.int64], max_period: int, min_repeats: int
) -> NDArray[np.bool_]:
    found = np.zeros(len(offsets) - 1, dtype=np.bool_)
    for document in range(len(found)):
        for period in range(1, max_period + 1):
            run = (min_repeats - 1) * period
            if _has_run(tokens, offsets[document], offsets[document + 1], period, run):
                found[document] = True
                break
    return found


@kernel
def _has_run(tokens: NDArray[np.uint32], start: int, end: int, period: int, run: int) -> bool:
    """Return whether `run` neighbouring i in [start, end - period) have tokens[i] == tokens[i + period].

    Tries the run that begins at `first` from its last place backwards. A mismatch at i rules out every run through
    i, so the next one to try begins at i + 1: in ordinary text one comparison rules out `run` beginnings. No place
    is compared more than twice, as only a run that is found reaches back to places seen equal before.
    """
    first = start
    while first + run + period <= end:
        i = first + run - 1
        while i >= first and tokens[i] == tokens[i + period]:
            i -= 1
        if i < first:
            return True
        first = i + 1
    return False
