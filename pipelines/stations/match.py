"""Match: find equal digests in one hash range and name the survivor of each cluster."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipelines.stations.fingerprints import DUPLICATE_RECORD, document_of, unit_of


def find_exact_duplicates(records: NDArray[np.void]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the references of all duplicates and, for each, of the survivor of its cluster.

    A cluster is all documents of equal text digest; its survivor has the smallest (rank, reference).
    The order of `records` does not matter. Clusters of one give nothing.
    """
    order = np.lexsort((records["reference"], records["rank"], records["digest_lo"], records["digest_hi"]))
    high, low = records["digest_hi"][order], records["digest_lo"][order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    references = records["reference"][order]
    survivors = references[is_first][np.cumsum(is_first) - 1]
    return references[~is_first], survivors[~is_first]


def pack_by_unit(duplicates: NDArray[np.uint64], survivors: NDArray[np.uint64]) -> Iterator[tuple[int, bytes]]:
    """Yield (unit ordinal, packed duplicates) for each unit that holds any."""
    if not len(duplicates):
        return
    units = unit_of(duplicates)
    order = np.argsort(units, kind="stable")
    ordinals, starts = np.unique(units[order], return_index=True)
    ends = np.append(starts[1:], len(order))
    for ordinal, start, end in zip(ordinals.tolist(), starts, ends, strict=True):
        rows = order[start:end]
        packed = np.zeros(len(rows), DUPLICATE_RECORD)
        packed["document"] = document_of(duplicates[rows])
        packed["survivor"] = survivors[rows]
        yield ordinal, packed.tobytes()
