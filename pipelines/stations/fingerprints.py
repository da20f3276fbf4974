"""What crosses the shuffle instead of text: packed blocks of fixed-size records, tens of bytes a document."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

MATCH_RECORD = np.dtype(
    [
        ("digest_hi", "<u8"),
        ("digest_lo", "<u8"),
        ("rank", "<u8"),  # the smallest is kept: source order in the top 16 bits, then 48 bits of the id's digest
        ("reference", "<u8"),
    ]
)
"""One document that may have duplicates, as the match station sees it."""

DUPLICATE_RECORD = np.dtype([("document", "<u8"), ("survivor", "<u8")])
"""One duplicate: its number in its unit, and the reference of the document that is kept instead."""

UNIT_SHIFT = 40
"""A reference holds the ordinal of a unit above this bit, and the number of a document in that unit below it."""
NO_DOCUMENT = np.uint64(2**64 - 1)
"""The reference of no document."""
DOCUMENT_MASK = (1 << UNIT_SHIFT) - 1


def pack_reference(unit: int, documents: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return references of documents of one unit: 24 bits of unit ordinal over 40 bits of document number."""
    if unit >= 1 << 24:
        raise ValueError(f"unit {unit:,}: a build can have at most {1 << 24:,} units; raise units.max_bytes")
    return (np.uint64(unit) << np.uint64(UNIT_SHIFT)) | documents.astype(np.uint64)


def unit_of(references: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the unit ordinals of references."""
    return (references >> np.uint64(UNIT_SHIFT)).astype(np.int64)


def document_of(references: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the document numbers, inside their unit, of references."""
    return (references & np.uint64(DOCUMENT_MASK)).astype(np.int64)


def split_by_range(records: NDArray[np.void], num_ranges: int) -> Iterator[tuple[int, bytes]]:
    """Yield (hash range, packed records) for each range that has any; `num_ranges` is a power of two."""
    if not len(records):
        return
    shift = np.uint64(64 - (num_ranges.bit_length() - 1))
    ranges = (records["digest_hi"] >> shift).astype(np.int64) if num_ranges > 1 else np.zeros(len(records), np.int64)
    order = np.argsort(ranges, kind="stable")
    bounds = np.searchsorted(ranges[order], np.arange(num_ranges + 1))
    for number in range(num_ranges):
        if bounds[number] < bounds[number + 1]:
            yield number, records[order[bounds[number] : bounds[number + 1]]].tobytes()


def unpack(blocks: Iterable[bytes], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Return the records of several blocks, in no particular order."""
    return np.frombuffer(b"".join(blocks), dtype)
