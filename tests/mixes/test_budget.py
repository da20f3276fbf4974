"""Budget arithmetic: sums to the token, errors with figures and remedy, and the cut against a brute-force twin."""

import itertools
import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.budget import Cut, Epochs, Prefix, bin_rows, cut_source, find_cut_bin, plan_epochs, plan_tokens
from mixes.errors import SpecError
from mixes.hashing import NUM_BINS, key_bins

Document = tuple[int, int, int]
"""Sampling key, tokens, bytes."""


@pytest.mark.parametrize(
    ("total", "proportions", "tokens"),
    [
        (10, [1.0], [10]),
        (10, [0.5, 0.5], [5, 5]),
        (11, [0.5, 0.5], [6, 5]),
        (10, [0.333, 0.333, 0.334], [3, 3, 4]),
        (2, [0.25, 0.25, 0.25, 0.25], [1, 1, 0, 0]),
        (0, [0.3, 0.7], [0, 0]),
        (50_000_000_000, [0.472, 0.166, 0.0585, 0.0711, 0.0245, 0.2079], None),
    ],
)
def test_tokens_of_known_proportions(total: int, proportions: list[float], tokens: list[int] | None) -> None:
    planned = plan_tokens(total, proportions)
    assert sum(planned) == total
    if tokens is None:
        tokens = [round(total * proportion) for proportion in proportions]
    assert planned == tokens


def test_proportions_count_as_the_decimals_that_are_written() -> None:
    # In binary, 0.1 + 0.2 is more than 0.3, and a tenth of 10**15 tokens would be off by one.
    assert plan_tokens(10**15, [0.1, 0.2, 0.7]) == [10**14, 2 * 10**14, 7 * 10**14]


@given(st.integers(0, 10**15), st.lists(st.integers(1, 10**6), min_size=1, max_size=12))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_planned_tokens_add_up_and_are_less_than_one_from_their_proportion(total: int, parts: list[int]) -> None:
    proportions = [part / sum(parts) for part in parts]
    planned = plan_tokens(total, proportions)
    assert sum(planned) == total
    for tokens, part in zip(planned, parts, strict=True):
        assert abs(tokens - total * part / sum(parts)) < 1 + total * 1e-12


@pytest.mark.parametrize(
    ("wanted", "available", "max_epochs", "epochs"),
    [
        (0, 0, 1, (0, 0)),
        (0, 10, 1, (0, 0)),
        (3, 10, 1, (0, 3)),
        (10, 10, 1, (1, 0)),
        (25, 10, 2.5, (2, 5)),
        (11, 10, 1.1, (1, 1)),
        (20, 10, 4, (2, 0)),
    ],
)
def test_epochs_of_known_sources(wanted: int, available: int, max_epochs: float, epochs: tuple[int, int]) -> None:
    assert plan_epochs("math", wanted, available, max_epochs) == Epochs(whole_epochs=epochs[0], rest_tokens=epochs[1])


@pytest.mark.parametrize(
    ("wanted", "available", "max_epochs", "total", "message"),
    [
        (
            10_500_000_000,
            4_000_000_000,
            2,
            50_000_000_000,
            (
                "source 'math': proportion 0.21 of 50,000,000,000 tokens needs 10,500,000,000, but 4,000,000,000 "
                "tokens x max_epochs 2 gives 8,000,000,000; lower proportion to 0.160 or raise max_epochs to 2.63"
            ),
        ),
        (
            26,
            10,
            2.5,
            None,
            (
                "source 'math': wants 26 tokens, but 10 tokens x max_epochs 2.5 gives 25; lower tokens to 25 or raise "
                "max_epochs to 2.6"
            ),
        ),
        (
            600,
            123,
            1,
            1_000_000,
            (
                "source 'math': proportion 0.0006 of 1,000,000 tokens needs 600, but 123 tokens x max_epochs 1 gives "
                "123; lower proportion to 0.000123 or raise max_epochs to 4.88"
            ),
        ),
        (
            5,
            0,
            1,
            10,
            (
                "source 'math': proportion 0.5 of 10 tokens needs 5, but no token of it survived; loosen what "
                "drops it, or leave it out"
            ),
        ),
    ],
)
def test_a_source_that_is_too_small_is_named_with_figures_and_remedy(
    wanted: int, available: int, max_epochs: float, total: int | None, message: str
) -> None:
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        plan_epochs("math", wanted, available, max_epochs, total=total)


@given(st.integers(1, 10**9), st.integers(10, 100), st.integers(1, 10**12))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_both_remedies_of_a_shortage_work(available: int, tenths: int, lacking: int) -> None:
    total, max_epochs = 2 * 10**12, tenths / 10
    wanted = available * tenths // 10 + lacking
    with pytest.raises(SpecError) as caught:
        plan_epochs("math", wanted, available, max_epochs, total=total)
    found = re.search(r"lower proportion to ([\d.]+) or raise max_epochs to ([\d.]+)$", str(caught.value))
    assert found
    lowered = plan_tokens(total, [float(found[1]), 1 - float(found[1])])[0]
    plan_epochs("math", lowered, available, max_epochs, total=total)
    plan_epochs("math", wanted, available, float(found[2]), total=total)


