"""RefinedWeb's line corrections as an edit, and as a measure the share of the words that they cost."""

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from filters.batches import Batch
from filters.definitions import Columns, Measure, MeasureGroup, ratio
from filters.edits import Editor
from filters.text.characters import UNICODE_VERSION
from filters.text.letter_case import cased_classes
from filters.text.refinedweb_lines import REASONS, correct_lines

_REFINEDWEB = (
    "Penedo et al., 2023 (RefinedWeb), appendix G.2; limits of DCLM (Li et al., 2024), dclm_baseline_refinedweb"
)

MEASURES = (
    Measure(
        name="refinedweb_removed_word_fraction",
        doc="Words that the edit `refinedweb_lines` takes away over all words; punctuation alone is no word. 0.0 "
        "without words.",
        unit="words / words",
        range="[0, 1]",
        source=f"{_REFINEDWEB}: at most 0.05",
        differs="DCLM and Dolma 3 count the words of Unicode's segmentation, where each Chinese character is one: two "
        "words a line spare languages without spaces there; here such lines go. Dolma 3 divides upper-case characters "
        "by bytes.",
    ),
)

_VERSION = 1  # raised when a span or a value changes for the same text


class RefinedWebLines(Editor):
    """Removes the lines and phrases of this module."""

    name = "refinedweb_lines"
    doc = f"Lines in capitals, of digits, counters and single words go, and three phrases of web shops. {_REFINEDWEB}."
    reasons = REASONS

    def fingerprint(self) -> str:
        """Return a digest of our version and the version of Unicode."""
        return _digest("refinedweb_lines", UNICODE_VERSION)

    def setup(self) -> None:
        """Load the table of characters."""
        cased_classes()

    def find(self, batch: Batch) -> NDArray[np.void]:
        """Return the spans of all documents, dtype SPAN."""
        spans, _ = correct_lines(batch.texts)
        return spans


class RefinedWebGroup(MeasureGroup):
    """What `refinedweb_lines` would cost a document."""

    measures = MEASURES

    def fingerprint(self) -> str:
        """Return a digest of our version, the version of Unicode, and the names."""
        return _digest("refinedweb", UNICODE_VERSION, *(measure.name for measure in self.measures))

    def setup(self) -> None:
        """Load the table of characters."""
        cased_classes()

    def measure(self, batch: Batch) -> Columns:
        """Return the share of words that would go, shape (num_documents,)."""
        _, words = correct_lines(batch.texts)
        return {"refinedweb_removed_word_fraction": ratio(words[:, 1], words[:, 0])}


def _digest(*identity: str) -> str:
    return hashlib.sha256(json.dumps([_VERSION, *identity]).encode()).hexdigest()[:32]
