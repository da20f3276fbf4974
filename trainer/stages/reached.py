"""What models reach on one suite: each is evaluated once, and what a file holds of it is not computed again."""

import hashlib
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mixes.errors import DataError
from mixes.files import digest_file, publish_file
from mixes.manifest import digest_of
from mixes.opening import MixPlace, open_mix
from mixes.tokenizer_file import read_tokenizer_json
from mixes.typed_yaml.canonical import canonical_json
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.loading import load_model
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.suite import Suite
from trainer.evaluation.texts import files_of_folder
from trainer.ranks import Ranks
from trainer.sharding import sharded_model
from trainer.spec import TrainSpec

Figures = Mapping[str, float]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What models are evaluated on.

    Attributes:
        mix: folder of a built mix; the documents that it holds out are scored.
        paloma: a folder of texts by domain, or None.
        tasks: sets of questions.
        tokenizer: the mix's tokenizer.json, which texts and questions need, or None.
        shots: solved questions before each question.
        max_questions: see `trainer.evaluation.tasks.Task`.
    """

    mix: MixPlace
    paloma: Path | None = None
    tasks: tuple[Path, ...] = ()
    tokenizer: Path | None = None
    shots: int = 5
    max_questions: int = 1000

    def suite(self) -> Suite:
        """Return the suite, after all that can be checked was.

        Raises:
            DataError: a file cannot be read, or the tokenizer is not that of the mix.
            MixError: the mix cannot be read.
            SpecError: there is nothing to be evaluated on, or no tokenizer for it.
        """
        entry = open_mix(self.mix).manifest.tokenizer
        encoder = None
        if self.tokenizer is not None:
            encoder = Encoder(read_tokenizer_json(self.tokenizer, entry.digest), entry.eos_id)
        return Suite(
            prefix_id=entry.eos_id,
            encoder=encoder,
            mix=self.mix,
            folder=self.paloma,
            task_files=self.tasks,
            shots=self.shots,
            max_questions=self.max_questions,
        )

    def digest(self) -> str:
        """Return what names all that the figures depend on but the model; reads every file."""
        folder = [] if self.paloma is None else files_of_folder(self.paloma)
        texts = {str(path.relative_to(str(self.paloma))): _digest(path) for path in folder}
        tasks = {path.name: _digest(path) for path in self.tasks}
        settings = {
            "shots": self.shots,
            "max_questions": self.max_questions,
            "mix": digest_of(open_mix(self.mix).manifest),
        }
        return hashlib.sha256(canonical_json([settings, texts, tasks])).hexdigest()


class Reached:
    """What models reach, kept in a file.

    Args:
        file: JSON; what it holds of the same questions is used.
        questions: that all models are asked.
        spec: of their training: its precision, and batches of as many tokens as a micro-batch.
        ranks: all processes.

    Raises:
        DataError, MixError, SpecError: as of `Questions.suite`.
    """

    def __init__(self, file: Path, questions: Questions, spec: TrainSpec, ranks: Ranks) -> None:
        self._file = file
        self._suite = questions.suite()
        self._asked = f"{questions.digest()}-{spec.precision}"
        self._spec = spec
        self._ranks = ranks
        self._models: dict[str, Any] = {}  # Any: JSON
        if file.is_file():
            known = json.loads(file.read_bytes())
            self._models = known["models"] if known["asked"] == self._asked else {}

    def figures(self, name: str, folder: Path, digest: str) -> Figures:
        """Return the figures of a model by names as `tasks/arc-easy/score`; every rank must ask.

        Args:
            name: of the model in the file.
            folder: a checkpoint, or a published model.
            digest: of what lies there.

        Raises:
            CheckpointError, DataError, MixError: the model, a text or a part of the mix is damaged.
        """
        known = self._models.get(name)
        if not self._ranks.told(int(known is not None and known["digest"] == digest)):
            log.info("evaluating %s", folder)
            make_model = partial(sharded_model, precision=self._spec.precision, ranks=self._ranks)
            loaded = load_model(folder, None, make_model, verifies=False)  # whoever gave its digest has read it
            length = loaded.context
            scorer = Scorer(loaded.model, self._ranks, max_length=length, batch_tokens=self._spec.micro_batch * length)
            results = self._suite.evaluate(scorer)
            self._models[name] = {
                "folder": str(folder),
                "digest": digest,
                "figures": {key.removeprefix("eval/"): value for key, value in results.figures().items()},
                "results": results.record(),
            }
            del loaded, scorer
            self._ranks.free_memory()
            self.write({})
        found: Figures = self._models[name]["figures"]
        return found

    def write(self, tables: Mapping[str, Any]) -> None:  # Any: JSON
        """Write all that is known, and tables made of it."""
        if self._ranks.is_first:
            record = _plain({"asked": self._asked, "models": self._models, **tables})
            content = json.dumps(record, indent=2, allow_nan=False).encode() + b"\n"
            publish_file(str(self._file), lambda handle: handle.write(content))


def _digest(path: Path) -> str:
    try:
        return digest_file(path).digest
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the same without numbers that JSON cannot hold: None in place of them."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
