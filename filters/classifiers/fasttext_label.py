"""Probability of a label by any fastText classifier: quality, toxicity, topic, mathematics.

Published conventions, and how to follow them:

* DCLM's `oh-eli5` (Li et al., 2024): label `hq`, `text="one_line"`; DCLM-Baseline keeps at least 0.018112, OLMo 2 of
  that at least 0.03311014.
* dolma's own taggers (Soldaini et al., 2024): `text="as_it_is"`; their language and toxicity models see one sentence or
  paragraph at a time, the language model in lower case.
"""

import hashlib
import json

from filters.batches import Batch
from filters.classifiers.fasttext_file import model_digest, model_labels
from filters.classifiers.fasttext_model import FastTextModel
from filters.classifiers.naming import check_name
from filters.classifiers.preparation import check_preparation, prepare
from filters.definitions import Columns, Measure, MeasureGroup

_VERSION = 2  # raised when a value changes for the same text, model and settings
_PREFIX = "__label__"


class FastTextGroup(MeasureGroup):
    """How probable one label of a fastText classifier is for each document."""

    def __init__(
        self,
        *,
        name: str,
        model: str,
        label: str,
        text: str = "one_line",
        lower_case: bool = False,
        max_characters: int | None = None,
    ) -> None:
        """Name the measure, the model and the label; nothing is read yet.

        Args:
            name: what the measure is called.
            model: path of a supervised fastText model.
            label: the label whose probability is wanted, with or without `__label__`.
            text: how a text is prepared, a name in `PREPARATIONS`.
            lower_case: whether the model was trained on lower-cased text.
            max_characters: characters at the beginning of a text that are looked at; None for all of it.

        Raises:
            ValueError: the name, the preparation or `max_characters` cannot be what it is.
        """
        check_name(name)
        check_preparation(text, max_characters)
        self.measures = (label_measure(name, label.removeprefix(_PREFIX)),)
        self._path = model
        self._label = label.removeprefix(_PREFIX)
        self._text = text
        self._lower_case = lower_case
        self._max_characters = max_characters
        self._model: FastTextModel | None = None
        self._column = 0

    def fingerprint(self) -> str:
        """Return a digest of model and settings."""
        self._find_label()
        settings = [_VERSION, model_digest(self._path), self._label, self._text, self._lower_case, self._max_characters]
        identity = json.dumps([self.measures[0].name, *settings])
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    def setup(self) -> None:
        """Check and load the model."""
        self._column = self._find_label()
        self._model = FastTextModel(self._path)

    def _find_label(self) -> int:
        labels = model_labels(self._path)
        if self._label not in labels:
            raise ValueError(f"{self._path}: found no label {self._label!r}, wanted one of {', '.join(sorted(labels))}")
        return labels.index(self._label)

    def measure(self, batch: Batch) -> Columns:
        """Return the probability, shape (num_documents,)."""
        assert self._model is not None, "setup comes first"
        texts = prepare(batch.texts, self._text, self._max_characters, lower_case=self._lower_case)
        probabilities, _ = self._model.probabilities(texts)
        return {self.measures[0].name: probabilities[:, self._column].copy()}


def label_measure(name: str, label: str) -> Measure:
    """Return the measure of one label."""
    return Measure(
        name=name,
        doc=f"Probability of the label '{label}', cut at 1; 0.0 where the model knows nothing of the text.",
        unit="probability",
        range="[0, 1]",
        source="Joulin et al., 2016 (fastText); DCLM-Baseline (Li et al., 2024) keeps `hq` of `oh-eli5` at 0.018112 or "
        "more, OLMo 2's mid-training mix at 0.03311014",
        differs="DCLM and dolma take 1 minus the other label's probability where that is the more probable one, which "
        "lies up to 0.00002 lower: fastText adds 0.00001 to each.",
    )
