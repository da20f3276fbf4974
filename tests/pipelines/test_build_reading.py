"""How often a build reads its shards, and what it makes of them on the way."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.build_mix import main
from pipelines.documents import Failure, ShardDamage
from pipelines.readers import ShardReader
from tests.pipelines.conftest import Corpus

_EVERYTHING = {"fuzzy": {}, "normalized": "words", "paragraphs": {}, "substrings": {"min_bytes": 5_000}}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how often each shard was begun, by its name."""
    counted: Counter[str] = Counter()
    read = ShardReader.__iter__

    def count_and_read(reader: ShardReader) -> Iterator[pa.RecordBatch | Failure | ShardDamage]:
        counted[reader._name] += 1
        return read(reader)

    monkeypatch.setattr(ShardReader, "__iter__", count_and_read)
    return counted


def _made(corpus: Corpus) -> dict[Path, int]:
    """Return when each file that is made of texts was written."""
    found = [path for folder in ("measures", "signatures", "repeats") for path in corpus.output.glob(f"{folder}/*/*")]
    return {path: path.stat().st_mtime_ns for path in found}


def test_shards_are_read_twice_whatever_is_made_of_them(corpus: Corpus, reads: Counter[str]) -> None:
    corpus.spec["dedupe"] = _EVERYTHING
    assert main(corpus.arguments()) == 0
    assert set(reads.values()) == {2}
    assert len(reads) == 4
    assert {path.suffixes[-1] for path in _made(corpus)} == {".parquet", ".bin"}
    assert len(_made(corpus)) == 4 * 5  # measures, signatures, paragraphs, anchors, runs


def test_what_is_made_in_one_reading_is_what_is_made_in_several(corpus: Corpus, tmp_path: Path) -> None:
    corpus.spec["dedupe"] = _EVERYTHING
    assert main(corpus.arguments()) == 0
    together = {path.relative_to(corpus.output): path.read_bytes() for path in _made(corpus)}
    corpus.output = tmp_path / "apart"
    for number in range(len(_EVERYTHING)):
        corpus.spec["dedupe"] = dict(list(_EVERYTHING.items())[: number + 1])
        assert main(corpus.arguments()) == 0
    assert {path: (corpus.output / path).read_bytes() for path in together} == together


def test_what_is_there_is_left_and_only_what_is_missing_is_made(corpus: Corpus, reads: Counter[str]) -> None:
    assert main(corpus.arguments()) == 0
    measures = _made(corpus)
    corpus.spec["dedupe"] = _EVERYTHING
    reads.clear()
    assert main(corpus.arguments()) == 0
    everything = _made(corpus)
    assert set(reads.values()) == {1}  # the parts are there
    assert len(everything) == 5 * len(measures)
    assert {path: everything[path] for path in measures} == measures
    gone = min(corpus.output.glob("repeats/web-*/*-runs.bin"))
    before = gone.read_bytes()
    gone.unlink()
    for record in corpus.output.glob("pools/*.json"):
        record.unlink()  # with it nothing would be read: all parts are there
    reads.clear()
    assert main(corpus.arguments()) == 0
    assert sum(reads.values()) == 1
    assert gone.read_bytes() == before
    changed = {path for path, when in _made(corpus).items() if everything[path] != when}
    assert changed == {gone, gone.with_name(gone.name.replace("runs", "anchors"))}


def test_a_shard_that_changed_unnoticed_takes_all_that_was_made_of_it_along(corpus: Corpus) -> None:
    corpus.spec["dedupe"] = _EVERYTHING
    assert main(corpus.arguments()) == 0
    before = _made(corpus)
    corpus.change_unnoticed()
    corpus.spec["seed"] = 5
    assert main(corpus.arguments()) == 1
    assert {path.parent.name.partition("-")[0] for path in before.keys() - _made(corpus).keys()} == {"code"}
    assert len(before) - len(_made(corpus)) == 5
    assert main(corpus.arguments()) == 0
