"""Verify: bring the shingles of candidates together, and count what they have in common.

A pair is looked at where its first document, the one that would be kept, leads: all pairs of a leader meet in one
range. Of a range only the leaders' shingles are held in memory; those of the others stream past.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from filters.duplicates.candidates import unique_pairs
from filters.duplicates.jaccard import are_alike
from filters.duplicates.shingles import Shingles, join_shingles
from mixes.spec.dedupe import Fuzzy
from pipelines.earlier import EarlierUnit
from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.stations.fingerprints import document_of, hash_ranges, pack_reference, split_by, unit_of
from pipelines.stations.sign import read_shingles

REQUEST = np.dtype([("document", "<u8"), ("range", "<u4"), ("leads", "<u4")])
"""A document of a unit whose shingles are wanted in a range."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: neighbouring references go to different ranges
_HEAD = np.dtype([("num_documents", "<i8"), ("num_shingles", "<i8")])


def leader_ranges(references: NDArray[np.uint64], num_ranges: int) -> NDArray[np.int64]:
    """Return the range in which the pairs of each leader meet."""
    return hash_ranges(references * _SPREAD, num_ranges)


def pair_blocks(pairs: NDArray[np.void], num_ranges: int) -> Iterator[tuple[int, bytes]]:
    """Yield (range, packed PAIRs) for each range that has any."""
    yield from split_by(pairs, leader_ranges(pairs["first"].copy(), num_ranges))


def request_blocks(pairs: NDArray[np.void], num_ranges: int) -> Iterator[tuple[int, bytes]]:
    """Yield (unit ordinal, packed REQUESTs) for each unit that holds a document of these pairs."""
    ranges = leader_ranges(pairs["first"].copy(), num_ranges)
    requests = np.empty(2 * len(pairs), REQUEST)
    references = np.concatenate([pairs["first"], pairs["second"]])
    requests["document"] = document_of(references)
    requests["range"] = np.concatenate([ranges, ranges])
    requests["leads"] = np.repeat([1, 0], len(pairs))
    yield from split_by(requests, unit_of(references))


def shingle_blocks(
    unit: Unit | EarlierUnit, settings: BuildSettings, requests: NDArray[np.void]
) -> Iterator[tuple[int, bytes]]:
    """Yield (range, block of shingles) for all that is asked of a unit, with leaders apart from others."""
    requests = np.unique(requests)  # by document; a pair found in several bands asks several times
    documents, places = np.unique(requests["document"].astype(np.int64), return_inverse=True)
    first = 0
    for shingles in read_shingles(settings, unit, documents):
        end = first + shingles.num_documents
        wanted = requests[np.searchsorted(places, first) : np.searchsorted(places, end)]
        rows = places[np.searchsorted(places, first) : np.searchsorted(places, end)] - first
        for (number, leads), chosen in _groups(wanted):
            references = pack_reference(unit.ordinal, wanted["document"][chosen].astype(np.int64))
            yield number, _pack(leads, references, shingles.take(rows[chosen]))
        first = end


def _groups(requests: NDArray[np.void]) -> Iterator[tuple[tuple[int, int], NDArray[np.int64]]]:
    """Yield (range, leads) with the places of its requests, for each that has any."""
    keys = requests["range"].astype(np.int64) * 2 + requests["leads"]
    order = np.argsort(keys, kind="stable")
    numbers, starts = np.unique(keys[order], return_index=True)
    for number, chosen in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
        yield (number // 2, number % 2), chosen


def _pack(leads: int, references: NDArray[np.uint64], shingles: Shingles) -> bytes:
    head = np.array([(len(references), len(shingles.hashes))], _HEAD)
    offsets = shingles.offsets.astype("<i8")
    return b"".join(
        [bytes([leads]), head.tobytes(), references.tobytes(), offsets.tobytes(), shingles.hashes.tobytes()]
    )


def _unpack(block: bytes) -> tuple[NDArray[np.uint64], Shingles]:
    """Return the references and the shingles of a block."""
    head = np.frombuffer(block, _HEAD, 1, offset=1)[0]
    num_documents, num_shingles = int(head["num_documents"]), int(head["num_shingles"])
    place = 1 + _HEAD.itemsize
    references = np.frombuffer(block, "<u8", num_documents, place)
    offsets = np.frombuffer(block, "<i8", num_documents + 1, place + 8 * num_documents)
    hashes = np.frombuffer(block, "<u4", num_shingles, place + 8 * (2 * num_documents + 1))
    return references, Shingles(hashes, offsets)


def verify_pairs(
    pairs: NDArray[np.void], blocks: Callable[[], Iterable[bytes]], fuzzy: Fuzzy
) -> Iterator[NDArray[np.void]]:
    """Yield the pairs of one range that are alike, dtype PAIR, some at a time.

    Args:
        pairs: All pairs of the range, in any order and perhaps several times.
        blocks: Gives the blocks of shingles of the range, anew with each call.
        fuzzy: What is alike.
    """
    pairs = unique_pairs(pairs)
    leading = [_unpack(block) for block in blocks() if block[0]]
    leader_references = np.concatenate([np.zeros(0, np.uint64), *(references for references, _ in leading)])
    leaders = join_shingles([shingles for _, shingles in leading])
    order = np.argsort(leader_references)
    leader_places = order[np.searchsorted(leader_references[order], pairs["first"])]
    by_second = np.argsort(pairs["second"], kind="stable")
    seconds = pairs["second"][by_second]
    for block in blocks():
        if block[0]:
            continue
        references, shingles = _unpack(block)
        order = np.argsort(references)
        places = np.minimum(np.searchsorted(references[order], seconds), len(references) - 1)
        here = np.flatnonzero(references[order][places] == seconds)
        chosen, rows = by_second[here], order[places[here]]
        is_alike = are_alike(
            leaders,
            leader_places[chosen],
            shingles,
            rows,
            min_jaccard=fuzzy.min_jaccard,
            min_containment=fuzzy.min_containment,
        )
        yield pairs[chosen[is_alike]]
