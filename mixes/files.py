"""Files that are whole or absent: atomic publication, digests, and names that stay inside a folder."""

import contextlib
import errno
import hashlib
import io
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from mixes.errors import MixError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_READ_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDigest:
    """What identifies the content of a file: its size in bytes and its SHA-256 in lower-case hex."""

    size: int
    digest: str


Write: TypeAlias = Callable[[BinaryIO], object]
"""Writes the content of one file, from its first byte to its last, to an open handle that cannot seek."""
Publish: TypeAlias = Callable[[str, Write], FileDigest]
"""Makes one file appear under its name, whole or not at all; `publish_file` does it on a local disk."""


class DigestWriter(io.BufferedIOBase):
    """A binary handle that counts and digests what is written through it."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._size = 0
        self._hash = hashlib.sha256()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of the data, any contiguous buffer, and return its size in bytes."""
        view = memoryview(data)
        if view.nbytes == 0:
            return 0  # an empty view cannot be cast
        view = view.cast("B")
        self._handle.write(view)
        self._hash.update(view)
        self._size += len(view)
        return len(view)

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self._size

    def digest(self) -> FileDigest:
        """Return size and digest of all that was written so far."""
        return FileDigest(size=self._size, digest=self._hash.hexdigest())


def publish_file(path: str, write: Write) -> FileDigest:
    """Write a file under a temporary name in its folder, force it to disk, rename it to `path`; return its digest.

    The folder is created if need be. Whatever happens, `path` is absent, what it was before, or whole; after an error
    the temporary file is gone, and after a kill it has a name that starts with a dot and that nobody reads.

    Raises:
        MixError: the disk is full, the folder cannot be written, or a folder has the name; the old file, if any, is
            untouched.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    if target.is_dir():
        raise MixError(f"{path}: found a folder where a file belongs; remove it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = _write_to_disk(temporary, write)
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        cause = error.strerror or str(error)
        if error.errno in _FULL:
            cause += f", after {_size(temporary):,} bytes of it"
        raise MixError(f"{path}: cannot be written: {cause}; make room or choose another output folder") from error
    finally:
        with contextlib.suppress(OSError):  # after success there is none left
            temporary.unlink()
    return digest


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def digest_file(path: Path) -> FileDigest:
    """Return size and digest of a file, read in blocks of 1 MiB."""
    content, size = hashlib.sha256(), 0
    with path.open("rb") as handle:
        while block := handle.read(_READ_BYTES):
            content.update(block)
            size += len(block)
    return FileDigest(size=size, digest=content.hexdigest())


def is_inside(name: str) -> bool:
    r"""Return whether a name with `/` between its parts stays in its folder: no `..`, `.`, `//`, `\`, NUL."""
    parts = name.split("/")
    return not any(part in {"", ".", ".."} for part in parts) and "\\" not in name and "\0" not in name


def resolve_inside(root: Path, name: str) -> Path:
    """Return the path of a file that a manifest names, relative to OUTPUT.

    Raises:
        MixError: the name, or a symbolic link on its way, leads out of `root`.
    """
    path = root / name
    if not is_inside(name) or not path.resolve().is_relative_to(root.resolve()):
        raise MixError(f"{root}: found the file name {name!r}, wanted a file inside this folder")
    return path


def require_file(root: Path, name: str) -> Path:
    """Return the path of a file that a manifest names, after a check that it is there.

    Raises:
        MixError: the file is absent, is no plain file or lies outside `root`.
    """
    path = resolve_inside(root, name)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise MixError(
            f"{path}: cannot be read: {error.strerror}; the manifest names it: copy it here or build again"
        ) from error
    if not stat.S_ISREG(mode):
        raise MixError(f"{path}: found a folder or device, wanted a plain file")
    return path


def require_size(root: Path, name: str, size: int) -> Path:
    """Return the path of a file that a manifest names, after a check of its size in bytes.

    Raises:
        MixError: the file has another size, or `require_file` refuses it.
    """
    path = require_file(root, name)
    found = path.stat().st_size
    if found != size:
        raise MixError(
            f"{path}: found {found:,} bytes, the manifest says {size:,}; the file was cut or changed: copy it again"
        )
    return path


def _write_to_disk(path: Path, write: Write) -> FileDigest:
    """Write a new file and wait until the disk has it."""
    with path.open("xb") as handle:
        writer = DigestWriter(handle)
        write(cast("BinaryIO", writer))  # BinaryIO is a class, so nothing but a file is one by structure
        handle.flush()
        os.fsync(handle.fileno())
    return writer.digest()


def sync_folder(folder: Path) -> None:
    """Force the entries of a folder to disk, so that a renamed file survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
