"""Publish: let the files of a built mix appear together, so that a reader finds the old mix or the new one."""

import ctypes
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from mixes.errors import MixError
from mixes.files import FileDigest, publish_file
from pipelines.storage import is_remote, join, publish_bytes

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def publish_mix(folder: str, files: Mapping[str, bytes]) -> None:
    """Publish the files of one mix; the manifest is the last of `files`.

    In a local folder all files appear at once. An object store takes them one by one, the manifest last, which holds
    the digests of the others.

    Raises:
        MixError: The folder cannot be written; what was there before is untouched.
    """
    if is_remote(folder):
        for name, data in files.items():
            publish_bytes(join(folder, name), data)
        return
    target = Path(folder)
    staged = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        for name, data in files.items():
            _write(staged / name, data)
        _take_place(staged, target)
    except OSError as error:
        cause = error.strerror or str(error)
        raise MixError(f"{target}: cannot be published: {cause}; mend that and run the command again") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write(path: Path, data: bytes) -> FileDigest:
    return publish_file(str(path), lambda stream: stream.write(data))


def _take_place(staged: Path, target: Path) -> None:
    """Put `staged` where `target` is, in one step where the system offers it; `staged` then names the old mix."""
    if not target.exists():
        staged.rename(target)
    elif not _exchange(staged, target):
        old = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        target.rename(old)  # for a moment there is no mix of this name: readers refuse, none reads half of one
        staged.rename(target)
        shutil.rmtree(old, ignore_errors=True)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step; return False where the system or the file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    status = renameat2(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE)
    return bool(status == 0)
