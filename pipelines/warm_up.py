"""Compile the kernels that a build may need, so that none of its workers does: `python -m pipelines.warm_up`.

Machine code is kept beside the modules or in NUMBA_CACHE_DIR; images of workers run this once.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context

import numpy as np
import pyarrow as pa

from filters.columns import TextColumn
from filters.warm_up import pieces as filter_pieces
from filters.warm_up import warm_up
from mixes.repeats import has_repeated_ngrams
from pipelines.encoding.added import AddedTokens
from pipelines.encoding.definition import AddedToken
from pipelines.readers.json_scan import PADDING, scan_lines


def main() -> None:
    """Compile with every processor, and say how long each piece took."""
    pieces: dict[str, Callable[[], None]] = {name: partial(warm_up, name) for name in filter_pieces()}
    pieces |= {"JSON lines": _scan_lines, "repeated n-grams": _look_for_repeats, "added tokens": _look_for_added}
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        names = {pool.submit(_seconds_of, piece): name for name, piece in pieces.items()}
        for done in as_completed(names):
            sys.stdout.write(f"{names[done]:<28}{done.result():7.2f} s\n")
            sys.stdout.flush()


def _seconds_of(piece: Callable[[], None]) -> float:
    start = time.perf_counter()
    piece()
    return time.perf_counter() - start


def _scan_lines() -> None:
    scan_lines(b'{"text": "a"}\n' + bytes(PADDING), 0, ("text", "id"), "shard", 1)


def _look_for_repeats() -> None:
    for tokens in (np.zeros(8, np.uint16), np.zeros(8, np.uint32)):
        has_repeated_ngrams(tokens, np.array([0, 8]), max_period=1, min_repeats=2)


def _look_for_added() -> None:
    token = AddedToken(id=0, content="<>", is_special=False, is_plain=True, is_normalized=False)
    AddedTokens([token]).find(TextColumn.from_arrow(pa.array(["text"])))


if __name__ == "__main__":
    main()
