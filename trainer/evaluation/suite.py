"""All that a model is evaluated on, and what it reached."""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mixes.errors import DataError, SpecError
from mixes.files import digest_file
from mixes.manifest import digest_of
from mixes.opening import MixPlace, open_mix
from mixes.tokenizer_file import read_tokenizer_json
from mixes.typed_yaml.canonical import canonical_json
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.progress import Progress
from trainer.evaluation.questions import read_questions
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.sums import Likelihood
from trainer.evaluation.tasks import Task, TaskResult
from trainer.evaluation.texts import Text, averages, files_of_folder, score_texts, texts_of_folder, texts_of_mix


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What models are evaluated on.

    Attributes:
        mix: folder of a built mix whose held-out documents are scored, or None.
        paloma: a folder of texts by domain, or None.
        tasks: sets of questions.
        shots: solved questions before each question.
        max_questions: see `trainer.evaluation.tasks.Task`.
    """

    mix: MixPlace | None = None
    paloma: Path | None = None
    tasks: tuple[Path, ...] = ()
    shots: int = 5
    max_questions: int = 1000

    def digest(self) -> str:
        """Return what names all that the figures depend on but the model; reads every file.

        Raises:
            DataError: a file cannot be read.
        """
        folder = [] if self.paloma is None else files_of_folder(self.paloma)
        texts = {str(path.relative_to(str(self.paloma))): _digest(path) for path in folder}
        tasks = {path.name: _digest(path) for path in self.tasks}
        mix = None if self.mix is None else digest_of(open_mix(self.mix).manifest)
        settings = {"shots": self.shots, "max_questions": self.max_questions, "mix": mix}
        return hashlib.sha256(canonical_json([settings, texts, tasks])).hexdigest()


@dataclass(frozen=True, slots=True)
class Results:
    """What a model reached, part after part.

    Attributes:
        texts: by what they are, `held_out` documents of a mix or `texts` of a folder, and by source or domain.
        tasks: of each set of questions, in the order they were given.
    """

    texts: dict[str, Mapping[str, Likelihood]] = field(default_factory=dict)
    tasks: list[TaskResult] = field(default_factory=list)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Results":  # Any: JSON
        """Return what `record` gave, or nothing for an empty one."""
        texts = {name: each["by_domain"] for name, each in record.items() if name != "tasks"}
        return cls(
            {name: {domain: _likelihood(sums) for domain, sums in each.items()} for name, each in texts.items()},
            [TaskResult(**each) for each in record.get("tasks", ())],
        )

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self.texts) + len(self.tasks)

    def record(self) -> dict[str, Any]:  # Any: JSON
        """Return all figures for a JSON file."""
        texts = {name: _likelihoods(likelihoods) for name, likelihoods in self.texts.items()}
        return texts | {"tasks": [dataclasses.asdict(result) for result in self.tasks]}

    def figures(self) -> dict[str, float]:
        """Return the figures worth a curve, by names as `held_out/wiki/bits_per_byte`."""
        found = {}
        for name, likelihoods in self.texts.items():
            for domain, likelihood in likelihoods.items():
                found[f"{name}/{domain}/bits_per_byte"] = likelihood.bits_per_byte
            for kind, average in averages(likelihoods).items():
                found[f"{name}/{kind}/bits_per_byte"] = average["bits_per_byte"]
        for result in self.tasks:
            found[f"tasks/{result.task}/bits_per_byte"] = result.bits_per_byte
            if result.score is not None:
                found[f"tasks/{result.task}/score"] = result.score
        return found


class Suite:
    """What a model is evaluated on; made once, and used as often as wanted. Its length is the number of its parts.

    Args:
        questions: all of it.
        prefix_id: the token that the first token of a text follows.
        encoder: the model's tokenizer; None where neither a folder nor questions are given.

    Raises:
        DataError: a set of questions cannot be read, or the folder holds no texts.
        MixError: the mix cannot be read.
        SpecError: there is nothing to be evaluated on, or no tokenizer for it.
    """

    def __init__(self, questions: Questions, prefix_id: int, encoder: Encoder | None) -> None:
        self.digest = questions.digest
        self._prefix_id = prefix_id
        self._texts: dict[str, tuple[Callable[[], Iterator[Text]], int | None]] = {}
        mix, folder = questions.mix, questions.paloma
        if mix is not None:
            opened = open_mix(mix)
            held_out = sum(source.total("held_out_documents") for source in opened.manifest.sources)
            if held_out:
                self._texts["held_out"] = partial(texts_of_mix, opened), held_out
        if encoder is None and (folder is not None or questions.tasks):
            raise SpecError("found texts or questions and no tokenizer; wanted the tokenizer.json of the model's mix")
        self._tasks: list[Task] = []
        if encoder is not None:
            if folder is not None:
                files_of_folder(folder)
                self._texts["texts"] = partial(texts_of_folder, folder, encoder), None
            sizes = {"shots": questions.shots, "max_questions": questions.max_questions}
            self._tasks = [Task(read_questions(path), encoder, **sizes) for path in questions.tasks]
        if not len(self):
            held = "" if mix is None else f"{mix}: holds no document out (`validation` in its spec); "
            raise SpecError(f"{held}found nothing to evaluate on; wanted held-out documents, texts or questions")

    @classmethod
    def of_mix(cls, questions: Questions, tokenizer: Path | None) -> "Suite":
        """Return the suite for models of the tokenizer of the mix that `questions` names.

        Raises:
            DataError, MixError, SpecError: as of a suite; and the tokenizer is not that of the mix.
        """
        assert questions.mix is not None
        entry = open_mix(questions.mix).manifest.tokenizer
        content = None if tokenizer is None else read_tokenizer_json(tokenizer, entry.digest)
        return cls(questions, entry.eos_id, None if content is None else Encoder(content, entry.eos_id))

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self._texts) + len(self._tasks)

    def evaluate(self, scorer: Scorer, results: Results, num_done: int = 0) -> Iterator[None]:
        """Add what a model reaches to its results, and yield after each part.

        Args:
            scorer: of the model; every rank has one and exhausts this.
            results: grow.
            num_done: parts that are there already and are left out.

        Raises:
            DataError: a file of the folder cannot be read.
            MixError: a part of the mix was damaged.
            StoppedError: a signal came.
        """
        for name, (read, total) in list(self._texts.items())[num_done:]:
            progress = Progress(name, "documents", total)
            results.texts[name] = score_texts(scorer, read(), self._prefix_id, progress)
            yield
        for task in self._tasks[max(0, num_done - len(self._texts)) :]:
            results.tasks.append(task.score(scorer))
            yield


def _digest(path: Path) -> str:
    try:
        return digest_file(path).digest
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _likelihood(sums: Mapping[str, float | None]) -> Likelihood:
    """Return the sums of a record, nan for what JSON could not hold."""
    names = (each.name for each in dataclasses.fields(Likelihood))
    return Likelihood(**{name: math.nan if sums[name] is None else sums[name] for name in names})  # type: ignore[arg-type] # JSON


def _likelihoods(likelihoods: Mapping[str, Likelihood]) -> dict[str, Any]:  # Any: JSON
    by_domain = {
        domain: dataclasses.asdict(each) | {"bits_per_byte": each.bits_per_byte, "perplexity": each.perplexity}
        for domain, each in likelihoods.items()
    }
    return {"by_domain": by_domain, **averages(likelihoods)}
