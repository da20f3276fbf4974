"""Anchors and windows: every window has its anchor, and the same one wherever it stands."""

import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.columns import TextColumn
from filters.duplicates.substrings import (
    SubstringSettings,
    find_anchors,
    find_windows,
    shrink_to_characters,
    window_spans,
)
from filters.edits import SPAN
from tests.filters.texts import AWKWARD, bundled_texts, column, texts

_FEW = st.lists(st.sampled_from(["a", "b", "ab" * 30, "c" * 70, "\u00e9x"]), max_size=20).map("".join)


def check(documents: Sequence[str], min_bytes: int) -> None:
    """Hold anchors and windows to what they promise of some documents."""
    texts_of = column(documents)
    anchors, runs = find_anchors(texts_of, min_bytes)
    groups, windows = find_windows(texts_of, anchors, min_bytes)
    data = [text.encode() for text in documents]
    placed = {(int(each["document"]), int(each["start"])): int(each["hash"]) for each in windows}
    in_runs = {
        (int(run["document"]), start) for run in runs for start in range(run["start"], run["end"] - min_bytes + 1)
    }
    assert len(placed) == len(windows)
    assert not placed.keys() & in_runs
    assert placed.keys() | in_runs == {(d, k) for d, text in enumerate(data) for k in range(len(text) - min_bytes + 1)}
    for d, start in in_runs:
        assert data[d].find(data[d][start : start + min_bytes], 0, start) >= 0
    pairs = {(data[d][start : start + min_bytes], each) for (d, start), each in placed.items()}
    assert len(pairs) == len({text for text, _ in pairs}) == len({each for _, each in pairs})
    check_groups(groups, windows, data, min_bytes)
    order = anchors[["document", "position"]].tolist()
    assert order == sorted(set(order))


def check_groups(groups: NDArray[np.void], windows: NDArray[np.void], data: Sequence[bytes], min_bytes: int) -> None:
    """Hold groups to their windows: at most 8, one core for all of equal windows, one context for equal bytes."""
    cores: dict[bytes, set[int]] = {}
    contexts: dict[tuple[int, bytes], set[int]] = {}
    taken = 0
    for group, span in zip(groups, window_spans(groups, min_bytes), strict=True):
        size = int(group["most"]) - int(group["least"]) + 1
        assert 1 <= size <= 8
        assert windows[taken : taken + size]["start"].tolist() == list(range(span["start"], span["start"] + size))
        text = data[group["document"]]
        for start in range(span["start"], span["start"] + size):
            cores.setdefault(text[start : start + min_bytes], set()).add(int(group["hash"]))
        union = (int(group["most"]), text[span["start"] : span["end"]])
        contexts.setdefault(union, set()).add(int(group["context"]))
        taken += size
    assert taken == len(windows)
    assert all(len(each) == 1 for each in cores.values())
    assert all(len(each) == 1 for each in contexts.values())
    assert len({each for some in contexts.values() for each in some}) == len(contexts)


@pytest.mark.parametrize("min_bytes", [8, 50])
def test_awkward_texts_have_an_anchor_for_each_window(min_bytes: int) -> None:
    check(AWKWARD, min_bytes)


@settings(max_examples=150)
@given(documents=st.lists(texts() | _FEW, max_size=4), min_bytes=st.sampled_from([8, 11, 16, 30]))
def test_any_texts_have_an_anchor_for_each_window(documents: list[str], min_bytes: int) -> None:
    check(documents, min_bytes)


def test_real_documents_have_an_anchor_for_each_window() -> None:
    check([text[:6_000] for text in bundled_texts()[::150]], 500)


@settings(max_examples=80)
@given(stretch=st.binary(min_size=40, max_size=90), around=st.tuples(*[st.binary(max_size=50)] * 4), seed=st.integers())
def test_the_windows_of_equal_stretches_have_anchors_of_equal_cores(
    stretch: bytes, around: tuple[bytes, ...], seed: int
) -> None:
    found: list[set[int]] = []
    for before, after in (around[:2], around[2:]):
        text = TextColumn(
            np.frombuffer(before + stretch + after, np.uint8), np.array([0, len(before + stretch + after)])
        )
        anchors, _ = find_anchors(text, 40)
        spans = window_spans(anchors, 40)
        is_inside = (spans["end"] >= len(before) + 40) & (spans["start"] <= len(before + stretch) - 40)
        found.append(set(anchors["hash"][is_inside].tolist()))
    assert found[0] & found[1]


def test_ordinary_text_has_an_anchor_every_eighth_of_a_window() -> None:
    noise = random.Random(2).randbytes(200_000).hex()
    anchors, runs = find_anchors(column([noise]), 500)
    assert 400_000 / len(anchors) == pytest.approx(500 / 8, rel=0.1)
    assert len(runs) == 0


@pytest.mark.parametrize("period", ["a", "ab", "a b c d e\n", "-" * 31 + "\n"])
def test_a_long_stretch_of_one_period_has_no_more_anchors_than_a_short_one(period: str) -> None:
    sizes = [len(find_anchors(column([period * (size // len(period))]), 500)[0]) for size in (20_000, 2_000_000)]
    assert sizes[1] <= sizes[0] + 500 // len(period) + 2


def test_documents_shorter_than_a_window_have_no_anchor() -> None:
    anchors, runs = find_anchors(column(["", "a" * 499, "b" * 500]), 500)
    assert anchors["document"].tolist() == [2]
    assert anchors[["position", "most", "least"]].tolist() == [(124, 124, 124)]
    assert len(runs) == 0
    assert [len(each) for each in find_windows(column([]), anchors[:0], 500)] == [0, 0]


def test_spans_shrink_to_whole_characters() -> None:
    texts_of = column(["x", "\u00e9\u20ac\U0001f600", "\U0001f600"])  # 2 + 3 + 4 bytes, and 4
    spans = np.array([(0, 0, 1, 0), (1, 0, 9, 0), (1, 1, 8, 0), (1, 3, 4, 0), (1, 6, 8, 0), (2, 0, 3, 0)], SPAN)
    assert shrink_to_characters(texts_of, spans).tolist() == [(0, 0, 1, 0), (1, 0, 9, 0), (1, 2, 5, 0)]
    assert len(shrink_to_characters(column([]), spans[:0])) == 0


@pytest.mark.parametrize("wrong", [{"min_bytes": 7}, {"max_removed": 0}, {"max_removed": 2}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SubstringSettings(**wrong)
