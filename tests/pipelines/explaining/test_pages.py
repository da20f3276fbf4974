"""Tests of how an explanation looks."""

import dataclasses

import pytest

from pipelines.explaining.explanation import Explanation, Limit, Measured, Piece, Place, Texts, Verdict
from pipelines.explaining.pages import explanation_page

PLACE = Place(
    source="web",
    id="a",
    shard="web/0.jsonl",
    row=3,
    byte_offset=None,
    byte_length=None,
    shard_digest="0" * 64,
    shard_bytes=10,
    shard_damage=None,
)
TOLD = Explanation(
    mix="small",
    place=PLACE,
    bytes=5,
    edited_bytes=5,
    digest="0" * 32,
    verdict=Verdict(kept=True),
    measures=(),
    edits=(),
    cluster=None,
    tokens=None,
    texts=None,
    texts_missing=None,
)


def differing(*pieces: Piece) -> Explanation:
    return dataclasses.replace(TOLD, texts=Texts(excerpt="", spans=(), repeats=None, difference=pieces))


def test_what_differs_is_marked_when_piped_and_coloured_at_a_terminal() -> None:
    told = differing(Piece(kind="same", text="one"), Piece(kind="removed", text=" two"), Piece(kind="added", text=" 2"))
    assert "  one[- two-]{+ 2+}" in explanation_page(told, coloured=False)
    assert "  one\x1b[31m two\x1b[0m\x1b[32m 2\x1b[0m" in explanation_page(told, coloured=True)


def test_far_from_a_change_what_is_the_same_is_only_counted() -> None:
    told = differing(Piece(kind="same", text="x" * 1_000), Piece(kind="added", text=" end"))
    assert f"  ... 880 characters ... {'x' * 120}{{+ end+}}" in explanation_page(told, coloured=False)


def test_a_long_change_is_cut_and_what_is_left_out_counted() -> None:
    told = differing(Piece(kind="removed", text="y" * 5_000))
    assert f"[-{'y' * 2_000} ... 3,000 characters more-]" in explanation_page(told, coloured=False)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.25, "0.25"), (12345, "12,345"), (float("nan"), "not a number"), (None, "none"), ("en", "en")],
)
def test_values_of_measures_are_shown_as_numbers_and_labels(value: float | str | None, shown: str) -> None:
    told = dataclasses.replace(TOLD, measures=(Measured(name="score", value=value, limits=(), divides=True),))
    assert f"  score  {shown}" in explanation_page(told, coloured=False)


def test_measures_that_decide_nothing_are_counted_and_shown_on_demand() -> None:
    limit = Limit(reason="words_min", wanted="at least 50", passed=True)
    words = Measured(name="words", value=60, limits=(limit,))
    score, idle = Measured(name="score", value=0.5, limits=(), divides=True), Measured(name="idle", value=7, limits=())
    told = dataclasses.replace(TOLD, measures=(words, score, idle))
    few = explanation_page(told, coloured=False).splitlines()
    assert few[-4:-1] == ["measures", "  ok  words  60   wanted at least 50", "      score  0.5  divides its source"]
    assert few[-1] == "  and 1 more that decide nothing here: --all-measures shows them"
    assert explanation_page(told, coloured=False, all_measures=True).splitlines()[-1] == "      idle   7"
