"""What models reach on one suite, kept in a file: what it holds of a model is not computed again."""

import json
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from mixes.errors import DataError
from mixes.files import publish_file
from trainer.evaluation.opening import OpenModel
from trainer.evaluation.results import Results
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.suite import Suite
from trainer.ranks import Ranks
from trainer.sharding import sharded_model
from trainer.spec import Precision

log = logging.getLogger(__name__)


class Reached:
    """The results of models by name; written after each part of the suite, so that a stop costs one part at most.

    Args:
        file: JSON; what it holds of the same questions is used, anything else replaced. None keeps nothing.
        suite: that all models are evaluated on.
        ranks: all processes; rank 0 alone reads and writes the file.
        precision: of the forward pass.
        context: tokens that a model reads at most; None for what it was trained on.
        batch_tokens: tokens of one forward.

    Raises:
        DataError: the file is no JSON.
    """

    def __init__(
        self,
        file: Path | None,
        suite: Suite,
        ranks: Ranks,
        *,
        precision: Precision,
        context: int | None = None,
        batch_tokens: int,
    ) -> None:
        self._file = file if ranks.is_first else None
        self._suite = suite
        self._ranks = ranks
        self._precision: Precision = precision
        self._context = context
        self._batch_tokens = batch_tokens
        self._asked = ""
        self._models: dict[str, Any] = {}  # Any: JSON
        if self._file is not None:
            self._asked = f"{suite.digest()}-{precision}-{context or 'trained'}"
            known = _read(self._file)
            self._models = known["models"] if known.get("asked") == self._asked else {}

    def results(self, name: str, model: OpenModel) -> Results:
        """Return what a model reaches; every rank must ask, and rank 0 gets all of it.

        Args:
            name: of the model in the file.
            model: whose results under this name are used where they are of the same digest.

        Raises:
            CheckpointError, DataError, MixError: the model, a text or a part of the mix is damaged.
            StoppedError: a signal came; what was finished is in the file.
        """
        entry = {"folder": str(model.folder), "digest": "" if self._file is None else model.digest()}
        known = self._models.get(name, {})
        results = Results.of_record(known["results"] if known.get("digest") == entry["digest"] else {})
        num_done = self._ranks.told(len(results))
        if num_done < len(self._suite):
            log.info("evaluating %s", model.folder)
            make_model = partial(sharded_model, precision=self._precision, ranks=self._ranks)
            length = self._context or model.context
            scorer = Scorer(model.load(make_model), self._ranks, max_length=length, batch_tokens=self._batch_tokens)
            for _ in self._suite.evaluate(scorer, results, num_done):
                self._models[name] = entry | {"figures": results.figures(), "results": results.record()}
                self.write({})
            del scorer
            self._ranks.free_memory()
        return results

    def write(self, tables: Mapping[str, Any]) -> None:  # Any: JSON
        """Write all that is known, and tables made of it; numbers that JSON cannot hold become null."""
        if self._file is not None:
            record = msgspec.json.encode({"asked": self._asked, "models": self._models, **tables})
            content = msgspec.json.format(record) + b"\n"
            publish_file(str(self._file), lambda handle: handle.write(content))


def _read(file: Path) -> dict[str, Any]:  # Any: JSON
    try:
        return dict(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{file}: found no results of an evaluation: {error}; remove it or name another") from error
