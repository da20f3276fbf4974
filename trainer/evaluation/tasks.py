"""Questions answered by likelihood: accuracy under each normalization, and bits per byte of the right answers.

Solved questions come from the set itself: the first in an order drawn by (seed, id), within the subject where the set
has subjects. They are not asked. OLMES takes curated ones from training sets, which a local file need not have. Its
other rules hold: a large set is sampled, the cloze formulation is judged by the set's own normalization, the better of
the two formulations counts, subjects are averaged with equal shares.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mixes.errors import DataError
from trainer.evaluation.encoding import Encoder, Pair
from trainer.evaluation.formats import NORMALIZATIONS, UNCONDITIONAL, Format, Normalization, Prompt, format_of
from trainer.evaluation.progress import Progress
from trainer.evaluation.questions import Question, QuestionSet, in_drawn_order
from trainer.evaluation.requests import Request, alternatives, continuation
from trainer.evaluation.scoring import Nll, Scorer
from trainer.evaluation.sums import bits_per_byte

DRAW_SEED = 1234  # OLMES's, section 3.2; its draw is another, as it is by position in the published file
_SPARED = 1.5  # a set of up to 1.5 times `max_questions` is asked whole: 1,500 and 1,000 in OLMES
_COLUMNS = ("questions", "truncated", "bits_per_byte", "multiple_choice", *NORMALIZATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What a model reached on a set of questions; accuracies lie in [0, 1].

    Attributes:
        task: name of the set.
        questions: how many were asked.
        shots: solved questions before each.
        truncated: questions that lost tokens at the front, as they did not fit.
        bits_per_byte: of the right answers in the cloze formulation; the mean over questions.
        cloze: accuracy by normalization, None where the set has no choices.
        multiple_choice: accuracy of the letters, None where the set has no choices.
        normalization: the one that OLMES judges the cloze formulation of this set by.
        score: the better of cloze by that normalization and multiple choice; None where the set has no choices.
        formulation: which of the two that is.
        standard_error: of the score.
    """

    task: str
    questions: int
    shots: int
    truncated: int
    bits_per_byte: float
    cloze: Mapping[Normalization, float] | None = None
    multiple_choice: float | None = None
    normalization: Normalization | None = None
    score: float | None = None
    formulation: str | None = None
    standard_error: float | None = None


