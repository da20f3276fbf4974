"""Questions of an evaluation set, as local JSON lines hold them.

A record has a `question` (or `prompt`), and either `choices` with the index of the right one as `answer`, or no choices
and the answer as text: `solution` where there is one, else `canonical_solution`, else `answer`, the first of a list.
`task` names the set, `passage` is text that the question is about, `subject` groups questions whose groups are averaged
with equal shares.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixes.errors import DataError
from trainer.evaluation.json_lines import read_records, text_of

MAX_CHOICES = 26  # letters to name them by


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question.

    Attributes:
        id: names it in its set.
        text: the question.
        passage: what it is about, "" where there is none.
        subject: its group, "" where the set has none.
        choices: the possible answers; just the right one where the set gives no others.
        answer: index of the right one.
    """

    id: str
    text: str
    passage: str
    subject: str
    choices: tuple[str, ...]
    answer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    """The questions of one file.

    Attributes:
        task: its name, in lower case with hyphens.
        questions: in the order of the file.
        has_choices: whether each question has more than the right answer.
    """

    task: str
    questions: tuple[Question, ...]
    has_choices: bool


def read_questions(path: Path) -> QuestionSet:
    """Return the questions of a file.

    Raises:
        DataError: the file cannot be read, is empty, holds several tasks, or a record is no question.
    """
    questions: list[Question] = []
    tasks: dict[str, str] = {}
    for number, (place, record) in enumerate(read_records(path)):
        tasks.setdefault(str(record.get("task", path.name.split(".")[0])).lower().replace("_", "-"), place)
        questions.append(_question(record, place, str(number)))
    if not questions:
        raise DataError(f"{path}: found no question; wanted one JSON object a line")
    if len(tasks) > 1:
        names = ", ".join(f"{name} ({place})" for name, place in tasks.items())
        raise DataError(f"{path}: found several tasks: {names}; wanted one a file")
    task = next(iter(tasks))
    if not task.isprintable():  # it goes to terminals
        raise DataError(f"{tasks[task]}: task: found {task!r:.80}, wanted a name of printable characters")
    with_choices = {len(question.choices) > 1 for question in questions}
    if len(with_choices) > 1:
        raise DataError(f"{path}: found questions with choices and without; wanted one kind in a file")
    return QuestionSet(task=task, questions=tuple(questions), has_choices=with_choices.pop())


def in_drawn_order(questions: Sequence[Question], seed: int) -> list[Question]:
    """Return questions in an order that depends on the seed and their ids, not on their order in the file."""
    return sorted(questions, key=lambda question: hashlib.sha256(f"{seed}:{question.id}".encode()).digest())


def _question(record: dict[str, Any], place: str, default_id: str) -> Question:  # Any: JSON
    choices, answer = record.get("choices"), record.get("answer")
    if choices is None:
        choices, answer = [_gold_text(record, place)], 0
    if not isinstance(choices, list) or not all(isinstance(choice, str) and choice for choice in choices):
        raise DataError(f"{place}: choices: found {choices!r:.80}, wanted a list of texts, none of them empty")
    if not 1 <= len(choices) <= MAX_CHOICES:
        raise DataError(f"{place}: found {len(choices)} choices, wanted at most {MAX_CHOICES}")
    if type(answer) is not int or not 0 <= answer < len(choices):
        raise DataError(f"{place}: answer: found {answer!r:.80}, wanted the index of one of {len(choices)} choices")
    return Question(
        id=str(record.get("id", default_id)),
        text=text_of(record, "question" if "question" in record else "prompt", place),
        passage=text_of(record, "passage", place) if "passage" in record else "",
        subject=text_of(record, "subject", place) if "subject" in record else "",
        choices=tuple(choices),
        answer=answer,
    )


def _gold_text(record: dict[str, Any], place: str) -> str:  # Any: JSON
    for key in ("solution", "canonical_solution", "answer"):
        value = record.get(key)
        if isinstance(value, list) and value:
            value = value[0]
        if isinstance(value, str) and value:
            return value
    raise DataError(f"{place}: found neither choices nor the text of an answer; wanted one of them")