def cut(parts: Sequence[Sequence[Document]], rest_tokens: int) -> Cut:
    """Cut a source given as parts of unsorted documents, the way the assemble station does."""
    columns = []
    histogram = np.zeros(NUM_BINS, dtype=np.int64)
    for part in parts:
        ordered = sorted(part, key=lambda document: document[0])
        keys = np.array([key for key, _, _ in ordered], dtype=np.uint64)
        lengths = np.array([tokens for _, tokens, _ in ordered], dtype=np.int64)
        text_bytes = np.array([size for _, _, size in ordered], dtype=np.int64)
        np.add.at(histogram, key_bins(keys), lengths)
        columns.append((keys, lengths, text_bytes))
    number, tokens_before = find_cut_bin(histogram, rest_tokens)
    rows = [bin_rows(*column, number) for column in columns]
    assert sum(row.before.tokens for row in rows) == tokens_before
    return cut_source(rows, rest_tokens)


def brute_force_cut(parts: Sequence[Sequence[Document]], rest_tokens: int) -> tuple[int, list[tuple[int, int, int]]]:
    """Slow twin: take documents in the order (key, part, place) while they fit."""
    places = [
        (key, part, place, tokens, size)
        for part, documents in enumerate(parts)
        for place, (key, tokens, size) in enumerate(sorted(documents, key=lambda document: document[0]))
    ]
    prefixes = [[0, 0, 0] for _ in parts]
    room = rest_tokens
    for key, part, _, tokens, size in sorted(places):
        if tokens > room:
            return key, [(documents, held, text) for documents, held, text in prefixes]
        room -= tokens
        prefixes[part][0] += 1
        prefixes[part][1] += tokens
        prefixes[part][2] += size
    raise AssertionError("nothing was left out")


# Few keys, so that many are equal, in the same and in different bins; and any key.
KEYS = st.integers(0, 3) | st.integers(0, 3).map(lambda number: number << 52) | st.integers(0, 2**64 - 1)
DOCUMENTS = st.lists(st.tuples(KEYS, st.integers(1, 9), st.integers(0, 50)), max_size=12)


@given(st.lists(DOCUMENTS, min_size=1, max_size=4).filter(any), st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_the_cut_equals_its_brute_force_twin(parts: list[list[Document]], data: st.DataObject) -> None:
    available = sum(tokens for part in parts for _, tokens, _ in part)
    rest_tokens = data.draw(st.integers(0, available - 1))
    found = cut(parts, rest_tokens)
    prefixes = [(prefix.documents, prefix.tokens, prefix.bytes) for prefix in found.prefixes]
    assert (found.cut_key, prefixes) == brute_force_cut(parts, rest_tokens)


@given(st.lists(DOCUMENTS, min_size=1, max_size=3).filter(any))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_larger_budget_keeps_all_that_a_smaller_one_holds(parts: list[list[Document]]) -> None:
    available = sum(tokens for part in parts for _, tokens, _ in part)
    held = [[prefix.documents for prefix in cut(parts, rest).prefixes] for rest in range(available)]
    for smaller, larger in itertools.pairwise(held):
        assert all(less <= more for less, more in zip(smaller, larger, strict=True))


def test_documents_of_equal_key_are_taken_by_part_and_place() -> None:
    parts = [[(7, 2, 20), (7, 3, 30)], [(7, 4, 40)], [(6, 1, 10)]]
    found = cut(parts, 1 + 2 + 3)
    assert found.cut_key == 7
    assert [prefix.documents for prefix in found.prefixes] == [2, 0, 1]
    assert [prefix.bytes for prefix in found.prefixes] == [50, 0, 10]


def test_the_first_document_that_does_not_fit_ends_the_prefix_even_when_a_later_one_would_fit() -> None:
    found = cut([[(1, 5, 0), (2, 1, 0)]], 4)
    assert found == Cut(cut_key=1, prefixes=(Prefix(documents=0, tokens=0, bytes=0),))


def test_no_rest_takes_no_document() -> None:
    found = cut([[(9, 5, 0)], []], 0)
    assert found == Cut(cut_key=9, prefixes=(Prefix(documents=0, tokens=0, bytes=0),) * 2)


@pytest.mark.parametrize("rest_tokens", [-1, 5, 6])
def test_a_source_with_nothing_to_cut_is_refused(rest_tokens: int) -> None:
    with pytest.raises(ValueError, match="fewer than 5"):
        cut([[(9, 5, 0)]], rest_tokens)


def test_rows_of_another_bin_than_that_of_the_cut_are_refused() -> None:
    keys, lengths = np.array([0, 1 << 52, 2 << 52], dtype=np.uint64), np.array([5, 5, 5], dtype=np.int64)
    for number in (0, 2):
        with pytest.raises(ValueError, match="wanted the bin of the cut"):
            cut_source([bin_rows(keys, lengths, lengths, number)], 7)
