"""Tests of publication: the old mix or the new one, never half of one."""

from pathlib import Path

import pytest

import pipelines.stations.publish
from mixes.errors import MixError
from pipelines.stations.publish import publish_mix

_OLD = {"ledger.json": b"old ledger", "manifest.json": b"old"}
_NEW = {"ledger.json": b"new ledger", "report.html": b"report", "manifest.json": b"new"}


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_new_mix_appears_with_all_its_files(tmp_path: Path) -> None:
    publish_mix(str(tmp_path / "mixes" / "smoke"), _NEW)
    assert _content(tmp_path / "mixes" / "smoke") == _NEW


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_mix_takes_the_place_of_an_older_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(pipelines.stations.publish, "_exchange", lambda first, second: False)
    publish_mix(str(tmp_path / "smoke"), _OLD | {"stale.json": b""})
    publish_mix(str(tmp_path / "smoke"), _NEW)
    assert _content(tmp_path / "smoke") == _NEW
    assert [path.name for path in tmp_path.iterdir()] == ["smoke"]


@pytest.mark.parametrize("failing", list(_NEW))
def test_a_fault_at_any_file_leaves_the_old_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    publish_mix(str(tmp_path / "smoke"), _OLD)
    write = pipelines.stations.publish._write

    def fail(path: Path, data: bytes) -> object:
        if path.name == failing:
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(pipelines.stations.publish, "_write", fail)
    with pytest.raises(MixError, match="No space left on device"):
        publish_mix(str(tmp_path / "smoke"), _NEW)
    assert _content(tmp_path / "smoke") == _OLD
    assert [path.name for path in tmp_path.iterdir()] == ["smoke"]


def test_a_fault_at_the_swap_leaves_the_old_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_mix(str(tmp_path / "smoke"), _OLD)

    def fail(first: Path, second: Path) -> bool:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(pipelines.stations.publish, "_exchange", fail)
    with pytest.raises(MixError, match="Input/output error"):
        publish_mix(str(tmp_path / "smoke"), _NEW)
    assert _content(tmp_path / "smoke") == _OLD
