"""Results of an evaluation as tables of text."""

from collections.abc import Iterator, Mapping, Sequence

from pages.terminal import aligned
from trainer.evaluation.formats import NORMALIZATIONS
from trainer.evaluation.results import Results
from trainer.evaluation.sums import Likelihood, averages
from trainer.evaluation.tasks import TaskResult

_TEXT_HEAD = ("documents", "tokens", "bytes", "bits per byte", "perplexity")
_LEGEND = "* the score: the better of the letters and of the choices as the set normalizes them; ± its standard error"
_TASK_HEAD = ("questions", "cut", "bits per byte", *(name.replace("_", " ") for name in NORMALIZATIONS), "letters", "")


def format_results(results: Results) -> str:
    """Return the tables of all that was evaluated, an empty line between them."""
    tables = []
    for name, likelihoods in results.texts.items():
        tables.append(table((name.replace("_", " "), *_TEXT_HEAD), list(_text_rows(likelihoods))))
    if results.tasks:
        tables.append(table(("task", *_TASK_HEAD), [_task_row(result) for result in results.tasks]))
    if any(result.score is not None for result in results.tasks):
        tables[-1] += f"\n{_LEGEND}"
    return "\n\n".join(tables)


def _text_rows(likelihoods: Mapping[str, Likelihood]) -> Iterator[Sequence[str]]:
    for domain, each in likelihoods.items():
        counts = (f"{count:,}" for count in (each.documents, each.tokens, each.bytes))
        yield domain, *counts, f"{each.bits_per_byte:.4f}", f"{each.perplexity:,.2f}"
    for kind, average in averages(likelihoods).items():
        yield kind, "", "", "", f"{average['bits_per_byte']:.4f}", f"{average['perplexity']:,.2f}"


def _task_row(result: TaskResult) -> Sequence[str]:
    """Return the row of a task: the accuracy that counts has a star, with its standard error at the end."""
    known = (result.task, f"{result.questions:,}", f"{result.truncated:,}", f"{result.bits_per_byte:.4f}")
    if result.cloze is None or result.multiple_choice is None or result.standard_error is None:
        return *known, *[""] * (len(NORMALIZATIONS) + 2)
    counted = result.normalization if result.formulation == "cloze" else None
    cloze = [_percent(result.cloze[name], is_counted=name == counted) for name in NORMALIZATIONS]
    letters = _percent(result.multiple_choice, is_counted=counted is None)
    return *known, *cloze, letters, f"± {100 * result.standard_error:.1f}"


def _percent(share: float, *, is_counted: bool) -> str:
    return f"{100 * share:.1f}{'*' if is_counted else ' '}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows below a head, the first column to the left and the others to the right."""
    return "\n".join(aligned([head, *rows], right=range(1, len(head))))
