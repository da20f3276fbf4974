"""Which rows of a fastText model's matrix a text stands for: its words, their n-grams and subwords.

The rules are fastText's own (Joulin et al., 2016; Bojanowski et al., 2016): words lie between ASCII white space and
NUL, a literal `</s>` ends the text and one is put at its end, a word that begins with `__label__` is no word, and
n-grams share rows by their FNV-1a hashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filters.classifiers.fasttext_file import FastTextFile, FastTextSettings
from filters.classifiers.fasttext_subwords import (
    FNV_START,
    WORDS,
    Buckets,
    Room,
    hashed,
    make_room,
    write_bucket,
    write_subwords,
)
from filters.columns import TextColumn
from filters.kernels import kernel

_END = b"</s>"
_LABEL = np.frombuffer(b"__label__", np.uint8)
_END_BYTES = np.frombuffer(_END, np.uint8)
_SPACES = np.isin(np.arange(256), np.frombuffer(b" \n\r\t\v\f\0", np.uint8))
_NGRAM_PRIME = np.uint64(116_049_371)
_SIGN_OF_HASH = np.uint32(0x80000000)
_SIGN_OF_NGRAM = np.uint64(0xFFFFFFFF00000000)
_NOT_ASCII = np.uint8(0x80)
_ALL = (np.zeros(0, np.int32), np.zeros(0, np.uint8))  # every bucket has its own row


@dataclass(frozen=True, slots=True, eq=False)
class _Dictionary:
    """Words and labels in a table with open addressing.

    Attributes:
        table: index of the entry whose hash leads there, -1 where there is none; shape (a power of two,), int32.
        hashes: FNV-1a of each entry, shape (num_entries,), uint32.
        data: bytes of all entries, uint8.
        offsets: entry e is data[offsets[e]:offsets[e + 1]], int64.
    """

    table: NDArray[np.int32]
    hashes: NDArray[np.uint32]
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]


class RowFinder:
    """Finds the rows of texts for one model; serves one thread at a time."""

    def __init__(self, words: Sequence[bytes], labels: Sequence[str], settings: FastTextSettings) -> None:
        """Take the words of a model in the order of their rows, its labels and settings; nothing is pruned."""
        entries = [*words, *(b"__label__" + label.encode() for label in labels)]
        self._dictionary = _make_dictionary(entries)
        self._end_row = entries.index(_END) if _END in entries else -1
        self._settings = settings
        sizes = (len(words), settings.num_buckets, settings.min_subword, settings.max_subword)
        self._buckets: Buckets = (*_ALL, *sizes)
        self._subwords = make_room(settings.max_subword)
        self._rows = np.zeros(0, np.int32)

    @classmethod
    def of(cls, model: FastTextFile) -> "RowFinder":
        """Return the finder of a model that was read."""
        finder = cls(model.words, model.labels, model.settings)
        if model.buckets is not None:
            is_kept = np.packbits(model.buckets >= 0, bitorder="little")
            finder._buckets = (model.buckets, is_kept, *finder._buckets[2:])
        return finder

    def rows(self, texts: TextColumn) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the rows of each text, and offsets into them.

        Takes 8 bytes of memory for each byte of text where words are short and their pairs have rows, 4 more for each
        length of subwords.

        Args:
            texts: the texts; a line feed is white space like any other.

        Returns:
            rows: of all texts, int32; valid until the next call.
            offsets: text d has rows[offsets[d]:offsets[d + 1]], shape (num_texts + 1,), int64.
        """
        settings = self._settings
        longest = int(np.diff(texts.offsets).max(initial=0))
        room = self._room(texts.num_bytes, texts.num_documents)
        if len(self._rows) < room:
            self._rows = np.empty(room, np.int32)
        offsets = np.zeros(texts.num_documents + 1, np.int64)
        _find_rows(
            (texts.data, texts.offsets),
            (self._dictionary.table, self._dictionary.hashes, self._dictionary.data, self._dictionary.offsets),
            self._end_row,
            self._buckets,
            self._subwords,
            np.zeros(max(settings.word_ngrams, 1), np.uint64),
            np.empty(longest + 2 if settings.max_subword else 0, np.uint8),
            self._rows,
            offsets,
        )
        return self._rows[: offsets[-1]], offsets

    def _room(self, num_bytes: int, num_documents: int) -> int:
        num_words = (num_bytes + num_documents) // 2 + 2 * num_documents
        num_characters = num_bytes + 2 * num_words if self._settings.max_subword else 0
        rows = num_words * max(self._settings.word_ngrams, 1) + num_characters * self._settings.max_subword
        return rows + 1  # a place beyond the last is written to


def _make_dictionary(entries: Sequence[bytes]) -> _Dictionary:
    offsets = np.zeros(len(entries) + 1, np.int64)
    np.cumsum([len(entry) for entry in entries], out=offsets[1:])
    data = np.frombuffer(b"".join(entries) or b"\0", np.uint8)
    hashes = np.zeros(len(entries), np.uint32)
    table = np.full(1 << max(4, (2 * len(entries)).bit_length()), -1, np.int32)
    _fill_table(data, offsets, hashes, table)
    return _Dictionary(table, hashes, data, offsets)


