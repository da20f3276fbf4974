"""Rows of subwords, the n-grams of characters of `<word>`, of which a text has several to each of its characters.

Words of ASCII are gathered, and all their n-grams hashed at once, in loops without a branch that processors do several
steps at a time of; other words are taken one by one. What comes of a text depends on it alone, down to the order.
"""

import numpy as np
from numpy.typing import NDArray

from filters.kernels import kernel

FNV_START = np.uint32(2_166_136_261)
_FNV_PRIME = np.uint32(16_777_619)
_SIGN_BIT = np.uint32(0x80)
_SIGN_BITS = np.uint32(0xFFFFFF00)
_BEGIN_OF_WORD, _END_OF_WORD = np.uint8(ord("<")), np.uint8(ord(">"))
_CONTINUES = np.uint8(0xC0)  # the two high bits of a byte that continues a character are 10
_CONTINUED = np.uint8(0x80)
WORDS = 256  # that are gathered at a time
_BLOCK = 1_024  # bytes of gathered words, at most: what is made of them stays in the nearest cache


# Tuples, not classes: numba keeps the types of arguments beside its machine code, where a class that was renamed since
# cannot be read.
Buckets = tuple[NDArray[np.int32], NDArray[np.uint8], int, int, int, int]
"""The buckets of a model.

Row of each bucket among those of buckets, -1 where a pruned model has none; a bit for each, the lowest first, whether
it has one (both empty where each bucket has its own row); rows before those of buckets; the number of buckets;
characters of the shortest and of the longest subword, 0 where there are none.
"""

Room = tuple[
    NDArray[np.int64],
    NDArray[np.uint8],
    NDArray[np.int32],
    NDArray[np.uint32],
    NDArray[np.int32],
    NDArray[np.uint8],
]
"""Words, and room for what is made of them.

Where each word begins and ends, shape (WORDS, 2), an end below 0 being that of a word beyond ASCII; then, for each
character of `<word>` after `<word>`, the character, how many its word has from there on, the hash of the n-gram that
begins there, its bucket, and whether it has a row.
"""


def make_room(max_subword: int) -> Room:
    """Return room for a model."""
    return (
        np.zeros((WORDS, 2), np.int64),
        np.zeros(_BLOCK + max_subword, np.uint8),
        np.zeros(_BLOCK, np.int32),
        np.zeros(_BLOCK, np.uint32),
        np.zeros(_BLOCK, np.int32),
        np.zeros(_BLOCK, np.uint8),
    )


@kernel
def hashed(value: np.uint32, byte: np.uint8) -> np.uint32:
    """Return FNV-1a after one more byte, which fastText takes for a signed one."""
    code = np.uint32(byte)
    if code & _SIGN_BIT:
        code |= _SIGN_BITS
    return np.uint32((value ^ code) * _FNV_PRIME)


@kernel
def write_subwords(
    data: NDArray[np.uint8],
    num_words: int,
    room: Room,
    scratch: NDArray[np.uint8],
    buckets: Buckets,
    rows: NDArray[np.int32],
    count: int,
) -> int:
    """Write the rows of the subwords of words from place `count`; return the place after them.

    Args:
        data: the texts.
        num_words: how many words there are.
        room: the words.
        scratch: room for the longest of them and two bytes.
        buckets: of the model.
        rows: where they go; one place beyond the last may be written to.
        count: rows before.
    """
    words, text, lefts, _, _, _ = room
    _, _, _, _, _, max_subword = buckets
    size = 0
    if max_subword == 0:
        return count
    for word in range(num_words):
        start, end = words[word, 0], words[word, 1]
        length = abs(end) - start + 2
        if end < 0 or length > _BLOCK:
            count = _write_one(data, start, abs(end), scratch, buckets, rows, count)
            continue
        if size + length > _BLOCK:
            count, size = _write_block(size, room, buckets, rows, count), 0
        text[size] = _BEGIN_OF_WORD
        for k in range(length - 2):
            text[size + 1 + k] = data[start + k]
        text[size + length - 1] = _END_OF_WORD
        for k in range(length):
            lefts[size + k] = length - k
        size += length
    return _write_block(size, room, buckets, rows, count)


