"""Every measure there is, and the groups that take them together."""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from filters import counts, ngrams, quality, repetition
from filters.characters import UNICODE_VERSION, character_classes
from filters.columns import TextColumn
from filters.definitions import Columns, Measure, MeasureGroup
from filters.language import LANGUAGE_PATTERN, TOP_MEASURES, LanguageGroup, language_measure
from filters.segments import Scratch, segment

__all__ = ["Measure", "MeasureGroup", "TextGroup", "default_groups", "find_measure", "known_measures"]

_TEXT_MEASURES = (*counts.MEASURES, *quality.MEASURES, *repetition.MEASURES, *ngrams.MEASURES)
_KNOWN = MappingProxyType({measure.name: measure for measure in (*_TEXT_MEASURES, *TOP_MEASURES)})


class TextGroup(MeasureGroup):
    """All measures of characters, words, lines and n-grams: one pass finds them, and each family sums."""

    measures = _TEXT_MEASURES

    _VERSION = 1  # raised when a value changes for the same text
    _SLICE_BYTES = 1 << 18  # the words of one slice stay in the processor's cache

    def fingerprint(self) -> str:
        """Return a digest of our version, the version of Unicode, and the names."""
        identity = [self._VERSION, UNICODE_VERSION, [measure.name for measure in self.measures]]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]

    def __init__(self) -> None:
        self._scratch: Scratch | None = None

    def setup(self) -> None:
        """Load the character table and take the memory that a slice needs."""
        character_classes()
        self._scratch = Scratch(self._SLICE_BYTES)

    def measure(self, column: TextColumn) -> Columns:
        """Return every measure of each document, shape (num_documents,)."""
        slices = [self._measure_slice(part) for part in column.slices(self._SLICE_BYTES)]
        slices = slices or [self._measure_slice(column)]
        return {measure.name: np.concatenate([part[measure.name] for part in slices]) for measure in self.measures}

    def _measure_slice(self, column: TextColumn) -> Columns:
        segments = segment(column, self._scratch)
        return {
            **counts.measure_counts(segments),
            **quality.measure_quality(segments),
            **repetition.measure_repetition(segments),
            **ngrams.measure_ngrams(segments),
        }


def known_measures() -> Mapping[str, Measure]:
    """Return every measure by its name, except those of one language, `language_<code>`."""
    return _KNOWN


def find_measure(name: str) -> Measure:
    """Return a measure by its name, `language_<code>` too; the model decides later which codes there are.

    Raises:
        ValueError: there is none of that name; the message names the nearest.
    """
    if name in _KNOWN:
        return _KNOWN[name]
    if LANGUAGE_PATTERN.fullmatch(name):
        return language_measure(name)
    nearest = difflib.get_close_matches(name, _KNOWN, n=1, cutoff=0.0)
    raise ValueError(f"unknown measure {name!r}; did you mean {nearest[0]!r}?")


def default_groups(
    language_model: str | None, languages: Sequence[str], max_characters: int | None
) -> list[MeasureGroup]:
    """Return the measure groups of a build, not yet set up.

    Args:
        language_model: path of the fastText language model; None takes no language.
        languages: codes whose probability is wanted, such as "en".
        max_characters: characters at the beginning of a text that tell its language; None for all of it.

    Raises:
        ValueError: a language is wanted without a model, or `max_characters` is below 1.
    """
    if language_model is None:
        if languages:
            raise ValueError(f"found the measure language_{languages[0]} but no language model; name one")
        return [TextGroup()]
    return [TextGroup(), LanguageGroup(language_model, languages, max_characters)]
