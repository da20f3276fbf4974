"""Runs against their definition in Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.text.runs import MAX_PERIOD, MEASURES, MIN_REPEATS, RunsGroup
from tests.filters.texts import AWKWARD, batch, bundled_texts, texts


def runs_of(text: str) -> dict[str, float]:
    """Return every measure, by its definition."""
    data = text.encode()
    begins = [byte & 0xC0 != 0x80 for byte in data] + [True]
    covered: set[int] = set()
    longest, repeats = 0, 0
    for period in range(1, MAX_PERIOD + 1):
        for start, end in stretches(data, period):
            if end - start < MIN_REPEATS * period or not data[start : start + period].strip():
                continue
            first = next((i for i in range(start, end) if begins[i]), end)
            last = next((i for i in range(end, first, -1) if begins[i]), first)
            if first < last:
                covered.update(range(first, last))
                longest = max(longest, sum(begins[first:last]))
                repeats = max(repeats, (end - start) // period)
    return {
        "max_repeated_run_characters": longest,
        "max_run_repeats": repeats,
        "repeated_run_character_fraction": sum(begins[i] for i in covered) / len(text) if text else 0.0,
    }


def stretches(data: bytes, period: int) -> list[tuple[int, int]]:
    """Return the longest stretches in which every byte is the byte one period later."""
    found, start = [], 0
    for i in range(len(data) - period + 1):
        if i == len(data) - period or data[i] != data[i + period]:
            found.append((start, i + period))
            start = i + 1
    return found


def check(documents: list[str]) -> None:
    found, defined = RunsGroup().measure(batch(documents)), [runs_of(text) for text in documents]
    assert list(found) == list(RunsGroup().columns())
    for each in MEASURES:
        wanted = np.array([row[each.name] for row in defined], found[each.name].dtype)
        np.testing.assert_allclose(found[each.name], wanted, rtol=0, atol=1e-9, err_msg=each.name)


@pytest.mark.parametrize(
    ("text", "longest", "repeats"),
    [
        ("", 0, 0),
        ("aaa", 0, 0),
        ("aaaa", 4, 4),
        ("ha ha ha ha", 0, 0),
        ("ha ha ha ha ", 12, 4),
        ("x" + "-=" * 5 + "-", 11, 5),
        ("    \n\n\n\n", 0, 0),
        ("日日日日", 4, 4),
        ("日本" * 4, 8, 4),
        ("\U0001f600\U0001f601\U0001f602", 0, 0),
        ("a" * 16 + "b" * 17, 17, 17),
        (("x" * 63 + "y") * 4, 256, 63),
        ((bytes(range(65, 123)).decode() + "0123456") * 4, 0, 0),
    ],
)
def test_runs_of_known_texts(text: str, longest: int, repeats: int) -> None:
    found = RunsGroup().measure(batch([text]))
    assert (found["max_repeated_run_characters"].tolist(), found["max_run_repeats"].tolist()) == ([longest], [repeats])


@settings(max_examples=200)
@given(st.lists(st.one_of(texts(), st.text("ab é日", max_size=60)), max_size=3))
def test_runs_are_their_definition(documents: list[str]) -> None:
    check(documents)


def test_runs_of_awkward_and_bundled_documents_are_their_definition() -> None:
    check([*AWKWARD, *bundled_texts()[::400]])


def test_no_documents_give_no_values() -> None:
    assert [len(values) for values in RunsGroup().measure(batch([])).values()] == [0, 0, 0]