@kernel
def _write_block(size: int, room: Room, buckets: Buckets, rows: NDArray[np.int32], count: int) -> int:
    _, text, lefts, values, places, counts = room
    rows_of_buckets, is_kept, num_words, num_buckets, min_subword, max_subword = buckets
    first = count
    values[:size] = FNV_START
    for n in range(max_subword):
        _hash_one_more(text[n : n + size], values[:size])
        if n + 1 >= min_subword:
            _find_buckets(values[:size], num_buckets, places)
            _look_up(places[:size], is_kept, lefts, n, counts)
            if n == 0:
                _leave_edges_out(lefts[:size], counts)
            count = _write_counted(places[:size], counts, rows, count)
    for k in range(first, count):
        rows[k] = num_words + (rows_of_buckets[rows[k]] if len(rows_of_buckets) else rows[k])
    return count


@kernel
def _hash_one_more(text: NDArray[np.uint8], values: NDArray[np.uint32]) -> None:
    for i in range(len(values)):
        values[i] = np.uint32((values[i] ^ np.uint32(text[i])) * _FNV_PRIME)


@kernel
def _find_buckets(values: NDArray[np.uint32], num_buckets: int, buckets: NDArray[np.int32]) -> None:
    inverse = 1.0 / num_buckets
    for i in range(len(values)):
        number = np.int64(values[i])
        rest = number - np.int64(number * inverse) * num_buckets
        rest += num_buckets if rest < 0 else 0
        rest -= num_buckets if rest >= num_buckets else 0
        buckets[i] = rest


@kernel
def _look_up(
    buckets: NDArray[np.int32], is_kept: NDArray[np.uint8], lefts: NDArray[np.int32], n: int, counts: NDArray[np.uint8]
) -> None:
    """Tell which n-grams lie in their word and have a row."""
    if len(is_kept) == 0:
        for i in range(len(buckets)):
            counts[i] = n < lefts[i]
    else:
        for i in range(len(buckets)):
            counts[i] = (is_kept[buckets[i] >> 3] >> (buckets[i] & 7)) & (n < lefts[i])


@kernel
def _leave_edges_out(lefts: NDArray[np.int32], counts: NDArray[np.uint8]) -> None:
    """Leave out the signs that begin and end a word, which alone are no subwords."""
    for i in range(len(lefts)):
        if lefts[i] == 1 or i == 0 or lefts[i - 1] == 1:
            counts[i] = 0


@kernel
def _write_counted(buckets: NDArray[np.int32], counts: NDArray[np.uint8], rows: NDArray[np.int32], count: int) -> int:
    for i in range(len(buckets)):
        rows[count] = buckets[i]
        count += counts[i]
    return count


@kernel
def _write_one(
    text: NDArray[np.uint8],
    start: int,
    end: int,
    scratch: NDArray[np.uint8],
    buckets: Buckets,
    rows: NDArray[np.int32],
    count: int,
) -> int:
    """Write the rows of the subwords of any word from place `count`; return the place after them."""
    _, _, _, _, min_subword, max_subword = buckets
    size = end - start + 2
    scratch[0], scratch[size - 1] = _BEGIN_OF_WORD, _END_OF_WORD
    for k in range(start, end):
        scratch[k - start + 1] = text[k]
    for i in range(size):
        if scratch[i] & _CONTINUES == _CONTINUED:
            continue
        value, j, num_characters = FNV_START, i, 0
        while j < size and num_characters < max_subword:
            value = hashed(value, scratch[j])
            j += 1
            while j < size and scratch[j] & _CONTINUES == _CONTINUED:
                value = hashed(value, scratch[j])
                j += 1
            num_characters += 1
            if num_characters >= min_subword and not (num_characters == 1 and (i == 0 or j == size)):
                count = write_bucket(np.uint64(value), buckets, rows, count)
    return count


@kernel
def write_bucket(value: np.uint64, buckets: Buckets, rows: NDArray[np.int32], count: int) -> int:
    """Write the row of the bucket of a hash, if it has one, to place `count`; return the place after it."""
    places, _, num_words, num_buckets, _, _ = buckets
    row = np.int64(value % np.uint64(num_buckets))
    if len(places):
        row = np.int64(places[row])
    if row < 0:
        return count
    rows[count] = num_words + row
    return count + 1
