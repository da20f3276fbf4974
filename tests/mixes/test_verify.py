"""The command that verifies: its exit status, what it says was checked, and mixes that were copied elsewhere."""

import shutil
from pathlib import Path

import pytest

from mixes.manifest import digest_of, load
from mixes.verify import main
from tests.mixes.test_verification import write_mix


@pytest.mark.parametrize(
    ("arguments", "meaning"), [([], "--full reads every byte"), (["--full"], "every byte was read")]
)
def test_a_sound_mix_is_said_to_be_so_wherever_it_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], meaning: str
) -> None:
    folder = write_mix(tmp_path / "first")
    digest = digest_of(load(folder))
    shutil.copytree(tmp_path / "first", tmp_path / "second")
    shutil.rmtree(tmp_path / "first")
    assert main([str(tmp_path / "second" / "mixes" / "small"), *arguments]) == 0
    said = capsys.readouterr().out
    assert "mix 'small' is sound: 2 parts and 1 file beside the manifest" in said
    assert meaning in said
    assert f"digest {digest}" in said


def test_half_a_copy_is_no_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_mix(tmp_path)
    (tmp_path / "tokens/web-0/b-00000.npy").unlink()
    assert main([str(folder)]) == 1
    said = capsys.readouterr().err
    assert "b-00000.npy: cannot be read" in said
    assert "checked until then: 0.0 of 0.0 MB" in said


def test_what_only_reading_finds_is_found_by_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_mix(tmp_path)
    path = tmp_path / "tokens/web-0/b-00000.npy"
    path.write_bytes(bytes(len(path.read_bytes())))
    assert main([str(folder)]) == 0
    assert main([str(folder), "--full"]) == 1
    assert "b-00000.npy: found the digest" in capsys.readouterr().err


def test_a_damaged_manifest_is_a_mix_that_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_mix(tmp_path)
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"seed": 1234', b'"seed": 1235'))
    assert main([str(folder)]) == 1
    assert "the file was damaged or edited" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "mixes", "mixes/other", "mixes/small/ledger.json"])
def test_a_folder_without_a_mix_is_a_wrong_request(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mix(tmp_path)
    assert main([str(tmp_path / name)]) == 2
    assert "found no manifest.json; give the folder of a built mix" in capsys.readouterr().err
