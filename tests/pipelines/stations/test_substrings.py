"""The road of exact substrings against its definition, byte by byte, for any cut of the corpus into units."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.columns import TextColumn
from filters.duplicates.substrings import find_anchors, find_windows, windows_of
from pipelines.stations.firsts import find_lost, is_in, of_kept, unpack_hashes
from pipelines.stations.substrings import (
    MIXED,
    REPEATED,
    class_blocks,
    core_blocks,
    find_classes,
    find_shared,
    repeated_spans,
    sort_out,
    unpack_verdicts,
    window_blocks,
)
from tests.filters.texts import bundled_texts


class Document(NamedTuple):
    """A text, its rank, and whether other stations leave it."""

    text: bytes
    rank: int
    is_kept: bool = True


Units = Sequence[Sequence[Document]]
Places = dict[tuple[int, int], list[int]]  # of (unit, document): the bytes that go


class Unit:
    """What one unit knows on the road."""

    def __init__(self, documents: Sequence[Document], min_bytes: int) -> None:
        offsets = np.cumsum([0, *(len(each.text) for each in documents)])
        self.column = TextColumn(np.frombuffer(b"".join(each.text for each in documents), np.uint8), offsets)
        self.ranks = np.array([each.rank for each in documents], np.uint64)
        is_kept = np.array([each.is_kept for each in documents], np.bool_)
        anchors, runs = find_anchors(self.column, min_bytes)
        self.anchors, self.runs = of_kept(anchors, is_kept), of_kept(runs, is_kept)


def shuffle(
    sent: Iterable[Iterator[tuple[int, bytes]]],
    match: Callable[[Iterable[bytes]], Iterator[tuple[int, bytes]]],
    chance: random.Random,
) -> dict[int, list[bytes]]:
    """Return what each unit hears after one round, the blocks of a range in an order of their own."""
    blocks: dict[int, list[bytes]] = {}
    for each in sent:
        for number, block in each:
            blocks.setdefault(number, []).append(block)
    heard: dict[int, list[bytes]] = {}
    for block_list in blocks.values():
        chance.shuffle(block_list)
        for unit, packed in match(block_list):
            heard.setdefault(unit, []).append(packed)
    return heard


def run(corpus: Units, min_bytes: int, num_ranges: int = 1, seed: int = 0) -> Places:
    """Return the bytes that the stations remove."""
    chance = random.Random(seed)
    units = [Unit(documents, min_bytes) for documents in corpus]
    cores = (core_blocks(unit.anchors, number, num_ranges) for number, unit in enumerate(units))
    shared = shuffle(cores, find_shared, chance)
    classes = (
        class_blocks(
            unit.anchors[is_in(unit.anchors["hash"], unpack_hashes(shared.get(number, [])))],
            unit.ranks,
            number,
            num_ranges,
        )
        for number, unit in enumerate(units)
    )
    verdicts = shuffle(classes, find_classes, chance)
    repeated: list[NDArray[np.void]] = []
    groups: list[NDArray[np.void]] = []
    windows: list[NDArray[np.void]] = []
    for number, unit in enumerate(units):
        codes = sort_out(unit.anchors, unit.ranks, unpack_verdicts(verdicts.get(number, [])), min_bytes)
        found = find_windows(unit.column, unit.anchors[codes == MIXED], min_bytes)
        repeated.append(unit.anchors[codes == REPEATED])
        groups.append(found[0])
        windows.append(found[1])
    classes = (class_blocks(groups[number], unit.ranks, number, num_ranges) for number, unit in enumerate(units))
    verdicts = shuffle(classes, find_classes, chance)
    for number, unit in enumerate(units):
        codes = sort_out(groups[number], unit.ranks, unpack_verdicts(verdicts.get(number, [])), min_bytes)
        repeated[number] = np.concatenate([repeated[number], groups[number][codes == REPEATED]])
        windows[number] = windows_of(groups[number], windows[number], codes == MIXED)
    sent = (window_blocks(windows[number], unit.ranks, number, num_ranges) for number, unit in enumerate(units))
    lost = shuffle(sent, find_lost, chance)
    removed: Places = {}
    for number, unit in enumerate(units):
        gone = unpack_hashes(lost.get(number, []))
        for span in repeated_spans(repeated[number], unit.runs, windows[number], unit.ranks, gone, min_bytes):
            removed.setdefault((number, int(span["document"])), []).extend(range(span["start"], span["end"]))
    return removed


def define(corpus: Units, min_bytes: int) -> Places:
    """Return the bytes of all windows that an equal one precedes without overlap."""
    documents = sorted(
        (document.rank, unit, number, document.text)
        for unit, each in enumerate(corpus)
        for number, document in enumerate(each)
        if document.is_kept
    )
    firsts: dict[bytes, tuple[int, int, int]] = {}
    removed: dict[tuple[int, int], set[int]] = {}
    for _, unit, number, text in documents:
        for start in range(len(text) - min_bytes + 1):
            window = text[start : start + min_bytes]
            first = firsts.setdefault(window, (unit, number, start))
            if first[:2] != (unit, number) or start - first[2] >= min_bytes:
                removed.setdefault((unit, number), set()).update(range(start, start + min_bytes))
    return {place: sorted(each) for place, each in removed.items()}


_FILLER = random.Random(3).randbytes(64)
_PIECES = st.sampled_from([b"a", b"b", b"ab", b"abcdefgh", b"hgfedcba12345", b"x" * 9, b"abc" * 5, b"a" * 60, b"\n"])
_TEXTS = st.one_of(
    st.lists(_PIECES, max_size=12).map(b"".join),
    st.lists(st.sampled_from([b"a", b"b"]), max_size=50).map(b"".join),
    st.lists(st.integers(0, 39), max_size=8).map(lambda each: b"".join(b"%02d" % n + _FILLER[n : n + 9] for n in each)),
)
_DOCUMENTS = st.builds(
    Document, text=_TEXTS, rank=st.integers(0, 3), is_kept=st.sampled_from([True, True, True, False])
)


@settings(max_examples=400)
@given(
    corpus=st.lists(st.lists(_DOCUMENTS, max_size=4), max_size=4),
    min_bytes=st.sampled_from([8, 9, 12, 13, 20]),
    num_ranges=st.sampled_from([1, 2, 16]),
    seed=st.integers(0, 9),
)
def test_all_bytes_of_repeats_go_and_no_others_for_any_order_and_number_of_ranges(
    corpus: list[list[Document]], min_bytes: int, num_ranges: int, seed: int
) -> None:
    assert run(corpus, min_bytes, num_ranges, seed) == define(corpus, min_bytes)


@pytest.mark.parametrize("min_bytes", [50, 200, 500])
def test_real_documents_lose_the_bytes_of_the_definition(min_bytes: int) -> None:
    chance = random.Random(min_bytes)
    texts = [text.encode()[:20_000] for text in bundled_texts()[::40]]
    stretches = [(text, chance.randrange(max(len(text) - min_bytes, 1))) for text in texts]
    for k in range(0, len(texts), 2):  # stretches about as long as a window, taken to other documents
        text, start = chance.choice(stretches)
        texts[k] += text[start : start + min_bytes + chance.randrange(-5, 60)] + texts[k][-7:]
    corpus = [[Document(text, chance.randrange(50)) for text in texts[k::3]] for k in range(3)]
    assert run(corpus, min_bytes, 4) == define(corpus, min_bytes)


def test_what_stands_before_a_core_does_not_pass_for_what_stands_after_it() -> None:
    assert run([[Document(b"babcdefghaabcdefghb", 0)]], 9) == {}


def test_of_a_stretch_of_one_character_one_window_stays() -> None:
    corpus = [[Document(b"a" * 5_000, 1), Document(b"b" + b"a" * 900, 2)], [Document(b"a" * 700, 0)]]
    assert {place: len(each) for place, each in run(corpus, 100).items()} == {(0, 0): 5_000, (0, 1): 900, (1, 0): 600}


def test_a_page_in_a_million_copies_crosses_once_a_unit() -> None:
    page = random.Random(1).randbytes(2_000)
    unit = Unit([Document(page, rank) for rank in range(500)], 500)
    num_cores = len(np.unique(unit.anchors["hash"]))
    assert num_cores < 2_000 / 62.5 * 1.5
    ((_, block),) = core_blocks(unit.anchors, 0, 1)
    assert len(block) == 8 + 8 * num_cores
    ((_, block),) = class_blocks(unit.anchors, unit.ranks, 0, 1)
    assert len(block) == 8 + 24 * num_cores
    codes = sort_out(unit.anchors, unit.ranks, unpack_verdicts([]), 500)
    assert (codes == REPEATED).sum() == 499 * num_cores
    assert (codes == MIXED).sum() == 0