class Task:
    """A set of questions, ready to be asked.

    Attributes:
        solved: the questions that stand solved before the others, by subject.
        asked: the questions that are asked.

    Args:
        questions: of the set.
        encoder: the model's tokenizer.
        shots: solved questions before each, at least 0; fewer than the set has.
        max_questions: a set of more than 1.5 times so many is sampled; one with subjects is not.

    Raises:
        DataError: no question is left to be asked, or one has nothing that could be scored.
    """

    def __init__(self, questions: QuestionSet, encoder: Encoder, *, shots: int, max_questions: int) -> None:
        self._set = questions
        self._encoder = encoder
        self._num_shots = shots
        self._format = format_of(questions.task)
        for question in questions.questions:
            if not all(following.strip() for following in self._format.cloze(question).continuations):
                raise DataError(
                    f"{questions.task}: question {question.id!r:.80}: found a choice without text to score; "
                    "wanted text in each, and behind the `_` where choices fill one; leave the question out"
                )
        by_subject: dict[str, list[Question]] = {}
        for question in in_drawn_order(questions.questions, DRAW_SEED):
            by_subject.setdefault(question.subject, []).append(question)
        self._subjects = sorted(by_subject)
        self.solved = {subject: each[:shots] for subject, each in by_subject.items()}
        asked = {subject: each[shots:] for subject, each in by_subject.items()}
        if len(asked) == 1:
            asked = {subject: _sampled(each, max_questions) for subject, each in asked.items()}
        self.asked = [question for subject in self._subjects for question in asked[subject]]
        if not self.asked:
            raise DataError(f"{questions.task}: found no question beyond {shots} solved ones; wanted fewer --shots")

    def prompts(self, question: Question) -> tuple[Prompt, Prompt]:
        """Return a question in the cloze and in the multiple choice formulation, behind the solved ones."""
        solved, heading = self.solved[question.subject], self._format.heading(question.subject)
        cloze, lettered = self._format.cloze, self._format.multiple_choice
        return (
            cloze(question).after([cloze(each).solved() for each in solved], heading),
            lettered(question).after([lettered(each).solved() for each in solved], heading),
        )

    def score(self, scorer: Scorer) -> TaskResult:
        """Return what a model reaches; every rank calls it and gets all of it."""
        number_of = {subject: number for number, subject in enumerate(self._subjects)}
        sums = np.zeros((len(self._subjects), len(_COLUMNS)))

        def requests_of(question: Question) -> list[list[Request]]:
            pairs = self._pairs(question)
            needed = max(len(context) + len(following) - 1 for context, following in pairs)
            sums[number_of[question.subject], 1] += needed > scorer.max_length
            return _grouped(pairs, len(question.choices), scorer.max_length)

        progress = Progress(self._set.task, "questions", len(self.asked))
        for question, groups in scorer.scored(self.asked, requests_of, progress):
            row = sums[number_of[question.subject]]
            row[0] += 1
            row[2:] += _figures(self._format, question, groups)
        return self._result(scorer.summed(sums))

    def _pairs(self, question: Question) -> list[Pair]:
        """Return contexts and continuations as tokens: of the cloze form, its choices alone, and the letters."""
        cloze, lettered = self.prompts(question)
        texts = list(zip(cloze.contexts, cloze.continuations, strict=True))
        if self._set.has_choices:
            texts += [(UNCONDITIONAL, following) for following in cloze.continuations]
            texts += zip(lettered.contexts, lettered.continuations, strict=True)
        return self._encoder.pairs(texts)

    def _result(self, sums: NDArray[np.float64]) -> TaskResult:
        sums = sums[sums[:, 0] > 0]  # without subjects that have no question beyond the solved ones
        counts = sums[:, 0]
        of_subjects = dict(zip(_COLUMNS[2:], (sums[:, 2:] / counts[:, None]).T, strict=True))
        means = {name: float(of_subject.mean()) for name, of_subject in of_subjects.items()}
        common = TaskResult(
            task=self._set.task,
            questions=int(counts.sum()),
            shots=self._num_shots,
            truncated=int(sums[:, 1].sum()),
            bits_per_byte=means["bits_per_byte"],
        )
        if not self._set.has_choices:
            return common
        normalization = self._format.normalization
        is_cloze = means[normalization] >= means["multiple_choice"]
        winner = of_subjects[normalization if is_cloze else "multiple_choice"]
        return replace(
            common,
            cloze={name: means[name] for name in NORMALIZATIONS},
            multiple_choice=means["multiple_choice"],
            normalization=normalization,
            score=float(winner.mean()),
            formulation="cloze" if is_cloze else "multiple_choice",
            standard_error=math.sqrt(float((winner * (1 - winner) / counts).sum())) / len(counts),
        )


def _sampled(questions: list[Question], max_questions: int) -> list[Question]:
    """Return questions in drawn order, the first of them where they are too many."""
    return questions[:max_questions] if len(questions) > _SPARED * max_questions else questions


def _grouped(pairs: Sequence[Pair], num_choices: int, max_length: int) -> list[list[Request]]:
    """Return the requests of a question; letters of one token each share one, as their contexts are the same."""
    lettered = pairs[2 * num_choices :] if len(pairs) > num_choices else []
    groups = [continuation(*pair, max_length) for pair in pairs[: len(pairs) - len(lettered)]]
    if lettered and all(len(following) == 1 for _, following in lettered):
        letters = [following[0] for _, following in lettered]
        return [*groups, [alternatives(lettered[0][0], letters, max_length)]]
    return [*groups, *(continuation(*pair, max_length) for pair in lettered)]


def _figures(form: Format, question: Question, groups: Sequence[Nll]) -> list[float]:
    """Return what a question adds to the columns after the first two."""
    prompt = form.cloze(question)
    answer, count = prompt.answer, len(prompt.continuations)
    texts = [continuation.removeprefix(" ") for continuation in prompt.continuations]
    nll = np.array([group.sum() for group in groups[:count]])
    num_bytes = np.array([len(text.encode()) for text in texts])
    bits = bits_per_byte(nll[answer], int(num_bytes[answer]))
    if len(groups) == count:
        return [bits, *[0.0] * (len(_COLUMNS) - 3)]
    lettered = groups[2 * count :]
    by_letter = lettered[0] if len(lettered) == 1 else np.array([group.sum() for group in lettered])
    normalized = {
        "raw": nll,
        "per_character": nll / np.array([len(text) for text in texts]),
        "per_token": nll / np.array([len(group) for group in groups[:count]]),
        "per_byte": nll / num_bytes,
        "unconditional": nll - np.array([group.sum() for group in groups[count : 2 * count]]),
    }
    # The first of equals, as numpy and so lm-eval choose.
    chosen = [by_letter.argmin(), *(normalized[name].argmin() for name in NORMALIZATIONS)]
    return [bits, *(float(choice == answer) for choice in chosen)]
