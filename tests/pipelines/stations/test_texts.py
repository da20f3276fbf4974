"""One reading for several files: each is handed all that is read, and none appears where reading fails."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from mixes.errors import DataError
from pipelines.forgotten import Forgotten
from pipelines.listing import Shard
from pipelines.plan import Unit
from pipelines.progress import Marks
from pipelines.readers import ReadSettings
from pipelines.stations.texts import FailedRecord, Read, ReadBatch, ReadShard, UnitFiles, make_files
from tests.pipelines.conftest import write_jsonl


class _Notes:
    """Writes a line for all it takes, into each of its files."""

    def __init__(self, name: str, streams: Sequence[BinaryIO]) -> None:
        self._name = name
        self._streams = streams

    def add(self, item: Read) -> None:
        match item:
            case ReadBatch():
                self._write(f"{item.shard} {item.first} {item.records.column('id').to_pylist()}")
            case FailedRecord():
                self._write(f"{item.shard} {item.failure.reason}")
            case ReadShard():
                self._write(f"{item.shard} {item.damage and item.damage.reason} {len(item.reader.digest)}")

    def finish(self) -> None:
        self._write(f"end of {self._name}")

    def abandon(self) -> None:
        self._write(f"no end of {self._name}")

    def _write(self, line: str) -> None:
        for stream in self._streams:
            stream.write(f"{line}\n".encode())


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    """Return a unit of two shards."""
    write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "text": "x"}, b"{", {"id": "2", "text": "y"}])
    write_jsonl(tmp_path / "b.jsonl", [{"id": "3", "text": "z"}])
    shards = [Shard(uri=str(tmp_path / name), name=name, size=1, version="") for name in ("a.jsonl", "b.jsonl")]
    return Unit(ordinal=0, source=0, name="unit", shards=tuple(shards))


def _make(unit: Unit, folder: Path, files: dict[str, list[str]]) -> dict[str, str]:
    """Return the files that are there afterwards, by name."""
    source = type("Source", (), {"name": "web", "reading": ReadSettings(format="jsonl"), "sample": 1.0})
    settings = type(
        "Settings", (), {"sources": [source], "spec": type("Spec", (), {"seed": 1}), "forgotten": Forgotten()}
    )
    wanted = [
        UnitFiles(uris=tuple(str(folder / name) for name in names), start=partial(_Notes, taker))
        for taker, names in files.items()
    ]
    try:
        make_files(unit, settings, [], wanted, Marks(None, "measure", 0))  # type: ignore[arg-type]  # only what it uses
    finally:
        found = {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}
    return found


def test_every_taker_sees_everything_in_order_and_fills_its_own_files(unit: Unit, tmp_path: Path) -> None:
    found = _make(unit, tmp_path / "out", {"one": ["a", "b"], "two": ["c"]})
    lines = found["a"].splitlines()
    assert found["b"] == found["a"]
    assert found["c"] == found["a"].replace("end of one", "end of two")
    assert sorted(lines[:2]) == ["0 0 ['1', '2']", "0 bad_json"]
    assert lines[2:] == ["0 None 64", "1 2 ['3']", "1 None 64", "end of one"]


def test_no_file_appears_and_none_is_left_half_written_where_reading_fails(unit: Unit, tmp_path: Path) -> None:
    Path(unit.shards[1].uri).unlink()
    with pytest.raises(DataError, match=r"b\.jsonl"):
        _make(unit, tmp_path / "out", {"one": ["a", "b"], "two": ["c"]})
    assert list((tmp_path / "out").iterdir()) == []


def test_files_are_there_only_when_all_of_them_are(tmp_path: Path) -> None:
    files = UnitFiles(uris=(str(tmp_path / "a"), str(tmp_path / "b")), start=partial(_Notes, ""))
    (tmp_path / "a").touch()
    assert not files.are_there()
    (tmp_path / "b").touch()
    assert files.are_there()
