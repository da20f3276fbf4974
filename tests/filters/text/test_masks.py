"""Masks of the classes of characters against the characters themselves."""

import numpy as np
from hypothesis import given, settings

from filters.text.characters import (
    ALPHABETIC,
    ALPHANUMERIC,
    DOT,
    ELLIPSIS,
    HASH,
    NEWLINE,
    WHITESPACE,
    character_classes,
)
from filters.text.masks import CONTINUATION, fill_masks, num_blocks
from tests.filters.texts import AWKWARD, bundled_texts, texts

CLASSES = (WHITESPACE, ALPHABETIC, ALPHANUMERIC, NEWLINE, HASH, DOT, ELLIPSIS, CONTINUATION)


def masks_of(text: str) -> list[list[int]]:
    """Return 0 or 1 for each byte, a row for each class."""
    classes = []
    for character in text:
        kind, size = int(character_classes()[ord(character)]), len(character.encode())
        classes += [kind] + [CONTINUATION | (kind & WHITESPACE)] * (size - 1)
    return [[int(kind & each != 0) for kind in classes] for each in CLASSES]


def check(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    masks = np.full((num_blocks(len(data)), 8), 2**64 - 1, np.uint64)  # what an earlier slice left there
    fill_masks(data, masks)
    for column, bits in enumerate(masks_of(text)):
        found = np.unpackbits(np.ascontiguousarray(masks[:, column]).view(np.uint8), bitorder="little")
        assert found[: len(data)].tolist() == bits
        assert not found[len(data) :].any()


@settings(max_examples=200)
@given(texts())
def test_every_byte_has_the_bits_of_its_character(text: str) -> None:
    check(text)


def test_every_byte_of_awkward_and_some_bundled_texts_has_the_bits_of_its_character() -> None:
    for text in (*AWKWARD, *bundled_texts()[::200]):
        check(text)


def test_whitespace_of_several_bytes_is_found_across_the_end_of_a_block() -> None:
    for size in range(60, 70):
        check("a" * size + "\u3000" + "\u2028" * 40 + "\x85")
