"""Publication of files: whole or absent, whatever fails, and never outside the folder."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from mixes.errors import MixError
from mixes.files import DigestWriter, digest_file, is_inside, publish_file, require_size, resolve_inside


def test_a_published_file_holds_what_was_written_and_its_digest_is_returned(tmp_path: Path) -> None:
    def write(handle: BinaryIO) -> None:
        handle.write(b"one ")
        assert handle.tell() == 4
        handle.write(memoryview(b"two"))
        handle.write(np.empty((0, 3)).data)

    published = publish_file(str(tmp_path / "new" / "folder" / "a.bin"), write)
    path = tmp_path / "new" / "folder" / "a.bin"
    assert path.read_bytes() == b"one two"
    assert (published.size, published.digest) == (7, hashlib.sha256(b"one two").hexdigest())
    assert digest_file(path) == published
    assert os.listdir(path.parent) == ["a.bin"]


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write(handle: BinaryIO) -> None:
        handle.write(b"new")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        publish_file(str(path), write)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir", "open"])
def test_a_disk_that_fails_is_named_and_leaves_the_old_file(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail(*_args: object, **_keywords: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if call == "fsync" else Path, call, fail)
    with pytest.raises(MixError, match=r"a\.bin: cannot be written: No space left on device, after \d bytes of it"):
        publish_file(str(path), lambda handle: handle.write(b"new"))
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_disk_that_fills_up_while_writing_is_named_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write(handle: BinaryIO) -> None:
        handle.write(bytes(1 << 20))
        with open("/dev/full", "wb", buffering=0) as full:
            DigestWriter(full).write(b"new")

    with pytest.raises(MixError, match=r"a\.bin: cannot be written: No space left on device, after 1,048,576 bytes"):
        publish_file(str(path), write)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    script = (
        "import os, signal, sys; from mixes.files import publish_file\n"
        "def write(handle): handle.write(b'new'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish_file(sys.argv[1], write)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    left = [name for name in os.listdir(tmp_path) if name != "a.bin"]
    assert len(left) == 1
    assert left[0].startswith(".a.bin.")
    assert left[0].endswith(".tmp")


def test_the_file_is_forced_to_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        events.append("fsync")
        real_fsync(descriptor)

    def replace(self: Path, target: Path) -> Path:
        events.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    publish_file(str(tmp_path / "a.bin"), lambda handle: handle.write(b"new"))
    assert events == ["fsync", "rename", "fsync"]


def test_an_empty_file_can_be_published(tmp_path: Path) -> None:
    published = publish_file(str(tmp_path / "empty"), lambda _: None)
    assert published.size == 0
    assert (tmp_path / "empty").read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("a", True),
        ("tokens/web-01/u-00000.npy", True),
        ("a..b", True),
        ("", False),
        (".", False),
        ("..", False),
        ("../a", False),
        ("a/../../b", False),
        ("a/./b", False),
        ("a//b", False),
        ("/etc/passwd", False),
        ("a/", False),
        ("a\\b", False),
        ("a\0b", False),
    ],
)
def test_names_that_leave_the_folder_are_known(name: str, inside: bool, tmp_path: Path) -> None:
    assert is_inside(name) is inside
    if not inside:
        with pytest.raises(MixError, match="wanted a file inside this folder"):
            resolve_inside(tmp_path, name)


def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_followed(tmp_path: Path) -> None:
    root = tmp_path / "output"
    root.mkdir()
    (tmp_path / "secret").write_bytes(b"abc")
    (root / "real").write_bytes(b"abc")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    (root / "in").symlink_to(root / "real")
    assert require_size(root, "in", 3) == root / "in"
    for name in ("out", "folder/secret"):
        with pytest.raises(MixError, match="wanted a file inside this folder"):
            require_size(root, name, 3)


def test_a_file_that_is_absent_no_file_or_of_another_size_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "short").write_bytes(b"abc")
    with pytest.raises(MixError, match=r"absent: cannot be read: No such file or directory; the manifest names it"):
        require_size(tmp_path, "absent", 3)
    with pytest.raises(MixError, match=r"folder: found a folder or device, wanted a plain file"):
        require_size(tmp_path, "folder", 3)
    with pytest.raises(MixError, match=r"short: found 3 bytes, the manifest says 1,000"):
        require_size(tmp_path, "short", 1000)
