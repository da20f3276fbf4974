"""Accuracies and bits per byte of sets of questions: against a slow twin, and what shots and samples are."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mixes.errors import DataError
from tests.trainer.evaluation.quiet import QUIET
from tests.trainer.evaluation.tiny_model import CONTEXT
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.formats import NORMALIZATIONS, Normalization
from trainer.evaluation.questions import Question, QuestionSet
from trainer.evaluation.requests import continuation
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.tasks import Task, TaskResult

WORDS = ["the", "and", "of", "land", "king", "queen", "ring", "in", "on", "where", "there", "naïve"]


def question_set(count: int, task: str = "arc-challenge", subjects: int = 0, choices: int = 3) -> QuestionSet:
    """Return questions of words drawn from a seed."""
    random = np.random.default_rng(0)

    def words() -> str:
        return " ".join(random.choice(WORDS, random.integers(1, 4)).tolist())

    questions = tuple(
        Question(
            id=str(number),
            text=words(),
            passage="",
            subject=f"s{number % subjects}" if subjects else "",
            choices=tuple(words() for _ in range(choices)),
            answer=int(random.integers(choices)),
        )
        for number in range(count)
    )
    return QuestionSet(task=task, questions=questions, has_choices=choices > 1)


def nll_of(scorer: Scorer, encoder: Encoder, context: str, following: str) -> tuple[float, int]:
    """Return the nll and the number of tokens of one continuation, asked for alone."""
    (pair,) = encoder.pairs([(context, following)])
    ((_, (nll,)),) = scorer.scored([pair], lambda each: [continuation(*each, scorer.max_length)], QUIET)
    return float(nll.sum()), len(nll)


def slow_choice(scorer: Scorer, encoder: Encoder, task: Task, question: Question) -> dict[str, int]:
    """Return which choice each way of judging takes."""
    cloze, lettered = task.prompts(question)
    found: dict[str, list[float]] = {name: [] for name in (*NORMALIZATIONS, "multiple_choice")}
    for context, following in zip(cloze.contexts, cloze.continuations, strict=True):
        nll, num_tokens = nll_of(scorer, encoder, context, following)
        alone, _ = nll_of(scorer, encoder, "Answer:", following)
        found["raw"].append(nll)
        found["per_character"].append(nll / len(following[1:]))
        found["per_token"].append(nll / num_tokens)
        found["per_byte"].append(nll / len(following[1:].encode()))
        found["unconditional"].append(nll - alone)
    for context, letter in zip(lettered.contexts, lettered.continuations, strict=True):
        found["multiple_choice"].append(nll_of(scorer, encoder, context, letter)[0])
    return {name: int(np.argmin(values)) for name, values in found.items()}


def test_accuracies_are_those_of_a_slow_twin(scorer: Scorer, encoder: Encoder) -> None:
    task = Task(question_set(7), encoder, shots=1, max_questions=99)
    result = task.score(scorer)
    chosen = [slow_choice(scorer, encoder, task, question) for question in task.asked]
    right = {
        name: np.mean([choice[name] == question.answer for choice, question in zip(chosen, task.asked, strict=True)])
        for name in chosen[0]
    }
    assert result.cloze == pytest.approx({name: right[name] for name in NORMALIZATIONS})
    assert result.multiple_choice == pytest.approx(right["multiple_choice"])
    assert result.questions == 6
    better = max(right["unconditional"], right["multiple_choice"])
    assert result.score == pytest.approx(better)
    assert result.standard_error == pytest.approx(math.sqrt(better * (1 - better) / 6))


def test_bits_per_byte_are_the_mean_over_the_right_answers(scorer: Scorer, encoder: Encoder) -> None:
    task = Task(question_set(5, choices=1), encoder, shots=0, max_questions=99)
    result = task.score(scorer)
    bits = []
    for question in task.asked:
        nll, _ = nll_of(scorer, encoder, f"Question: {question.text}\nAnswer:", f" {question.choices[0]}")
        bits.append(nll / math.log(2) / len(question.choices[0].encode()))
    assert result.bits_per_byte == pytest.approx(np.mean(bits), abs=1e-6)
    assert result == TaskResult(
        task="arc-challenge", questions=5, shots=0, truncated=0, bits_per_byte=result.bits_per_byte
    )


def test_subjects_count_alike_and_have_solved_questions_of_their_own(scorer: Scorer, encoder: Encoder) -> None:
    questions = question_set(9, task="mmlu", subjects=2)
    task = Task(questions, encoder, shots=1, max_questions=1)
    result = task.score(scorer)
    alone = []
    for subject in ("s0", "s1"):
        own = tuple(question for question in questions.questions if question.subject == subject)
        alone.append(Task(replace(questions, questions=own), encoder, shots=1, max_questions=99).score(scorer))
    assert result.questions == sum(each.questions for each in alone) == 7
    for name in NORMALIZATIONS:
        assert share(result, name) == pytest.approx(np.mean([share(each, name) for each in alone]))


def share(result: TaskResult, name: Normalization) -> float:
    assert result.cloze is not None
    return result.cloze[name]


def test_solved_questions_are_the_first_drawn_and_are_not_asked(encoder: Encoder) -> None:
    questions = question_set(9)
    two, none = (Task(questions, encoder, shots=shots, max_questions=99) for shots in (2, 0))
    assert two.asked == none.asked[2:]
    context = two.prompts(two.asked[0])[0].contexts[0]
    assert all(f"Question: {question.text}\nAnswer: " in context for question in none.asked[:2])


@pytest.mark.parametrize(
    ("task", "text", "choice"),
    [("winogrande", "the _ ", "ring"), ("hellaswag", "the", "[step]"), ("arc-easy", "a", " ")],
)
def test_a_question_with_nothing_to_score_is_refused(encoder: Encoder, task: str, text: str, choice: str) -> None:
    questions = question_set(3, task)
    blank = replace(questions.questions[1], text=text, choices=(choice, choice), answer=0)
    with pytest.raises(DataError, match=f"{task}: question '1': found a choice without text to score"):
        Task(replace(questions, task=task, questions=(blank,)), encoder, shots=0, max_questions=9)


@pytest.mark.parametrize(("max_questions", "asked"), [(6, 9), (5, 5), (1, 1)])
def test_a_set_is_sampled_beyond_one_and_a_half_times_what_is_wanted(
    encoder: Encoder, max_questions: int, asked: int
) -> None:
    whole = Task(question_set(9), encoder, shots=0, max_questions=99).asked
    assert Task(question_set(9), encoder, shots=0, max_questions=max_questions).asked == whole[:asked]


def test_questions_that_do_not_fit_are_counted(scorer: Scorer, encoder: Encoder) -> None:
    result = Task(question_set(8), encoder, shots=5, max_questions=99).score(scorer)
    assert CONTEXT < 60
    assert result.truncated == result.questions == 3


def test_more_solved_questions_than_there_are_is_refused(encoder: Encoder) -> None:
    with pytest.raises(DataError, match="found no question beyond 3 solved ones"):
        Task(question_set(3), encoder, shots=3, max_questions=9)
