"""Language of a document by a fastText classifier such as lid.176 (Joulin et al., 2016).

A document is read as one line. By default only its beginning is looked at, as the rest would cost more than all other
measures together: on real pages the first 2,000 characters give the label of the whole document for 99 in 100.

A literal `</s>` between spaces ends the line for fastText; what follows it is not seen.
"""

import hashlib
import json
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from filters.batches import Batch
from filters.classifiers.fasttext_file import model_digest, model_labels
from filters.classifiers.fasttext_model import FastTextModel
from filters.classifiers.preparation import check_preparation, prepare
from filters.definitions import Columns, Measure, MeasureGroup

LANGUAGE_PATTERN = re.compile(r"language_(?!probability$|paragraph_fraction_)[A-Za-z0-9_-]+")
"""Names of the measures of one language: `language_en`, `language_zh`."""

_VERSION = 3  # raised when a value changes for the same text, model and settings
_SOURCE = "Joulin et al., 2016, lid.176"

TOP_MEASURES = (
    Measure(
        name="language",
        doc="The most probable label, such as 'en'; null where the model knows nothing of the text.",
        unit="label",
        range="the model's labels",
        source=_SOURCE,
        differs="dolma lower-cases the text first.",
        type=pa.dictionary(pa.int32(), pa.string()),
    ),
    Measure(
        name="language_probability",
        doc="Probability of that label, cut at 1; 0.0 where there is none.",
        unit="probability",
        range="[0, 1]",
        source=f"{_SOURCE}; CCNet (Wenzek et al., 2020) keeps at least 0.5",
    ),
)


def language_measure(name: str) -> Measure:
    """Return the measure of one language, whose name matches LANGUAGE_PATTERN."""
    code = name.removeprefix("language_")
    return Measure(
        name=name,
        doc=f"Probability of the label '{code}', cut at 1, whether or not another is more probable.",
        unit="probability",
        range="[0, 1]",
        source=f"{_SOURCE}; FineWeb and DCLM keep English at 0.65 or more, OpenWebMath and dolma at 0.5",
        differs="FineWeb, DCLM and CCNet take the most probable label first and then its probability, which is the "
        "same from 0.5 upwards.",
    )


class LanguageGroup(MeasureGroup):
    """The most probable language of each document, and the probability of each language asked for."""

    def __init__(self, model: str, languages: Sequence[str], max_characters: int | None) -> None:
        """Name the model and what is asked of it; nothing is read yet.

        Args:
            model: path of a supervised fastText model.
            languages: labels whose probability is wanted, such as "en"; each becomes `language_<label>`.
            max_characters: characters at the beginning of a text that are looked at; None for all of it.
        """
        check_preparation("as_it_is", max_characters)
        self.measures = (*TOP_MEASURES, *(language_measure(f"language_{code}") for code in languages))
        self._path = model
        self._languages = tuple(languages)
        self._max_characters = max_characters
        self._model: FastTextModel | None = None

    def fingerprint(self) -> str:
        """Return a digest of model and settings."""
        self._check()
        settings = [_VERSION, model_digest(self._path), list(self._languages), self._max_characters]
        return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]

    def setup(self) -> None:
        """Check and load the model."""
        self._check()
        self._model = FastTextModel(self._path)

    def _check(self) -> tuple[str, ...]:
        labels = model_labels(self._path)
        unknown = sorted(set(self._languages) - set(labels))
        if unknown:
            raise ValueError(
                f"{self._path}: found no label for language_{unknown[0]}, wanted one of {', '.join(sorted(labels))}"
            )
        return labels

    def measure(self, batch: Batch) -> Columns:
        """Return label, probability and the probability of each language, shape (num_documents,)."""
        assert self._model is not None, "setup comes first"
        labels = self._model.labels
        texts = prepare(batch.texts, "as_it_is", self._max_characters, lower_case=False)
        probabilities, is_known = self._model.probabilities(texts)
        tops = probabilities.argmax(axis=1)
        names = pa.array(
            [labels[top] if known else None for top, known in zip(tops, is_known, strict=True)], pa.string()
        )
        columns = {
            "language": names.dictionary_encode(),
            "language_probability": probabilities[np.arange(len(tops)), tops],
        }
        languages = {f"language_{code}": probabilities[:, labels.index(code)].copy() for code in self._languages}
        return columns | languages
