"""Language of paragraphs: how much of a document is written in a language, whatever its whole looks like.

A paragraph is a maximal run of lines that hold a word. Each is judged on its own, by its most probable label; a short
one is judged badly, and weighs little.
"""

import hashlib
import json
import re
from collections.abc import Sequence

import numpy as np

from filters.batches import Batch
from filters.classifiers.fasttext_file import model_digest, model_labels
from filters.classifiers.fasttext_model import FastTextModel
from filters.classifiers.preparation import check_preparation, prepare
from filters.columns import TextColumn
from filters.definitions import Columns, Measure, MeasureGroup, ratio, totals
from filters.text.segments import Segments, segment

PARAGRAPH_LANGUAGE_PATTERN = re.compile(r"language_paragraph_fraction_([A-Za-z0-9_-]+)")
"""Names of the measures of one language: `language_paragraph_fraction_en`."""

_PREFIX = "language_paragraph_fraction_"
_VERSION = 2  # raised when a value changes for the same text, model and settings
_SLICE_BYTES = 1 << 20


def paragraph_language_measure(name: str) -> Measure:
    """Return the measure of one language, whose name matches PARAGRAPH_LANGUAGE_PATTERN."""
    code = name.removeprefix(_PREFIX)
    return Measure(
        name=name,
        doc=f"Characters of the paragraphs whose most probable label is '{code}' over characters of paragraphs; "
        "newlines inside them count. 0.0 without any.",
        unit="characters / characters",
        range="[0, 1]",
        source="Joulin et al., 2016, lid.176; paragraphs as in dolma's language taggers (Soldaini et al., 2024)",
        differs="dolma takes each line for a paragraph and gives the mean probability, weighed by characters.",
    )


class ParagraphLanguageGroup(MeasureGroup):
    """The share of each document that is written in each of some languages, paragraph by paragraph."""

    def __init__(self, *, model: str, languages: Sequence[str], max_characters: int | None) -> None:
        """Name the model and what is asked of it; nothing is read yet.

        Args:
            model: path of a supervised fastText model.
            languages: labels whose share is wanted, such as "en"; each becomes `language_paragraph_fraction_<label>`.
            max_characters: characters at the beginning of a document whose paragraphs are judged, the last of them
                perhaps cut: what bounds the cost; None for all of it.

        Raises:
            ValueError: no language is named, or `max_characters` is below 1.
        """
        if not languages:
            raise ValueError("languages of paragraphs: found none, wanted at least one label of the model")
        check_preparation("as_it_is", max_characters)
        self.measures = tuple(paragraph_language_measure(_PREFIX + code) for code in languages)
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

    def _check(self) -> None:
        labels = model_labels(self._path)
        unknown = sorted(set(self._languages) - set(labels))
        if unknown:
            raise ValueError(f"{self._path}: found no label {unknown[0]!r}, wanted one of {', '.join(sorted(labels))}")

    def measure(self, batch: Batch) -> Columns:
        """Return the share of each language, shape (num_documents,)."""
        texts = prepare(batch.texts, "as_it_is", self._max_characters, lower_case=False)
        slices = [self._measure_slice(part) for part in texts.slices(_SLICE_BYTES)] or [self._measure_slice(texts)]
        return {measure.name: np.concatenate([part[measure.name] for part in slices]) for measure in self.measures}

    def _measure_slice(self, texts: TextColumn) -> Columns:
        assert self._model is not None, "setup comes first"
        segments = segment(texts)
        tops = self._model.top_labels(_paragraphs_and_gaps(segments), 2)
        characters = segments.paragraphs["characters"]
        every = totals(characters, segments.paragraph_offsets)
        columns: Columns = {}
        for measure, code in zip(self.measures, self._languages, strict=True):
            is_top = tops == self._model.labels.index(code)
            columns[measure.name] = ratio(totals(characters * is_top, segments.paragraph_offsets), every)
        return columns


def _paragraphs_and_gaps(segments: Segments) -> TextColumn:
    """Return as texts each paragraph, from its first word to its last, and after each what parts it from the next."""
    first_words = segments.word_offsets[segments.line_offsets]
    bounds = np.empty(2 * len(segments.paragraphs) + 1, np.int64)
    bounds[:-1:2] = segments.words["start"][first_words[:-1]]
    bounds[1::2] = segments.words["end"][first_words[1:] - 1]
    bounds[-1] = len(segments.text)
    return TextColumn(segments.text, bounds)
