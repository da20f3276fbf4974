"""The answer-aware score."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.contamination import answer_index
from filters.contamination.answer_index import AnswerIndex
from filters.contamination.answers import AnswerFinder
from filters.contamination.evaluations import Evaluation, read_evaluations
from filters.contamination.words import find_words
from tests.filters.contamination.made_up import documents, rows
from tests.filters.contamination.plain import PlainAnswers
from tests.filters.texts import DATA, bundled_documents, column

QUESTION = "how many large eggs do the ducks of the old farmer lay in every week of a warm and rather rainy summer"
ROW = Evaluation(name="t/1", question=QUESTION, answers=("112 brown eggs in all weeks",))
FILLER = " ".join(f"filler{k}" for k in range(70))


def found_in(finder: AnswerFinder, texts: Sequence[str]) -> list[tuple[int, int, float, int, int, int, int]]:
    """Return document, row, score, question and answer of each hit, places within the document."""
    words = find_words(column(texts))
    hits = finder.find(words, np.empty(len(words.hashes), np.int32))
    first = words.offsets[hits["document"]]
    for place in ("start", "end", "answer_start", "answer_end"):
        hits[place] -= first
    return [tuple(hit) for hit in hits.tolist()]


def score(rows: Sequence[Evaluation], text: str, min_words: int = 0) -> float:
    hits = found_in(AnswerFinder(AnswerIndex.build(rows, min_words)), [text])
    return max((hit[2] for hit in hits), default=0.0)


def test_a_question_and_its_answer_score_one() -> None:
    text = f"Once: {QUESTION.upper()}? Answer. 112 brown eggs, in all weeks."
    assert found_in(AnswerFinder(AnswerIndex.build([ROW])), ["", text]) == [(1, 0, 1.0, 1, 23, 24, 30)]


def test_a_question_without_its_answer_scores_less() -> None:
    # 18 different 5-grams are trusted by 0.95, and 28 words ask for 1 - 0.2 * 8 / 30.
    assert score([ROW], QUESTION) == pytest.approx(0.75 * 0.95 * 0.8 / (1 - 0.2 * 8 / 30))


def test_a_question_that_is_all_of_a_row_scores_one() -> None:
    assert score([Evaluation(name="t/1", question=QUESTION)], QUESTION) == 1.0


def test_a_short_question_must_be_whole() -> None:
    assert score([ROW], QUESTION.replace("large", "small")) == 0.0


def test_a_long_question_may_be_changed_a_little() -> None:
    long = Evaluation(name="t/1", question=f"{QUESTION} {FILLER}", answers=("112",))
    assert 0.8 < score([long], f"{QUESTION.replace('large', 'small')} {FILLER}: 112") < 1.0


def test_an_answer_of_three_words_must_be_whole_and_within_fifty() -> None:
    row = Evaluation(name="t/1", question=QUESTION, answers=("a dozen eggs",))
    assert score([row], f"{QUESTION} a dozen eggs") == 1.0
    assert score([row], f"{QUESTION} dozen eggs") < 0.8
    assert score([row], " ".join([QUESTION, *FILLER.split()[:47], "a dozen eggs"])) == 1.0
    assert score([row], " ".join([QUESTION, *FILLER.split()[:48], "a dozen eggs"])) < 0.8


def test_an_answer_before_its_question_does_not_count() -> None:
    assert score([ROW], f"112 brown eggs in all weeks. {QUESTION}") < 0.8


def test_a_passage_counts_before_the_question() -> None:
    row = Evaluation(name="t/1", question=QUESTION, answers=("112",), passage="A farmer has ducks near the pond.")
    assert score([row], f"{row.passage} {QUESTION} 112") == 1.0
    assert score([row], f"{QUESTION} 112 {row.passage}") < 1.0


def test_any_answer_will_do_and_the_best_row_is_named() -> None:
    rows = [ROW, Evaluation(name="t/2", question=QUESTION, answers=("never", "a dozen"))]
    ((_, row, found, *_),) = found_in(AnswerFinder(AnswerIndex.build(rows)), [f"{QUESTION} a dozen"])
    assert (row, found) == (1, 1.0)


def test_the_question_is_where_most_of_it_is() -> None:
    text = f"In every week of a warm day: {QUESTION} 112 brown eggs in all weeks"
    ((*_, start, end, answer_start, answer_end),) = found_in(AnswerFinder(AnswerIndex.build([ROW])), [text])
    assert (start, end, answer_start, answer_end) == (7, 29, 29, 35)


def test_rows_that_chance_could_match_are_listed() -> None:
    short = Evaluation(name="t/2", question="What do ducks lay?", answers=("eggs",))
    dull = Evaluation(name="t/3", question="a a a a a b", answers=(QUESTION,))
    assert AnswerIndex.build([ROW, short, dull]).too_short == (1, 2)
    assert AnswerIndex.build([ROW, short, dull], min_words=30).too_short == (0, 1, 2)


def test_rows_whose_wording_is_that_of_many_are_listed() -> None:
    alike = [Evaluation(name=f"t/{k}", question=f"{QUESTION} w{k}") for k in range(answer_index.MAX_QUESTIONS)]
    index = AnswerIndex.build([*alike, Evaluation(name="t/last", question=QUESTION, answers=("112",))])
    assert index.too_common == (len(alike),)


def test_a_question_of_too_many_answers_is_listed() -> None:
    rows = [
        Evaluation(name=f"t/{k}", question=QUESTION, answers=(f"{k} eggs",)) for k in range(answer_index.MAX_QUESTIONS)
    ]
    assert score(rows, f"{QUESTION} 3 eggs") == 1.0
    rows.append(Evaluation(name="t/last", question=QUESTION, answers=("no eggs",)))
    assert AnswerIndex.build(rows).too_common == tuple(range(len(rows)))
    assert score(rows, f"{QUESTION} 3 eggs") == 0.0


def test_there_may_be_no_row() -> None:
    assert found_in(AnswerFinder(AnswerIndex.build([])), ["", QUESTION]) == []


@settings(max_examples=200)
@given(st.data(), rows(), st.sampled_from([1, 2, 64]), st.sampled_from([0, 12]))
def test_hits_agree_with_the_definition(
    data: st.DataObject, made_up: list[Evaluation], max_questions: int, min_words: int
) -> None:
    texts = data.draw(documents(made_up))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_index, "MAX_QUESTIONS", max_questions)
        index = AnswerIndex.build(made_up, min_words)
    check(AnswerFinder(index), PlainAnswers(made_up, min_words, max_questions), texts)


def check(finder: AnswerFinder, plain: PlainAnswers, texts: Sequence[str]) -> int:
    """Hold hits to their definition; return how many there were."""
    wanted = sorted(
        (document, hit.row, *hit.question, *hit.answer, hit.score)
        for document, text in enumerate(texts)
        for hit in plain.hits(text)
    )
    found = sorted((document, row, *places, value) for document, row, value, *places in found_in(finder, texts))
    assert [hit[:-1] for hit in found] == [hit[:-1] for hit in wanted]
    np.testing.assert_allclose([hit[-1] for hit in found], [hit[-1] for hit in wanted], rtol=0, atol=1e-9)
    return len(found)


def test_hits_in_real_documents_agree_with_the_definition() -> None:
    read = [*read_evaluations([str(path) for path in sorted((DATA / "eval").iterdir())])][::10]
    texts = [text for (shard, _), text in bundled_documents().items() if shard.startswith(("flan", "math/gsm8k"))]
    own = [f"{row.question} {' '.join(row.answers)}" for row in read[::5]]
    finder, plain = AnswerFinder(AnswerIndex.build(read, 0)), PlainAnswers(read, 0, answer_index.MAX_QUESTIONS)
    assert check(finder, plain, [*texts[::20], *own]) > len(own) // 2


def test_time_is_linear_where_one_question_is_repeated() -> None:
    finder = AnswerFinder(AnswerIndex.build([ROW] * 3 + [Evaluation(name="t/4", question=f"{QUESTION} then")]))

    def seconds(repeats: int, between: str) -> float:
        text = f"{QUESTION} {between} " * repeats
        finder_time = time.process_time()
        assert found_in(finder, [text])
        return time.process_time() - finder_time

    for between in ("", FILLER):
        seconds(100, between)
        assert seconds(20_000, between) < 60 * max(seconds(2_000, between), 0.001)
