"""The cut of a source against a brute-force twin, and how little of the key files it reads."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.cut import Cut, KeyFile, Prefix, find_below, find_cut
from mixes.errors import MixError
from mixes.parts import key_rows

Document = tuple[int, int, int]
"""Sampling key, tokens, bytes."""


class Stored:
    """A key file in memory that counts what is read of it."""

    def __init__(self, documents: Sequence[Document]) -> None:
        keys, lengths, text_bytes = np.array([*documents], object).reshape(-1, 3).T
        rows = key_rows(keys.astype(np.uint64), lengths.astype(np.int64), text_bytes.astype(np.int64))
        self.content = rows.tobytes()
        self.num_reads = self.num_bytes = 0
        self.whole = Prefix(documents=len(documents), tokens=int(sum(lengths)), bytes=int(sum(text_bytes)))

    def read(self, offset: int, size: int) -> bytes:
        self.num_reads += 1
        self.num_bytes += size
        return self.content[offset : offset + size]

    def key_file(self) -> KeyFile:
        return KeyFile(name="p.keys", whole=self.whole, read=self.read)


def cut(parts: Sequence[Sequence[Document]], tokens: int, **options: int) -> Cut:
    """Cut a source given as parts of unsorted documents."""
    stored = [Stored(sorted(part, key=lambda document: document[0])) for part in parts]
    return find_cut([each.key_file() for each in stored], tokens, **options)


def brute_force_cut(parts: Sequence[Sequence[Document]], tokens: int) -> Cut:
    """Slow twin: take documents in the order (key, part, place) while they fit."""
    places = [
        (key, part, place, length, size)
        for part, documents in enumerate(parts)
        for place, (key, length, size) in enumerate(sorted(documents, key=lambda document: document[0]))
    ]
    prefixes = [[0, 0, 0] for _ in parts]
    room = tokens
    for key, part, _, length, size in sorted(places):
        if length > room:
            taken = tuple(Prefix(documents=held[0], tokens=held[1], bytes=held[2]) for held in prefixes)
            return Cut(cut_key=key, prefixes=taken)
        room -= length
        for column, number in enumerate((1, length, size)):
            prefixes[part][column] += number
    raise AssertionError("nothing was left out")


# Few keys, so that many are equal; keys that lie close together or at the ends; and any key.
KEYS = (
    st.integers(0, 3)
    | st.integers(0, 3).map(lambda number: number << 52)
    | st.integers(0, 3).map(lambda number: 2**64 - 1 - number)
    | st.integers(0, 2**64 - 1)
)
DOCUMENTS = st.lists(st.tuples(KEYS, st.integers(1, 9), st.integers(0, 50)), max_size=40)


@given(st.lists(DOCUMENTS, min_size=1, max_size=5).filter(any), st.integers(1, 8), st.data())
@settings(max_examples=200)
def test_the_cut_equals_its_brute_force_twin(parts: list[list[Document]], max_rows: int, data: st.DataObject) -> None:
    available = sum(length for part in parts for _, length, _ in part)
    tokens = data.draw(st.integers(0, available - 1) | st.just(available - 1))
    assert cut(parts, tokens, max_rows=max_rows) == brute_force_cut(parts, tokens)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3).filter(any))
@settings(max_examples=40)
def test_a_larger_budget_keeps_all_that_a_smaller_one_holds(parts: list[list[Document]]) -> None:
    available = sum(length for part in parts for _, length, _ in part)
    held = [[prefix.documents for prefix in cut(parts, rest, max_rows=4).prefixes] for rest in range(0, available, 5)]
    for smaller, larger in itertools.pairwise(held):
        assert all(less <= more for less, more in zip(smaller, larger, strict=True))


def many_documents(num_documents: int, seed: int) -> list[Document]:
    """Return documents whose keys are hashes and whose lengths are skewed, in the order of their keys."""
    chance = np.random.default_rng(seed)
    keys = np.sort(chance.integers(0, 2**64, num_documents, np.uint64)).tolist()
    lengths = (1 + chance.pareto(1.5, num_documents) * 200).astype(np.int64).tolist()
    return [(key, length, 4 * length) for key, length in zip(keys, lengths, strict=True)]


def test_of_many_documents_few_are_read() -> None:
    parts = [many_documents(20_000, seed) for seed in range(8)]
    available = sum(length for part in parts for _, length, _ in part)
    for share in (0.001, 0.5, 0.97):
        stored = [Stored(part) for part in parts]
        found = find_cut([each.key_file() for each in stored], int(share * available), max_rows=20_000)
        assert found == brute_force_cut(parts, int(share * available))
        assert sum(each.num_bytes for each in stored) < 0.25 * sum(len(each.content) for each in stored)
        assert max(each.num_reads for each in stored) <= 8


def test_keys_that_are_no_hashes_are_found_all_the_same() -> None:
    parts = [[(row // 3 + part, 1 + row % 4, row % 7) for row in range(2_000)] for part in range(3)]
    for tokens in (0, 1_234, 14_000):
        assert cut(parts, tokens, max_rows=16) == brute_force_cut(parts, tokens)


def test_threads_change_nothing() -> None:
    parts = [many_documents(300, seed) for seed in range(20)]
    assert cut(parts, 100_000, max_rows=50, num_threads=4) == brute_force_cut(parts, 100_000)


def test_documents_of_equal_key_are_taken_by_part_and_place() -> None:
    found = cut([[(7, 2, 20), (7, 3, 30)], [(7, 4, 40)], [(6, 1, 10)]], 1 + 2 + 3, max_rows=1)
    assert found.cut_key == 7
    assert [prefix.documents for prefix in found.prefixes] == [2, 0, 1]
    assert [prefix.bytes for prefix in found.prefixes] == [50, 0, 10]


def test_the_first_document_that_does_not_fit_ends_the_prefix_even_when_a_later_one_would_fit() -> None:
    found = cut([[(1, 5, 0), (2, 1, 0)]], 4)
    assert found == Cut(cut_key=1, prefixes=(Prefix(documents=0, tokens=0, bytes=0),))


def test_no_tokens_take_no_document() -> None:
    found = cut([[(9, 5, 0)], []], 0)
    assert found == Cut(cut_key=9, prefixes=(Prefix(documents=0, tokens=0, bytes=0),) * 2)


@pytest.mark.parametrize("tokens", [-1, 5, 6])
def test_a_source_with_nothing_to_cut_is_refused(tokens: int) -> None:
    with pytest.raises(ValueError, match="fewer than 5"):
        cut([[(9, 5, 0)]], tokens)


def test_a_key_file_that_was_cut_is_named() -> None:
    stored = Stored([(1, 5, 0), (2, 1, 0)])
    stored.content = stored.content[:30]
    with pytest.raises(MixError, match=r"p\.keys: found 30 bytes, wanted those of 2 documents, 32 each; remove it"):
        find_cut([stored.key_file()], 5)


def test_a_key_file_of_another_part_is_refused() -> None:
    stored = Stored([(1, 2, 0), (2, 1, 0)])
    stored.whole = Prefix(documents=2, tokens=9, bytes=0)
    with pytest.raises(MixError, match="contradict what their parts hold"):
        find_cut([stored.key_file()], 5)


def test_below_a_cut_between_equal_keys_lies_none_of_them() -> None:
    stored = [Stored([(1, 2, 0), (5, 2, 0), (5, 2, 0)]), Stored([(5, 2, 0), (9, 2, 0)])]
    files = [each.key_file() for each in stored]
    found = find_cut(files, 5)
    assert (found.cut_key, [prefix.documents for prefix in found.prefixes]) == (5, [2, 0])
    assert [prefix.documents for prefix in find_below(files, found.cut_key)] == [1, 0]


def test_what_lies_below_the_key_of_any_document_is_what_stands_before_it() -> None:
    documents = [(row**3, 1 + row % 4, row) for row in range(1_500)]
    file = Stored(documents).key_file()
    for place, (key, _, _) in enumerate(documents):
        (found,) = find_below([file], key)
        tokens = sum(length for _, length, _ in documents[:place])
        assert (found.documents, found.tokens) == (place, tokens)


@pytest.mark.parametrize("byte", range(0, 32, 5))
def test_a_row_with_a_flipped_bit_is_refused_with_its_file(byte: int) -> None:
    stored = Stored([(1, 2, 0), (2, 1, 0)])
    damaged = bytearray(stored.content)
    damaged[byte] ^= 4
    stored.content = bytes(damaged)
    with pytest.raises(MixError, match=r"p\.keys: found damage in the rows of documents 0 to 1; remove the file"):
        find_cut([stored.key_file()], 2)
