"""Documents of two classes: each counted once, split by their text alone."""

import json
from pathlib import Path

import pytest

from mixes.errors import DataError, SpecError
from pipelines.quality.labelled import LabelledSet, Selection, counts, drop_shared, list_shards
from pipelines.readers import ReadSettings
from tests.filters.texts import DATA


def shard(path: Path, texts: list[str], extra: str = "") -> str:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts) + extra)
    return str(path)


def read(*patterns: str, max_documents: int = 1_000, max_characters: int = 100, seed: int = 0) -> LabelledSet:
    selection = Selection(seed=seed, max_documents=max_documents, max_characters=max_characters, held_out=0.2)
    shards, reported = list_shards(patterns, ReadSettings()), [0]
    made = LabelledSet.read("hq", shards, ReadSettings(), selection, reported.append)
    assert sum(reported) == sum(shard.size for shard in shards)
    return made


def test_every_record_is_accounted_for(tmp_path: Path) -> None:
    uri = shard(tmp_path / "a.jsonl", ["one", " one\n", "two", "", " \n", "three"], "no json\n")
    other = shard(tmp_path / "b.jsonl", ["two", "four"])
    made, rest = read(uri, max_documents=2), read(other)
    found = counts(made)
    assert found["records read"] == sum(list(found.values())[1:]) == 7
    assert found["no document"] == 1
    assert found["without a word"] == 2
    assert found["repeated"] == 1
    assert found["used"] == 2
    made = read(uri)
    drop_shared(made, rest)
    assert sorted(made.texts.values()) == ["one", "three"]
    assert counts(made)["in both classes"] == counts(rest)["in both classes"] == 1


def test_the_split_depends_on_text_and_seed_alone(tmp_path: Path) -> None:
    texts = [f"text {k}" for k in range(500)]
    whole = shard(tmp_path / "a.jsonl", texts)
    halves = [
        shard(tmp_path / "b.jsonl", texts[:1:-1]),
        shard(tmp_path / "c.jsonl", [*texts[:2], "text 7"]),
    ]
    first, second = read(whole), read(*halves)
    assert first.split(0.2) == second.split(0.2)
    training, held_out = first.split(0.2)
    assert sorted(training + held_out) == sorted(texts)
    assert 60 < len(held_out) < 140
    assert read(whole, seed=1).split(0.2) != first.split(0.2)
    assert set(read(whole, max_documents=50).texts) <= set(first.texts)


def test_a_bound_takes_the_same_documents_however_they_are_sharded(tmp_path: Path) -> None:
    texts = [f"text {k}" for k in range(300)]
    whole = read(shard(tmp_path / "a.jsonl", texts), max_documents=20)
    parts = [shard(tmp_path / f"p{k}.jsonl", texts[k::5]) for k in range(5)]
    split = read(*parts, max_documents=20)
    assert whole.texts == split.texts
    assert len(whole.texts) == 20


def test_only_the_beginning_is_taken(tmp_path: Path) -> None:
    made = read(shard(tmp_path / "a.jsonl", ["abc\ndef", "abc\nxyz"]), max_characters=5)
    assert sorted(made.texts.values()) == ["abc d", "abc x"]


def test_a_glob_without_files_and_a_format_that_is_not_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="matches no file"):
        read(str(tmp_path / "*.jsonl"))
    (tmp_path / "a.exe").write_bytes(b"")
    with pytest.raises(SpecError, match="its name tells no format"):
        read(str(tmp_path / "a.exe"))


def test_a_damaged_shard_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"truncated\.jsonl\.gz: .*; repair the shard or leave it out"):
        read(str(DATA / "broken" / "truncated.jsonl.gz"))
