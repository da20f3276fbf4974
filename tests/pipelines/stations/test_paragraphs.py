"""The road of repeated paragraphs against its definition, for any cut of the corpus into units and ranges."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.duplicates.paragraphs import ParagraphSettings, find_paragraphs
from pipelines.stations.firsts import find_lost, of_kept, unpack_hashes
from pipelines.stations.paragraphs import paragraph_blocks, repeated_paragraphs
from tests.filters.texts import column

LINES = ParagraphSettings(lines=True, min_characters=1)


class Document(NamedTuple):
    """A text, its rank, and whether other stations leave it."""

    text: str
    rank: int
    is_kept: bool = True


Place = tuple[int, int, int]  # unit, document, start


def run(units: Sequence[Sequence[Document]], num_ranges: int, seed: int = 0) -> set[Place]:
    """Return the lines that the stations remove, blocks in an order of their own."""
    found, ranks = [], []
    blocks: dict[int, list[bytes]] = {}
    for unit, documents in enumerate(units):
        is_kept = np.array([each.is_kept for each in documents], np.bool_)
        found.append(of_kept(find_paragraphs(column([each.text for each in documents]), LINES), is_kept))
        ranks.append(np.array([each.rank for each in documents], np.uint64))
        for number, block in paragraph_blocks(found[-1], ranks[-1], unit, num_ranges):
            blocks.setdefault(number, []).append(block)
    lost: dict[int, list[bytes]] = {}
    for each in blocks.values():
        random.Random(seed).shuffle(each)
        for unit, packed in find_lost(each):
            lost.setdefault(unit, []).append(packed)
    removed: set[Place] = set()
    for unit in range(len(units)):
        gone = repeated_paragraphs(found[unit], ranks[unit], unpack_hashes(lost.get(unit, [])))
        removed |= {(unit, int(each["document"]), int(each["start"])) for each in gone}
    return removed


def define(units: Sequence[Sequence[Document]]) -> set[Place]:
    """Return the lines that are not the first copy: all that a dictionary over the whole corpus does not hold."""
    firsts: dict[str, tuple[int, Place]] = {}
    copies: list[tuple[str, tuple[int, Place]]] = []
    for unit, documents in enumerate(units):
        for number, document in enumerate(documents):
            start = 0
            for line in document.text.split("\n"):
                if line.strip() and document.is_kept:
                    is_first = not document.text[:start].strip()
                    place = (unit, number, 0 if is_first else len(document.text[:start].encode()))
                    copies.append((" ".join(line.lower().split()), (document.rank, place)))
                start += len(line) + 1
    for words, copy in copies:
        firsts[words] = min(copy, firsts.get(words, copy))
    return {copy[1] for words, copy in copies if copy != firsts[words]}


_LINES = st.lists(st.sampled_from(["a", "B", "b ", "c d", "c  D", "", "\u00e9"]), max_size=6).map("\n".join)
_DOCUMENTS = st.builds(Document, text=_LINES, rank=st.integers(0, 3), is_kept=st.booleans())


@settings(max_examples=150)
@given(
    units=st.lists(st.lists(_DOCUMENTS, max_size=4), max_size=4),
    num_ranges=st.sampled_from([1, 2, 16]),
    seed=st.integers(0, 9),
)
def test_every_copy_but_the_first_goes_for_any_order_and_number_of_ranges(
    units: list[list[Document]], num_ranges: int, seed: int
) -> None:
    assert run(units, num_ranges, seed) == define(units)


def test_a_copy_stays_in_the_document_of_smallest_rank_wherever_its_unit_is() -> None:
    units = [[Document("x", 7), Document("x\nx", 2)], [Document("y\nx", 1)], [Document("x", 1)]]
    assert run(units, 4) == {(0, 0, 0), (0, 1, 0), (0, 1, 2), (2, 0, 0)}


def test_a_document_that_goes_keeps_no_paragraph_from_others() -> None:
    assert run([[Document("x", 0, is_kept=False), Document("x", 1)]], 1) == set()


def test_a_paragraph_of_a_unit_crosses_once_however_often_it_occurs() -> None:
    paragraphs = find_paragraphs(column(["same\n" * 10_000] * 10), LINES)
    ranks = np.arange(10, dtype=np.uint64)
    assert [len(block) for _, block in paragraph_blocks(paragraphs, ranks, unit=3, num_ranges=1)] == [24]
    assert len(repeated_paragraphs(paragraphs, ranks, unpack_hashes([]))) == 99_999
