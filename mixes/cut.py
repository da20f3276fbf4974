"""The cut: how much of each part is seen so that a source gives the tokens wanted of it, to the document.

The documents of a source have one order: by sampling key, then by part, then by place in the part. The cut takes the
longest beginning of that order that has at most so many tokens; as every part lies in the order of its keys, what is
taken of a part is a prefix.

Sampling keys are hashes, so how many documents lie below a key is known in advance but for chance. The search guesses
two keys around the cut, finds in the key file of each part the row where they would stand, by one small read each, and
does so again between them until few rows are left; those are read and put in order. What it reads is about the square
root of what there is.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixes.errors import MixError
from mixes.manifest import PartEntry
from mixes.parts import INDEX_SUFFIX, KEY_ROW, TOKENS_SUFFIX, PartSummary, are_sound

MAX_ROWS = 1 << 20
"""Documents around the cut that are put in order at once: 32 bytes each, and as much again to sort them."""

_ALL_KEYS = 1 << 64
_COLUMNS = ("documents", "tokens", "bytes")
_WIDTH = 4.0  # standard deviations, half of what is read around the place where a key is expected in a part
_MARGIN = 8.0  # the same around the cut; lengths of documents vary, so their sums do more than their number


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """What the first documents of a part hold."""

    documents: int
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a source is cut.

    Attributes:
        cut_key: sampling key of the first document left out; all with smaller keys are in, none with larger ones.
        prefixes: what is in, for each part.
    """

    cut_key: int
    prefixes: tuple[Prefix, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """The key file of one part, see `mixes/parts.py`, and what its part holds.

    Attributes:
        name: the file, for messages.
        whole: all documents of the part.
        read: returns a number of bytes of the file from an offset on; called in several threads at once.
    """

    name: str
    whole: Prefix
    read: Callable[[int, int], bytes]

    def rows(self, first: int, end: int) -> NDArray[np.void]:
        """Return rows [first, end), dtype KEY_ROW.

        Raises:
            MixError: the file does not have them, or not as they were written.
        """
        if first == end:
            return np.zeros(0, KEY_ROW)
        offset, size = first * KEY_ROW.itemsize, (end - first) * KEY_ROW.itemsize
        data = self.read(offset, size)
        if len(data) != size:
            raise MixError(
                f"{self.name}: found {offset + len(data):,} bytes, wanted those of {self.whole.documents:,} documents, "
                f"{KEY_ROW.itemsize} each; remove it and build again: it is made anew from the index of its part"
            )
        rows = np.frombuffer(data, KEY_ROW)
        if not are_sound(rows):
            raise MixError(
                f"{self.name}: found damage in the rows of documents {first:,} to {end - 1:,}; remove the file and "
                "build again: it is made anew from the index of its part"
            )
        return rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Level:
    """A sampling key in [0, 2**64], and what lies below it in each part, shape (num_parts, 3), int64: _COLUMNS."""

    key: int
    below: NDArray[np.int64]

    @property
    def documents(self) -> int:
        return int(self.below[:, 0].sum())

    @property
    def tokens(self) -> int:
        return int(self.below[:, 1].sum())


def find_cut(parts: Sequence[KeyFile], tokens: int, *, max_rows: int = MAX_ROWS, num_threads: int = 1) -> Cut:
    """Return the longest beginning of a source's order that has at most `tokens` tokens.

    Args:
        parts: the key files of all parts of the source, in the order of its parts.
        tokens: tokens wanted, at least 0 and fewer than all parts have together: something is left out.
        max_rows: documents that are put in order at once; more only where they share one key.
        num_threads: reads under way at once; more than one pays where a read is a request to a store.

    Raises:
        ValueError: nothing would be left out.
        MixError: a key file is cut, or contradicts what its part holds.
    """
    whole = np.array([[getattr(part.whole, name) for name in _COLUMNS] for part in parts], np.int64).reshape(-1, 3)
    low, high = _Level(key=0, below=np.zeros_like(whole)), _Level(key=_ALL_KEYS, below=whole)
    if not 0 <= tokens < high.tokens:
        raise ValueError(f"found tokens {tokens}, wanted 0 or more and fewer than {high.tokens}")
    with ThreadPoolExecutor(num_threads) as threads:
        search = _Search(parts, threads if num_threads > 1 else None)
        is_even = True
        while (num_rows := high.documents - low.documents) > max_rows and high.key - low.key > 1:
            for key in _guesses(low, high, tokens) if is_even else [(low.key + high.key) // 2]:
                level = search.level(key, low, high)
                if level.tokens > tokens:
                    high = level
                    break
                low = level
            is_even = 4 * (high.documents - low.documents) <= num_rows  # else halve: the keys are not as expected
        return _cut_between(search.rows(low, high), low, tokens)


def find_below(parts: Sequence[KeyFile], key: int, *, num_threads: int = 1) -> tuple[Prefix, ...]:
    """Return what each part holds of the documents whose sampling keys are smaller than `key`, in [0, 2**64].

    Raises:
        MixError: a key file is cut.
    """
    share = key / _ALL_KEYS
    with ThreadPoolExecutor(num_threads) as threads:
        search = threads.map if num_threads > 1 else map
        found = search(lambda part: _below(part, key, 0, part.whole.documents, share), parts)
        return tuple(Prefix(documents=documents, tokens=tokens, bytes=size) for documents, tokens, size in found)


def part_entry(stem: str, summary: PartSummary, front: Prefix, through: Prefix) -> PartEntry:
    """Return the manifest's entry of a part.

    Args:
        stem: its files below OUTPUT, without their endings.
        summary: what they hold.
        front: what is held out of it.
        through: that, and the prefix that is seen after it.
    """
    return PartEntry(
        file=stem + TOKENS_SUFFIX,
        index=stem + INDEX_SUFFIX,
        size=summary.token_file.size,
        digest=summary.token_file.digest,
        index_digest=summary.index_file.digest,
        tokens=summary.tokens,
        documents=summary.documents,
        bytes=summary.bytes,
        held_out_tokens=front.tokens,
        held_out_documents=front.documents,
        held_out_bytes=front.bytes,
        prefix_tokens=through.tokens - front.tokens,
        prefix_documents=through.documents - front.documents,
        prefix_bytes=through.bytes - front.bytes,
    )


def _guesses(low: _Level, high: _Level, tokens: int) -> list[int]:
    """Return keys between two levels, rising, that most likely have the cut between them."""
    share = (tokens - low.tokens) / (high.tokens - low.tokens)
    margin = _MARGIN / math.sqrt(high.documents - low.documents)
    span = high.key - low.key
    guesses = {low.key + int(span * min(max(place, 0.0), 1.0)) for place in (share - margin, share + margin)}
    return sorted(key for key in guesses if low.key < key < high.key) or [(low.key + high.key) // 2]


class _Search:
    """Looks into the key files of a source's parts, all of them at a time."""

    def __init__(self, parts: Sequence[KeyFile], threads: ThreadPoolExecutor | None) -> None:
        self._parts = parts
        self._map = threads.map if threads else map

    def level(self, key: int, low: _Level, high: _Level) -> _Level:
        """Return what lies below a key, given levels below and above it."""
        share = (key - low.key) / (high.key - low.key)
        firsts, ends = low.below[:, 0].tolist(), high.below[:, 0].tolist()

        def look(part: KeyFile, first: int, end: int) -> tuple[int, int, int]:
            return _below(part, key, first, end, share)

        found = list(self._map(look, self._parts, firsts, ends))
        return _Level(key=key, below=np.array(found, np.int64).reshape(-1, 3))

    def rows(self, low: _Level, high: _Level) -> list[NDArray[np.void]]:
        """Return the rows of each part between two levels."""
        return list(self._map(KeyFile.rows, self._parts, low.below[:, 0].tolist(), high.below[:, 0].tolist()))


def _below(part: KeyFile, key: int, first: int, end: int, share: float) -> tuple[int, int, int]:
    """Return documents, tokens and bytes of a part below a key.

    Args:
        part: the key file.
        key: the key.
        first: rows that are known to lie below it.
        end: rows beyond which none does.
        share: of the rows between those, how many are expected to lie below it.
    """
    while True:
        expected = first + (end - first) * share
        width = 1 + _WIDTH * math.sqrt((end - first) * share * (1 - share))
        start, stop = max(0, int(expected - width)), min(part.whole.documents, int(expected + width) + 1)
        rows = part.rows(start, stop)
        keys = rows["key"]
        if start > first and int(keys[0]) >= key:
            end, share = start, 0.5  # halve from here on
        elif stop < end and int(keys[-1]) < key:
            first, share = stop, 0.5
        else:
            place = int(np.searchsorted(keys, np.uint64(key)))
            if start + place == 0:
                return 0, 0, 0
            return start + place, int(rows["tokens"][place - 1]), int(rows["bytes"][place - 1])


def _cut_between(rows: Sequence[NDArray[np.void]], low: _Level, tokens: int) -> Cut:
    """Return the cut among the rows of each part above a level that is known to lie below it."""
    keys = np.concatenate([each["key"] for each in rows])
    part_of = np.repeat(np.arange(len(rows)), [len(each) for each in rows])
    lengths = np.concatenate(
        [
            np.diff(each["tokens"].astype(np.int64), prepend=held)
            for each, held in zip(rows, low.below[:, 1], strict=True)
        ]
    )
    order = np.argsort(keys, kind="stable")  # stable: equal keys stay in the order of part and place
    num_taken = int(np.searchsorted(np.cumsum(lengths[order]), tokens - low.tokens, side="right"))
    if num_taken == len(keys) or lengths.min() < 1:
        raise MixError("found key files that contradict what their parts hold; remove them and build again")
    taken = np.bincount(part_of[order[:num_taken]], minlength=len(rows)).tolist()
    prefixes = tuple(_prefix(*each) for each in zip(rows, low.below.tolist(), taken, strict=True))
    return Cut(cut_key=int(keys[order[num_taken]]), prefixes=prefixes)


def _prefix(rows: NDArray[np.void], before: Sequence[int], num_taken: int) -> Prefix:
    """Return what a part holds through the first of some rows, given what it holds before them, as in _COLUMNS."""
    if num_taken == 0:
        return Prefix(documents=before[0], tokens=before[1], bytes=before[2])
    last = rows[num_taken - 1]
    return Prefix(documents=before[0] + num_taken, tokens=int(last["tokens"]), bytes=int(last["bytes"]))