@kernel
def _fill_table(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], hashes: NDArray[np.uint32], table: NDArray[np.int32]
) -> None:
    for entry in range(len(hashes)):
        hashes[entry] = _hash(data, offsets[entry], offsets[entry + 1])
        place = np.int64(hashes[entry]) & (len(table) - 1)
        while table[place] >= 0:
            place = (place + 1) & (len(table) - 1)
        table[place] = entry


@kernel
def _find_rows(
    texts: tuple[NDArray[np.uint8], NDArray[np.int64]],
    dictionary: tuple[NDArray[np.int32], NDArray[np.uint32], NDArray[np.uint8], NDArray[np.int64]],
    end_row: int,
    buckets: Buckets,
    room: Room,
    ngrams: NDArray[np.uint64],
    scratch: NDArray[np.uint8],
    rows: NDArray[np.int32],
    row_offsets: NDArray[np.int64],
) -> None:
    data, offsets = texts
    words, _, _, _, _, _ = room
    _, _, num_words, _, _, _ = buckets
    end_hash = _hash(_END_BYTES, 0, len(_END_BYTES))
    count = 0
    for d in range(len(offsets) - 1):
        i, num_tokens, num_gathered = offsets[d], 0, 0
        while True:
            start, i, token_hash, high = _next_token(data, i, offsets[d + 1])
            if i == start or (token_hash == end_hash and _equal(data, start, i, _END_BYTES, 0, len(_END_BYTES))):
                break
            entry = _find(data, start, i, token_hash, dictionary)
            if entry >= num_words or (entry < 0 and _starts_with_label(data, start, i)):
                continue
            if entry >= 0:
                rows[count] = entry
                count += 1
            if num_gathered == WORDS:
                count = write_subwords(data, num_gathered, room, scratch, buckets, rows, count)
                num_gathered = 0
            words[num_gathered, 0], words[num_gathered, 1] = start, (i if high < _NOT_ASCII else -i)
            num_gathered += 1
            count = _add_ngrams(token_hash, num_tokens, ngrams, buckets, rows, count)
            num_tokens += 1
        count = write_subwords(data, num_gathered, room, scratch, buckets, rows, count)
        if end_row >= 0:
            rows[count] = end_row
            count += 1
        count = _add_ngrams(end_hash, num_tokens, ngrams, buckets, rows, count)
        row_offsets[d + 1] = count


@kernel
def _next_token(data: NDArray[np.uint8], start: int, end: int) -> tuple[int, int, np.uint32, np.uint8]:
    """Return where the next token begins and ends, its hash, and its bytes joined by "or"; where it ends if none is."""
    while start < end and _SPACES[data[start]]:
        start += 1
    i, value, high = start, FNV_START, np.uint8(0)
    while i < end and not _SPACES[data[i]]:
        value = hashed(value, data[i])
        high |= data[i]
        i += 1
    return start, i, value, high


@kernel
def _hash(data: NDArray[np.uint8], start: int, end: int) -> np.uint32:
    value = FNV_START
    for i in range(start, end):
        value = hashed(value, data[i])
    return value


@kernel
def _equal(
    first: NDArray[np.uint8], start: int, end: int, second: NDArray[np.uint8], second_start: int, second_end: int
) -> bool:
    if end - start != second_end - second_start:
        return False
    for k in range(end - start):  # noqa: SIM110  (numba compiles no generator)
        if first[start + k] != second[second_start + k]:
            return False
    return True


@kernel
def _find(
    text: NDArray[np.uint8],
    start: int,
    end: int,
    token_hash: np.uint32,
    dictionary: tuple[NDArray[np.int32], NDArray[np.uint32], NDArray[np.uint8], NDArray[np.int64]],
) -> int:
    """Return the entry that a token is, -1 where it is none."""
    table, hashes, data, offsets = dictionary
    place = np.int64(token_hash) & (len(table) - 1)
    while table[place] >= 0:
        entry = int(table[place])
        if hashes[entry] == token_hash and _equal(text, start, end, data, offsets[entry], offsets[entry + 1]):
            return entry
        place = (place + 1) & (len(table) - 1)
    return -1


@kernel
def _starts_with_label(text: NDArray[np.uint8], start: int, end: int) -> bool:
    if text[start] != _LABEL[0]:
        return False
    return end - start >= len(_LABEL) and _equal(text, start, start + len(_LABEL), _LABEL, 0, len(_LABEL))


@kernel
def _add_ngrams(
    token_hash: np.uint32,
    num_tokens: int,
    ngrams: NDArray[np.uint64],
    buckets: Buckets,
    rows: NDArray[np.int32],
    count: int,
) -> int:
    """Write the rows of the n-grams of words that end with this token from `count`; return the place after them.

    `ngrams[t % len(ngrams)]` holds the hash of the n-gram that began with token t and is still growing.
    """
    longest = len(ngrams)
    if longest < 2:
        return count
    value = np.uint64(token_hash)
    if token_hash & _SIGN_OF_HASH:
        value |= _SIGN_OF_NGRAM
    for t in range(max(0, num_tokens - longest + 1), num_tokens):
        ngrams[t % longest] = ngrams[t % longest] * _NGRAM_PRIME + value
        count = write_bucket(ngrams[t % longest], buckets, rows, count)
    ngrams[num_tokens % longest] = value
    return count
