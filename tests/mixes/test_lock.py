"""One worker at a time in one folder."""

import os
import socket
from pathlib import Path

import pytest

from mixes.errors import MixError
from mixes.lock import hold_folder


def test_a_second_worker_is_refused_with_who_holds_the_folder_and_a_later_one_is_not(tmp_path: Path) -> None:
    with hold_folder(tmp_path / "new" / "run", ".lock", "run"):
        with pytest.raises(MixError) as caught, hold_folder(tmp_path / "new" / "run", ".lock", "run"):
            pass
        holder = f"another run is at work here (process {os.getpid()} on {socket.gethostname()} since 20"
        assert holder in str(caught.value)
        with hold_folder(tmp_path / "new" / "other", ".lock", "run"):
            pass
    with hold_folder(tmp_path / "new" / "run", ".lock", "run"):
        assert (tmp_path / "new" / "run" / ".lock").read_text().count("process") == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(MixError, match="file/run: cannot be written: Not a directory"),
        hold_folder(tmp_path / "file" / "run", ".lock", "run"),
    ):
        pass


def test_a_full_disk_is_held_though_nobody_can_be_told_by_whom(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to("/dev/full")
    with (
        hold_folder(tmp_path, ".lock", "run"),
        pytest.raises(MixError, match="another run is at work here"),
        hold_folder(tmp_path, ".lock", "run"),
    ):
        pass
