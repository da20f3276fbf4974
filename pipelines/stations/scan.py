"""Scan: leave the paragraphs of a unit, and the anchors of the stretches of text in it, as they are found.

They lie in files of packed records beside the measures, in the order of the documents, so that another choice of
documents only compares anew.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from filters.columns import TextColumn
from filters.duplicates.paragraphs import ParagraphSettings, find_paragraphs
from filters.duplicates.substrings import find_anchors
from mixes.spec.dedupe import Paragraphs, Substrings
from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.stations.texts import Read, ReadBatch, UnitFiles
from pipelines.storage import read_bytes

PARAGRAPHS = "paragraphs"
"""What the file of a unit's paragraphs is called, dtype PARAGRAPH."""
ANCHORS, RUNS = "anchors", "runs"
"""The same of its anchors, dtype ANCHOR, and of what `find_anchors` gives beside them, dtype SPAN."""


def repeats_uri(unit: Unit, settings: BuildSettings, name: str) -> str:
    """Return where something that is known of the repeats of a unit lies."""
    return settings.uri(settings.sources[unit.source].repeats_folder, f"{unit.name}-{name}.bin")


def load_repeats(unit: Unit, settings: BuildSettings, name: str, dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """Return the records of such a file.

    Raises:
        DataError: It is not there or cannot be read.
    """
    return np.frombuffer(read_bytes(repeats_uri(unit, settings, name)), dtype)


def scan_files(unit: Unit, settings: BuildSettings) -> list[UnitFiles]:
    """Return the files that the spec asks for, not yet made."""
    paragraphs, substrings = settings.spec.dedupe.paragraphs, settings.spec.dedupe.substrings
    wanted: list[tuple[tuple[str, ...], _Find]] = []
    if paragraphs is not None:
        wanted.append(((PARAGRAPHS,), _paragraph_finder(paragraphs)))
    if substrings is not None:
        wanted.append(((ANCHORS, RUNS), _anchor_finder(substrings)))
    return [
        UnitFiles(
            uris=tuple(repeats_uri(unit, settings, name) for name in names),
            start=partial(_Scanner, find),
        )
        for names, find in wanted
    ]


_Find = Callable[[TextColumn], Sequence[NDArray[np.void]]]
"""Returns an array of records for each file; their `document` is numbered as in the texts."""


def _paragraph_finder(paragraphs: Paragraphs) -> _Find:
    settings = ParagraphSettings(
        lines=paragraphs.lines,
        min_characters=paragraphs.min_characters,
        min_words=paragraphs.min_words,
        max_removed=paragraphs.max_removed,
    )
    return lambda texts: (find_paragraphs(texts, settings),)


def _anchor_finder(substrings: Substrings) -> _Find:
    return lambda texts: find_anchors(texts, substrings.min_bytes)


class _Scanner:
    """Writes what is found of each batch as it comes, `document` numbered in the unit."""

    def __init__(self, find: _Find, streams: Sequence[BinaryIO]) -> None:
        self._find = find
        self._streams = streams

    def add(self, item: Read) -> None:
        """Take documents."""
        if isinstance(item, ReadBatch):
            sampled = item.sampled
            for stream, records in zip(self._streams, self._find(sampled.edited.texts), strict=True):
                stream.write(_renumbered(records, item.first + sampled.places).tobytes())

    def finish(self) -> None:
        """Do nothing: all is written."""

    def abandon(self) -> None:
        """Do nothing: no writer stands between this and the streams."""


def _renumbered(records: NDArray[np.void], numbers: NDArray[np.int64]) -> NDArray[np.void]:
    """Return a copy of records whose `document` is a place in `numbers`, with the number that stands there."""
    copied = records.copy()
    copied["document"] = numbers[records["document"]]
    return copied


def shifted(records: NDArray[np.void], by: int) -> NDArray[np.void]:
    """Return a copy of records, their `document` numbered `by` higher."""
    copied = records.copy()
    copied["document"] += by
    return copied
