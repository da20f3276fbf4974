"""All that a model is evaluated on, and what it reached."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mixes.errors import SpecError
from mixes.opening import MixPlace, open_mix
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.questions import read_questions
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.sums import Likelihood
from trainer.evaluation.tasks import Task, TaskResult
from trainer.evaluation.texts import Text, averages, files_of_folder, score_texts, texts_of_folder, texts_of_mix


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a model reached.

    Attributes:
        texts: by what they are, `held_out` documents of a mix or `texts` of a folder, and by source or domain.
        tasks: of each set of questions, in the order they were given.
    """

    texts: Mapping[str, Mapping[str, Likelihood]]
    tasks: Sequence[TaskResult]

    def record(self) -> dict[str, Any]:  # Any: JSON
        """Return all figures for a JSON file."""
        texts = {name: _likelihoods(likelihoods) for name, likelihoods in self.texts.items()}
        return texts | {"tasks": [dataclasses.asdict(result) for result in self.tasks]}

    def figures(self) -> dict[str, float]:
        """Return the figures worth a curve, by names as `eval/held_out/wiki/bits_per_byte`."""
        found = {}
        for name, likelihoods in self.texts.items():
            for domain, likelihood in likelihoods.items():
                found[f"eval/{name}/{domain}/bits_per_byte"] = likelihood.bits_per_byte
            for kind, average in averages(likelihoods).items():
                found[f"eval/{name}/{kind}/bits_per_byte"] = average["bits_per_byte"]
        for result in self.tasks:
            found[f"eval/tasks/{result.task}/bits_per_byte"] = result.bits_per_byte
            if result.score is not None:
                found[f"eval/tasks/{result.task}/score"] = result.score
        return found


class Suite:
    """What a model is evaluated on; made once, and used as often as wanted.

    Args:
        prefix_id: the token that the first token of a text follows.
        encoder: the model's tokenizer; None where neither a folder nor questions are given.
        mix: the folder of a mix whose held-out documents are scored, or None.
        folder: of JSON lines by domain, or None.
        task_files: sets of questions.
        shots: solved questions before each question.
        max_questions: see `Task`.

    Raises:
        DataError: a set of questions cannot be read, or the folder holds no texts.
        MixError: the mix cannot be read.
        SpecError: there is nothing to be evaluated on, or no tokenizer for it.
    """

    def __init__(
        self,
        *,
        prefix_id: int,
        encoder: Encoder | None,
        mix: MixPlace | None = None,
        folder: Path | None = None,
        task_files: Sequence[Path] = (),
        shots: int,
        max_questions: int,
    ) -> None:
        self._prefix_id = prefix_id
        self._texts: dict[str, Callable[[], Iterator[Text]]] = {}
        self._tasks: list[Task] = []
        if mix is not None:
            opened = open_mix(mix)
            if any(source.total("held_out_documents") for source in opened.manifest.sources):
                self._texts["held_out"] = partial(texts_of_mix, opened)
        if encoder is not None:
            if folder is not None:
                files_of_folder(folder)
                self._texts["texts"] = partial(texts_of_folder, folder, encoder)
            for path in task_files:
                self._tasks.append(Task(read_questions(path), encoder, shots=shots, max_questions=max_questions))
        elif folder is not None or task_files:
            raise SpecError("found texts or questions and no tokenizer; wanted the tokenizer.json of the model's mix")
        if not self._texts and not self._tasks:
            held = "" if mix is None else f"{mix}: holds no document out (`validation` in its spec); "
            raise SpecError(f"{held}found nothing to evaluate on; wanted held-out documents, texts or questions")

    def evaluate(self, scorer: Scorer) -> Results:
        """Return what a model reaches; every rank calls it and gets all of it.

        Raises:
            DataError: a file of the folder cannot be read.
            MixError: a part of the mix was damaged.
        """
        texts = {name: score_texts(scorer, read(), self._prefix_id) for name, read in self._texts.items()}
        return Results(texts=texts, tasks=[task.score(scorer) for task in self._tasks])


def _likelihoods(likelihoods: Mapping[str, Likelihood]) -> dict[str, Any]:  # Any: JSON
    by_domain = {
        domain: dataclasses.asdict(each) | {"bits_per_byte": each.bits_per_byte, "perplexity": each.perplexity}
        for domain, each in likelihoods.items()
    }
    return {"by_domain": by_domain, **averages(likelihoods)}
