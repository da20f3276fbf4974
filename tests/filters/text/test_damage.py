"""Damage of characters against its definition in Python."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.characters import UNICODE_VERSION
from filters.text.damage import MEASURES, DamageGroup, damage_kinds
from tests.filters.texts import AWKWARD, batch, bundled_texts, texts

_BYTES = {chr(byte): byte for byte in range(256)}
for _byte in range(0x80, 0xA0):
    _BYTES[bytes([_byte]).decode("cp1252", "ignore") or chr(_byte)] = _byte
_UNASSIGNED = 8


def damage_of(text: str) -> dict[str, float]:
    """Return every measure, by its definition."""
    sequences = mojibake(text)
    counted = [
        (start, end)
        for start, end in sequences
        if text[start] in "ÂÃâïð" or any(end == first or last == start for first, last in sequences)
    ]
    inside = {place for start, end in sequences for place in range(start, end)}
    rest = [each for place, each in enumerate(text) if place not in inside]
    replacement = rest.count("\ufffd")
    control = sum(unicodedata.category(each) == "Cc" and each not in "\t\n\f\r\x85" for each in rest)
    private = sum(unicodedata.category(each) == "Co" for each in rest)
    unassigned = sum(bool(damage_kinds()[ord(each)] & _UNASSIGNED) for each in rest)
    invisible = "\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\ufeff" + "".join(
        map(chr, range(0x2060, 0x2070))
    )
    damaged = replacement + control + private + unassigned + sum(end - start for start, end in counted)
    return {
        "num_replacement_characters": replacement,
        "num_control_characters": control,
        "num_private_use_characters": private,
        "num_unassigned_characters": unassigned,
        "num_invisible_characters": sum(each in invisible for each in rest),
        "num_mojibake": len(counted),
        "damaged_character_fraction": damaged / len(text) if text else 0.0,
    }


def mojibake(text: str) -> list[tuple[int, int]]:
    """Return all sequences, from left to right."""
    found, place = [], 0
    while place < len(text):
        size = next((size for size in (2, 3, 4) if is_sequence(text[place : place + size], size)), 0)
        if size:
            found.append((place, place + size))
        place += size or 1
    return found


def is_sequence(text: str, size: int) -> bool:
    if len(text) != size or any(each not in _BYTES for each in text):
        return False
    try:
        return len(bytes(_BYTES[each] for each in text).decode()) == 1
    except UnicodeDecodeError:
        return False


def measured(documents: list[str]) -> dict[str, np.ndarray]:
    group = DamageGroup()
    group.setup()
    return group.measure(batch(documents))


def check(documents: list[str]) -> None:
    found, defined = measured(documents), [damage_of(text) for text in documents]
    assert list(found) == list(DamageGroup().columns())
    for each in MEASURES:
        wanted = np.array([row[each.name] for row in defined], found[each.name].dtype)
        np.testing.assert_allclose(found[each.name], wanted, rtol=0, atol=1e-9, err_msg=each.name)


@pytest.mark.parametrize(
    ("text", "num_sequences"),
    [
        ("", 0),
        ("café, naïve", 0),
        ("cafÃ© donâ€™t", 2),
        ("â\x80\x99", 1),
        ("ð\u0178\u02dc\u20ac", 1),
        ("ï»¿Text", 1),
        ("CAFÉ”", 0),
        ("Ð¼Ð\xb8Ñ€", 3),
        ("æ—¥æœ¬", 2),
        ("Ã", 0),
        ("â€", 0),
        ("Â\xa0", 1),
    ],
)
def test_mojibake_of_known_texts(text: str, num_sequences: int) -> None:
    assert measured([text])["num_mojibake"].tolist() == [num_sequences]


@given(
    st.text(st.characters(min_codepoint=0x80, codec="utf-8").filter(lambda each: each > "\xff"), min_size=2, max_size=9)
)
def test_any_text_read_as_latin_1_is_mojibake_through_and_through(text: str) -> None:
    read = text.encode().decode("latin-1")
    found = measured([read])
    assert found["num_mojibake"].tolist() == [len(text)]
    assert found["damaged_character_fraction"].tolist() == [1.0]


@pytest.mark.skipif(unicodedata.unidata_version != UNICODE_VERSION, reason="this Python has another version of Unicode")
def test_unassigned_characters_are_those_of_the_version_of_unicode_that_is_named() -> None:
    wanted = [code for code in range(0x110000) if unicodedata.category(chr(code)) == "Cn"]
    assert np.flatnonzero(damage_kinds() & _UNASSIGNED).tolist() == wanted


_PIECES = [*"ÂÃâïðÐÑéÉ€™”…»\xa0\x80\x99a ", "\ufffd", "\ue000", "\u0378", "\0", "\x7f", "\u200b", "\u202e", "日", "Ã©"]


@settings(max_examples=400)
@given(st.lists(st.one_of(texts(), st.lists(st.sampled_from(_PIECES), max_size=20).map("".join)), max_size=3))
def test_damage_is_its_definition(documents: list[str]) -> None:
    check(documents)


def test_damage_of_awkward_and_bundled_documents_is_its_definition() -> None:
    check([*AWKWARD, *bundled_texts()[::100], "Ã" * 1_000, "Ã©" * 1_000])
