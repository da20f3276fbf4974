"""The compressor against its definition in Python, and against zlib."""

import math
import random
import zlib
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.compression import FRACTION_BITS, HASH_BITS, HASH_MULTIPLIER, MAX_MATCH, WINDOW, CompressionGroup
from tests.filters.texts import AWKWARD, batch, bundled_texts, texts


def compressed_bytes(text: str) -> int:
    """Return the bytes of the code, by its definition."""
    data, last, place, extra_bits = text.encode(), dict[int, int](), 0, 0
    symbols, distances = Counter[int](), Counter[int]()
    while place < len(data):
        size = 0
        if place + 4 <= len(data):
            slot = slot_at(data, place)
            earlier, last[slot] = last.get(slot, place - WINDOW - 1), place
            if place - earlier <= WINDOW:
                size = match(data, earlier, place)
        if size < 4:
            symbols[data[place]] += 1
            place += 1
            continue
        powers = size.bit_length() - 1, (place - earlier).bit_length() - 1
        symbols[256 + powers[0]] += 1
        distances[powers[1]] += 1
        extra_bits += sum(powers)
        for inside in range(place + 1, min(place + size, len(data) - 3)):
            last[slot_at(data, inside)] = inside
        place += size
    units = ideal_length(symbols) + ideal_length(distances)
    bits = extra_bits - (-units >> FRACTION_BITS)  # both divisions round up
    return -(-bits // 8)


def slot_at(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "little") * HASH_MULTIPLIER % 2**32 >> (32 - HASH_BITS)


def match(data: bytes, earlier: int, place: int) -> int:
    size = 0
    while size < MAX_MATCH and place + size < len(data) and data[earlier + size] == data[place + size]:
        size += 1
    return size


def ideal_length(counts: Counter[int]) -> int:
    """Return the sum of -log2(share of a symbol), each logarithm rounded down to 2**-16."""
    whole = log2(sum(counts.values()))
    return sum(count * (whole - log2(count)) for count in counts.values())


def log2(number: int) -> int:
    return math.floor(math.log2(number) * 2**FRACTION_BITS + 1e-7) if number else 0


def measured(documents: list[str]) -> list[float]:
    group = CompressionGroup()
    group.setup()
    return list(group.measure(batch(documents))["compression_ratio"])


def check(documents: list[str]) -> None:
    wanted = [compressed_bytes(text) / len(text.encode()) if text else 0.0 for text in documents]
    np.testing.assert_allclose(measured(documents), wanted, rtol=0, atol=1e-9)


@settings(max_examples=200)
@given(st.lists(st.one_of(texts(), st.text("ab\n", max_size=300)), max_size=3))
def test_ratio_is_its_definition(documents: list[str]) -> None:
    check(documents)


def test_ratio_of_awkward_and_bundled_documents_is_its_definition() -> None:
    check([*AWKWARD, *bundled_texts()[::40], "abcdefg" * 20_000])


def test_ratio_does_not_depend_on_the_documents_before() -> None:
    text = bundled_texts()[0]
    assert measured([text, text])[0] == measured([text, text])[1] == measured([text])[0]


def test_repetition_compresses_and_chance_does_not() -> None:
    chance = random.Random(0)
    noise = "".join(chance.choices("abcdefghijklmnop", k=20_000))
    found = measured(["a" * 20_000, "the same line again\n" * 1_000, noise])
    assert found[0] < 0.01
    assert found[1] < 0.02
    assert 0.5 < found[2] < 0.6  # four bits a letter, and short matches by chance that cost more than they spare


def test_ratio_ranks_documents_as_zlib_does() -> None:
    documents = [text for text in bundled_texts() if len(text) >= 1_000][::5]
    theirs = [len(zlib.compress(text.encode(), 6)) / len(text.encode()) for text in documents]
    ours, zlibs = (np.argsort(np.argsort(ratios)) for ratios in (measured(documents), theirs))
    assert np.ravel(np.corrcoef(ours, zlibs))[1] > 0.95
