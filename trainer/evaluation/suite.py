"""All that a model is evaluated on, part after part."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

from mixes.errors import DataError, SpecError
from mixes.files import digest_file
from mixes.manifest import digest_of
from mixes.opening import MixPlace, open_mix
from mixes.tokenizer_file import read_tokenizer_json
from mixes.typed_yaml.canonical import canonical_json
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.progress import Progress
from trainer.evaluation.questions import read_questions
from trainer.evaluation.results import Results
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.tasks import Task
from trainer.evaluation.texts import Text, files_of_folder, score_texts, texts_of_folder, texts_of_mix
from trainer.spec import SuiteSpec

Part: TypeAlias = Callable[[Scorer, Results], None]
"""Adds what a model reaches on one thing to its results."""


class Suite:
    """What a model is evaluated on; made once, and used as often as wanted. Its length is the number of its parts.

    Args:
        spec: texts and sets of questions.
        mix: a built mix whose held-out documents are scored, or None.
        prefix_id: the token that the first token of a text follows.
        encoder: the model's tokenizer; None where the spec has neither texts nor tasks.

    Raises:
        DataError: a set of questions cannot be read, or the folder holds no texts.
        MixError: the mix cannot be read.
        SpecError: there is nothing to be evaluated on, or no tokenizer for it.
    """

    def __init__(self, spec: SuiteSpec, mix: MixPlace | None, prefix_id: int, encoder: Encoder | None) -> None:
        if encoder is None and (spec.texts is not None or spec.tasks):
            raise SpecError("found texts or tasks and no tokenizer; wanted --tokenizer, the tokenizer.json of the mix")
        self._spec = spec
        self._mix = None if mix is None else open_mix(mix)
        self._prefix_id = prefix_id
        self._parts: list[Part] = []
        if self._mix is not None:
            counts = [source.total("held_out_documents") for source in self._mix.manifest.sources]
            total = sum(count if spec.max_documents is None else min(count, spec.max_documents) for count in counts)
            if total:
                read = partial(texts_of_mix, self._mix, spec.max_documents)
                self._parts.append(partial(self._score_texts, "held_out", read, total))
        if encoder is not None and spec.texts is not None:
            files_of_folder(Path(spec.texts))
            read = partial(texts_of_folder, Path(spec.texts), encoder, spec.max_documents)
            self._parts.append(partial(self._score_texts, "texts", read, None))
        if encoder is not None:
            sizes = {"shots": spec.shots, "max_questions": spec.max_questions}
            tasks = [Task(read_questions(Path(file)), encoder, **sizes) for file in spec.tasks]
            self._parts += [partial(_score_task, task) for task in tasks]
        if not self._parts:
            held = "" if mix is None else f"{mix}: holds no document out (`validation` in its spec); "
            raise SpecError(f"{held}found nothing to evaluate on; wanted held-out documents, texts or questions")

    @classmethod
    def of_mix(cls, spec: SuiteSpec, mix: MixPlace) -> "Suite":
        """Return the suite for models of a mix's tokenizer.

        Raises:
            DataError, MixError, SpecError: as of a suite; and the tokenizer is not that of the mix.
        """
        entry = open_mix(mix).manifest.tokenizer
        if spec.tokenizer is None:
            return cls(spec, mix, entry.eos_id, None)
        content = read_tokenizer_json(Path(spec.tokenizer), entry.digest)
        return cls(spec, mix, entry.eos_id, Encoder(content, entry.eos_id))

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self._parts)

    def digest(self) -> str:
        """Return what names all that the figures depend on but the model; reads every file.

        Raises:
            DataError: a file cannot be read.
        """
        spec = self._spec
        folder = [] if spec.texts is None else files_of_folder(Path(spec.texts))
        texts = {str(path.relative_to(str(spec.texts))): _digest(path) for path in folder}
        tasks = {Path(file).name: _digest(Path(file)) for file in spec.tasks}
        mix = None if self._mix is None else digest_of(self._mix.manifest)
        sizes = {name: getattr(spec, name) for name in ("shots", "max_questions", "max_documents")}
        return hashlib.sha256(canonical_json([sizes, mix, texts, tasks])).hexdigest()

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
        for part in self._parts[num_done:]:
            part(scorer, results)
            yield

    def _score_texts(
        self, name: str, read: Callable[[], Iterator[Text]], total: int | None, scorer: Scorer, results: Results
    ) -> None:
        results.texts[name] = score_texts(scorer, read(), self._prefix_id, Progress(name, "documents", total))


def _score_task(task: Task, scorer: Scorer, results: Results) -> None:
    results.tasks.append(task.score(scorer))


def _digest(path: Path) -> str:
    try:
        return digest_file(path).digest
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
