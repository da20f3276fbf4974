r"""How questions are put to a model: the two formulations of OLMES, and which normalization a set is judged by.

Cloze (CF): "Question: ...\nAnswer:", and each choice is a continuation. Multiple choice (MCF): the choices are listed
as " A. ...", and the letters are the continuations. Solved questions stand before with an empty line between. The
wording and the normalizations are those of Gu et al., 2024, "OLMES: A Standard for Language Model Evaluations", section
3 and appendix A, and of the code beside it (olmo_eval/tasks/olmes_v0_1). HellaSwag's sentences stay as the file has
them, where OLMES writes their second half with a capital, as a file need not say where it begins.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from trainer.evaluation.questions import Question

Normalization = Literal["raw", "per_character", "per_token", "per_byte", "unconditional"]
NORMALIZATIONS: tuple[Normalization, ...] = ("raw", "per_character", "per_token", "per_byte", "unconditional")

UNCONDITIONAL = "Answer:"  # the context of a choice without its question
_SEPARATOR = "\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A question as a model sees it.

    Attributes:
        contexts: what stands before each continuation; mostly the same for all.
        continuations: one for each choice.
        answer: index of the right one.
    """

    contexts: tuple[str, ...]
    continuations: tuple[str, ...]
    answer: int

    def solved(self) -> str:
        """Return the question with its right answer."""
        return self.contexts[self.answer] + self.continuations[self.answer]

    def after(self, shots: Sequence[str], heading: str) -> "Prompt":
        """Return the prompt behind a heading, "" for none, and solved questions."""
        before = "".join(part + _SEPARATOR for part in ([heading] if heading else []) + list(shots))
        return replace(self, contexts=tuple(before + context for context in self.contexts))


def _as_it_is(question: Question) -> Question:
    return question


def _no_heading(_subject: str) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How a set's questions are put.

    Attributes:
        prefix: before the question.
        list_heading: before the listed choices.
        normalization: what the cloze formulation is judged by.
        is_sentence: the choices continue the question itself: no "Answer:" in the cloze formulation.
        has_blank: the question has a `_` for the choices, and the text behind it is scored (Trinh and Le, 2018).
        is_verbatim: the context is the question alone and the answer follows without a space, as in a program.
        prepared: changes a question first.
        heading: before all, from the question's subject.
    """

    prefix: str = "Question: "
    list_heading: str = ""
    normalization: Normalization = "per_character"
    is_sentence: bool = False
    has_blank: bool = False
    is_verbatim: bool = False
    prepared: Callable[[Question], Question] = _as_it_is
    heading: Callable[[str], str] = _no_heading

    def cloze(self, question: Question) -> Prompt:
        """Return the question with its choices as continuations."""
        asked = self.prepared(question)
        if self.has_blank:
            return _filled(asked)
        space = "" if self.is_verbatim else " "
        bare = self.is_sentence or self.is_verbatim
        context = asked.text if bare else f"{_passage(asked.passage)}{self.prefix}{asked.text}\nAnswer:"
        continuations = tuple(space + choice for choice in asked.choices)
        return Prompt(contexts=(context,) * len(continuations), continuations=continuations, answer=asked.answer)

    def multiple_choice(self, question: Question) -> Prompt:
        """Return the question with its choices listed, and their letters as continuations."""
        asked = self.prepared(question)
        letters = [chr(ord("A") + number) for number in range(len(asked.choices))]
        listed = "\n".join(f" {letter}. {choice}" for letter, choice in zip(letters, asked.choices, strict=True))
        text = asked.text.replace("_", "___") if self.has_blank else asked.text
        prefix = "Fill in the blank: " if self.has_blank else self.prefix
        context = f"{_passage(asked.passage)}{prefix}{text}\n{self.list_heading}{listed}\nAnswer:"
        continuations = tuple(f" {letter}" for letter in letters)
        return Prompt(contexts=(context,) * len(letters), continuations=continuations, answer=asked.answer)


def format_of(task: str) -> Format:
    """Return how a set's questions are put; ARC-Easy, Social IQa and sets of other names get the plain form."""
    return _FORMATS.get(task, Format())


def _passage(passage: str) -> str:
    return f"{passage}\n" if passage else ""


def _filled(question: Question) -> Prompt:
    """Return a sentence with each choice in its blank, and what stands behind the blank as the continuation."""
    before, _, behind = question.text.partition("_")
    return Prompt(
        contexts=tuple(before + choice for choice in question.choices),
        continuations=(f" {behind.strip()}",) * len(question.choices),
        answer=question.answer,
    )


def _as_yes_or_no(question: Question) -> Question:
    """Return a BoolQ question with its question mark, and "yes" first, as OLMES has it."""
    yes_first = tuple(sorted(question.choices, reverse=True))
    answer = yes_first.index(question.choices[question.answer])
    return replace(question, text=f"{question.text}?", choices=yes_first, answer=answer)


def _without_brackets(question: Question) -> Question:
    """Return a HellaSwag question without the marks of WikiHow."""
    return replace(question, text=_cleaned(question.text), choices=tuple(map(_cleaned, question.choices)))


def _cleaned(text: str) -> str:
    text = re.sub(r"\.? \[title\]", ". ", text.strip())
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")


def _mmlu_heading(subject: str) -> str:
    return f"The following are multiple choice questions (with answers) about {subject.replace('_', ' ')}."


_FORMATS = {
    "arc-challenge": Format(normalization="unconditional"),
    "boolq": Format(normalization="raw", prepared=_as_yes_or_no),
    "csqa": Format(normalization="unconditional"),
    "hellaswag": Format(
        prefix="",
        list_heading="Choose the best continuation:\n",
        is_sentence=True,
        prepared=_without_brackets,
    ),
    "humaneval": Format(is_verbatim=True),
    "mmlu": Format(heading=_mmlu_heading),
    "openbookqa": Format(normalization="unconditional"),
    "piqa": Format(prefix="Goal: "),
    "winogrande": Format(normalization="raw", has_blank=True),
}
