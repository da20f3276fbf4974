"""Compile the kernels of measures, edits and duplicates, by a run of each over a few texts."""

import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from filters.batches import Batch
from filters.classifiers.fasttext_label import FastTextGroup
from filters.classifiers.fasttext_training import TrainingSettings, train
from filters.columns import TextColumn
from filters.definitions import MeasureGroup
from filters.duplicates.components import EDGE, find_labels, large_star, small_star
from filters.duplicates.minhash import band_keys, signatures, sketches
from filters.duplicates.normalize import normalized_digests
from filters.duplicates.paragraphs import ParagraphSettings, find_paragraphs
from filters.duplicates.shingles import shingle
from filters.duplicates.substrings import find_anchors, find_windows
from filters.editors import known_editors, make_editor
from filters.edits import apply_edits, find_edits
from filters.measures import groups_for, known_measures
from filters.settings import FilterSettings, UrlListFiles

_SENTENCE = "The quick brown fox, at $x^2$ and 3,000 feet, jumps over you@example.org again... and again!\n"
_TEXTS = (
    "",
    _SENTENCE * 3,
    "# Copyright\nimport os\n\n\n\nx = 'ÀÉ' # na\u00efve\n" + _SENTENCE * 20,
    f"{_SENTENCE} and so on[1].",
)
_EDITORS, _DUPLICATES, _FASTTEXT = "editors", "duplicates", "fastText"
_RECORD = '{"url": "https://www.example.org/a?b=c", "path": "a.py", "license": "MIT", "stars": 3}'


def pieces() -> list[str]:
    """Return the names of what can be compiled apart, at the same time: groups, editors, duplicates, fastText."""
    return [*_groups(FilterSettings()), _EDITORS, _DUPLICATES, _FASTTEXT]


def warm_up(piece: str) -> None:
    """Run one of the pieces on a few texts."""
    texts = TextColumn.from_arrow(pa.array(_TEXTS))
    batch = Batch(texts, pa.array([_RECORD] * len(_TEXTS)))
    if piece == _DUPLICATES:
        _warm_up_duplicates(texts)
        return
    with tempfile.TemporaryDirectory() as folder:
        if piece == _FASTTEXT:
            _warm_up_fasttext(batch, Path(folder, "model.bin"))
            return
        settings = _settings(Path(folder))
        if piece == _EDITORS:
            _warm_up_editors(batch, settings)
            return
        group = _groups(settings)[piece]
        group.setup()
        group.measure(batch)


def _settings(folder: Path) -> FilterSettings:
    """Return settings under which every group looks at all that it can look at, and write the files they name."""
    rows, suffixes = folder / "rows.jsonl", folder / "suffixes.dat"
    rows.write_bytes(msgspec.json.encode({"question": _SENTENCE * 2, "answer": "the quick brown fox"}))
    suffixes.write_text("org\n")
    return FilterSettings(evaluations=(str(rows),), url_lists=UrlListFiles(public_suffixes=str(suffixes)))


def _groups(settings: FilterSettings) -> dict[str, MeasureGroup]:
    measures = [name for name in known_measures() if not name.startswith("language")]
    return {type(group).__name__: group for group in groups_for(measures, settings)}


def _warm_up_editors(batch: Batch, settings: FilterSettings) -> None:
    for name in known_editors():
        editor = make_editor(name, settings)
        editor.setup()
        apply_edits(batch.texts, find_edits([editor], batch))


def _warm_up_fasttext(batch: Batch, path: Path) -> None:
    for dimension in (1, 2):  # fewer than labels, and not: two roads to the scores
        settings = TrainingSettings(dimension=dimension, num_buckets=8, epochs=1, min_count=1)
        trained = train(batch.texts, np.arange(batch.texts.num_documents) % 2, ["a", "b"], settings)
        with path.open("wb") as stream:
            trained.write(stream)
        group = FastTextGroup(name="of_model", model=str(path), label="a")
        group.setup()
        group.measure(batch)


def _warm_up_duplicates(texts: TextColumn) -> None:
    for unit in ("words", "characters"):
        values = signatures(shingle(texts, ngram=5, unit=unit), 112)
    band_keys(values, 14)
    sketches(values)
    normalized_digests(texts)
    find_paragraphs(texts, ParagraphSettings())
    anchors, _ = find_anchors(texts, 50)
    find_windows(texts, anchors, 50)
    edges = np.frombuffer(bytes(2 * EDGE.itemsize), EDGE)  # as they come: packed, and not to be written to
    for connect in (large_star, small_star, find_labels):
        list(connect(lambda: [edges]))
