"""Overlap of n-grams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.contamination import overlap
from filters.contamination.evaluations import Evaluation, read_evaluations
from filters.contamination.overlap import OverlapFinder, OverlapIndex
from filters.contamination.words import find_words
from tests.filters.contamination.made_up import documents, rows
from tests.filters.contamination.plain import PlainOverlap
from tests.filters.texts import DATA, bundled_documents, column

ROW = Evaluation(
    name="t/1",
    question="one two three four",
    answers=("five six seven",),
    choices=("five six seven", "nine ten eleven"),
    passage="red green blue",
)


def measured(finder: OverlapFinder, texts: list[str]) -> list[tuple[float, float, int]]:
    words = find_words(column(texts))
    found = finder.find(words, np.empty(len(words.hashes), np.int32))
    return list(
        zip(finder.shares(found).tolist(), found["coverage"].tolist(), found["stretches"].tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("text", "share", "coverage", "stretches"),
    [
        ("", 0, 0, 0),
        ("one two", 0, 0, 0),
        ("one two three", 1, 1 / 3, 1),
        ("One, two; THREE four!", 1, 2 / 3, 1),
        ("one two three five six seven", 2 / 4, 2 / 3, 1),  # they touch
        ("one two three x five six seven", 2 / 5, 2 / 3, 2),
        ("one two three x one two three", 2 / 5, 1 / 3, 2),  # a row's n-gram counts once
        ("nine ten eleven", 1, 0, 1),  # a wrong choice is not the row's own
        ("x red green blue", 1 / 2, 0, 1),
        ("three four five", 0, 0, 0),  # no n-gram reaches from the question into the answer
    ],
)
def test_known_texts(text: str, share: float, coverage: float, stretches: int) -> None:
    finder = OverlapFinder(OverlapIndex.build([ROW], 3))
    assert measured(finder, [text, text]) == [(share, coverage, stretches)] * 2


def test_the_longest_stretch_is_kept_and_names_a_row() -> None:
    other = Evaluation(name="t/2", question="p q r s t u")
    finder = OverlapFinder(OverlapIndex.build([ROW, other], 3))
    words = find_words(column(["x", "one two three x p q r s y five six seven"]))
    found = finder.find(words, np.empty(len(words.hashes), np.int32))[1]
    assert (found["start"], found["end"]) == (1 + 4, 1 + 8)
    assert finder.row_of(int(found["ngram"])) == 1


def test_ngrams_of_many_rows_count_nowhere() -> None:
    same = [Evaluation(name=f"t/{k}", question=f"one two three w{k} four") for k in range(overlap.MAX_ROWS)]
    assert measured(OverlapFinder(OverlapIndex.build(same, 3)), ["one two three"]) == [(1, 1 / 3, 1)]
    index = OverlapIndex.build([*same, ROW], 3)
    assert index.num_own.tolist() == [2] * overlap.MAX_ROWS + [2]
    assert measured(OverlapFinder(index), ["one two three"]) == [(0, 0, 0)]


def test_ngrams_of_numbers_alone_count_nowhere() -> None:
    row = Evaluation(name="t/1", question="count 1 2 3 4 to 5")
    finder = OverlapFinder(OverlapIndex.build([row], 3))
    assert measured(finder, ["1 2 3 4 x count 1 2"]) == [(1 / 6, 1 / 3, 1)]


@given(st.data(), rows(), st.integers(1, 8), st.sampled_from([1, 2, 64]))
def test_measures_agree_with_the_definition(
    data: st.DataObject, made_up: list[Evaluation], size: int, max_rows: int
) -> None:
    texts = data.draw(documents(made_up))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "MAX_ROWS", max_rows)
        index = OverlapIndex.build(made_up, size)
    plain = PlainOverlap(made_up, size, max_rows)
    assert index.num_own.tolist() == [len(grams) for grams in plain.own]
    finder = OverlapFinder(index)
    wanted = [plain.measures(text) for text in texts]
    assert measured(finder, texts) == wanted
    assert measured(finder, texts[::-1]) == wanted[::-1]


@pytest.mark.parametrize("size", [8, 13])
def test_real_documents_agree_with_the_definition(size: int) -> None:
    found = list(read_evaluations([str(path) for path in sorted((DATA / "eval").iterdir())]))
    texts = [*[*bundled_documents().values()][::20], *(f"{row.question} {row.answers[0]}" for row in found[::40])]
    plain = PlainOverlap(found, size, overlap.MAX_ROWS)
    values = measured(OverlapFinder(OverlapIndex.build(found, size)), texts)
    assert values == [plain.measures(text) for text in texts]
    assert any(stretches for _, _, stretches in values)
