"""Tests of the lock: one build at a time, and nothing half written stays behind."""

from pathlib import Path

import pytest

from mixes.errors import MixError
from pipelines.lock import hold_output


def test_a_second_build_of_one_output_is_refused_and_says_why(tmp_path: Path) -> None:
    with hold_output(tmp_path), pytest.raises(MixError, match="another build is at work here"), hold_output(tmp_path):
        pass


def test_the_lock_is_free_again_after_a_build_that_failed(tmp_path: Path) -> None:
    with pytest.raises(KeyError), hold_output(tmp_path):
        raise KeyError
    with hold_output(tmp_path):
        assert tmp_path.is_dir()


def test_what_a_killed_build_left_half_written_is_cleared(tmp_path: Path) -> None:
    half = tmp_path / "tokens" / "web-0" / ".part.npy.0123.tmp"
    whole = tmp_path / "tokens" / "web-0" / "part.npy"
    half.parent.mkdir(parents=True)
    half.touch()
    whole.touch()
    with hold_output(tmp_path):
        assert not half.exists()
        assert whole.exists()


def test_the_folder_of_a_mix_that_was_killed_while_it_was_published_is_cleared(tmp_path: Path) -> None:
    staged = tmp_path / "mixes" / ".smoke.0123456789abcdef.tmp"
    staged.mkdir(parents=True)
    (staged / "manifest.json").touch()
    with hold_output(tmp_path):
        assert not staged.exists()


def test_an_output_that_is_a_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.touch()
    with pytest.raises(MixError, match="output: cannot be written"), hold_output(path):
        pass
