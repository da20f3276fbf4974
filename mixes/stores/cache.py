"""A cache of blocks of files on this machine, bounded in size, that any number of processes share.

A block lies at FOLDER/<digest of its file>/<offset>-<size>. It appears whole or not at all, and since the digest is the
one that the manifest gives, a block of another file is never read for it. Those used longest ago go first. Nothing is
forced to disk: after a power cut a block may be empty, and one of another size than its name says counts as absent.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mixes.errors import MixError, SpecError
from mixes.files import digest_file

FOLDER_VARIABLE = "GRISTMILL_CACHE"
SIZE_VARIABLE = "GRISTMILL_CACHE_GB"
DEFAULT_GB = 100.0

_DISK_SHARE = 0.9  # of what the cache has and what is free beside it
_FULL, _EMPTIED = 7 / 8, 6 / 8  # of the bound: where blocks begin to go, and how far
_SHARING = 8  # processes that may write at once without passing the bound
_TOUCH_SECONDS = 60  # a block used within this time counts as used now
_ABANDONED_SECONDS = 3600  # a temporary file of this age has nobody who writes it
_WHOLE = "whole"  # the name of a file that is kept in one piece
_SOUND = "sound"  # beside the blocks of a file that are all there and have its digest


class Block(NamedTuple):
    """Bytes [offset, offset + size) of the file with a digest."""

    digest: str
    offset: int
    size: int


class _Entry(NamedTuple):
    used: float
    size: int
    path: str


class BlockCache:
    """Keeps blocks; from any thread.

    Args:
        folder: where; made if need be.
        max_bytes: the bound, of all processes that share the folder.

    Raises:
        MixError: the folder cannot be written.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._unwatched = 0  # bytes that may be written before somebody looks how full the cache is
        self._lock = threading.Lock()
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._make_room()

    def path(self, block: Block) -> Path:
        """Return where a block lies when it is there."""
        return self._folder / block.digest / f"{block.offset}-{block.size}"

    def has(self, block: Block) -> bool:
        """Return whether a block is there; counts as a use of it."""
        return self.read(block, 0, memoryview(b""))

    def read(self, block: Block, offset: int, target: memoryview) -> bool:
        """Fill `target` from an offset of a block on; return False where the block is not there."""
        try:
            descriptor = os.open(self.path(block), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            status = os.fstat(descriptor)
            if status.st_size != block.size:
                return False
            if time.time() - status.st_mtime > _TOUCH_SECONDS:
                os.utime(descriptor)
            return not target or os.preadv(descriptor, [target], offset) == len(target)
        finally:
            os.close(descriptor)

    def count(self, digest: str) -> int:
        """Return how many blocks of a file are there, or a few more."""
        try:
            return len(os.listdir(self._folder / digest))
        except FileNotFoundError:
            return 0

    def put(self, block: Block, data: bytes) -> None:
        """Keep a block, and let others go where there are too many.

        Raises:
            MixError: it cannot be written.
        """
        self._write(self.path(block), data)

    def whole(self, digest: str, place: str, fetch: Callable[[str], bytes]) -> Path:
        """Return the path of a copy of a whole file, which has its digest.

        Args:
            digest: of the file.
            place: where it lies.
            fetch: gives the content of a place.

        Raises:
            MixError: it cannot be fetched or written, or has another digest.
        """
        path = self._folder / digest / _WHOLE
        if not path.is_file() or digest_file(path).digest != digest:
            data = fetch(place)
            _require_digest(place, hashlib.sha256(data).hexdigest(), digest)
            self._write(path, data)
        os.utime(path)
        return path

    def _write(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
        with _explained(path):
            try:
                path.parent.mkdir(exist_ok=True)
                temporary.write_bytes(data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            with self._lock:
                self._unwatched -= len(data)
                looks = self._unwatched <= 0
            if looks:
                self._make_room()

    def require_digest(self, blocks: Sequence[Block], place: str) -> None:
        """Compare a file with its digest, once all its blocks are there; those of another file are removed.

        Args:
            blocks: of the whole file, in their order.
            place: the file, for messages.

        Raises:
            MixError: they have another digest.
        """
        folder = self.path(blocks[0]).parent
        names = set(os.listdir(folder))
        if _SOUND in names or not names.issuperset(self.path(block).name for block in blocks):
            return
        content = hashlib.sha256()
        try:
            for block in blocks:
                content.update(self.path(block).read_bytes())
        except FileNotFoundError:
            return  # one had to go meanwhile
        try:
            _require_digest(place, content.hexdigest(), blocks[0].digest)
        except MixError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        (folder / _SOUND).touch()

    def _make_room(self) -> None:
        """Remove the blocks that were used longest ago where all together come near the bound."""
        with self._alone() as is_alone:
            if not is_alone:
                return
            entries = sorted(self._entries())
            total = sum(entry.size for entry in entries)
            bound = min(self._max_bytes, (total + shutil.disk_usage(self._folder).free) * _DISK_SHARE)
            wanted = total if total <= bound * _FULL else bound * _EMPTIED
            for entry in entries:
                if total <= wanted:
                    break
                Path(entry.path).with_name(_SOUND).unlink(missing_ok=True)
                Path(entry.path).unlink(missing_ok=True)
                total -= entry.size
            with self._lock:
                self._unwatched = int((bound - total) / _SHARING)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Give whether no other process or thread is making room."""
        with (self._folder / ".lock").open("wb") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def _entries(self) -> Iterator[_Entry]:
        """Yield the blocks, and remove what was written half and abandoned."""
        for folder in os.scandir(self._folder):
            if folder.is_dir(follow_symlinks=False):
                for file in os.scandir(folder):
                    with contextlib.suppress(FileNotFoundError):  # gone meanwhile
                        status = file.stat(follow_symlinks=False)
                        if not file.name.startswith("."):
                            yield _Entry(status.st_mtime, status.st_size, file.path)
                        elif time.time() - status.st_mtime > _ABANDONED_SECONDS:
                            os.unlink(file)


def cache_of_environment() -> BlockCache:
    """Return the cache in GRISTMILL_CACHE, else `~/.cache/gristmill/mixes`, of at most GRISTMILL_CACHE_GB.

    Raises:
        SpecError: GRISTMILL_CACHE_GB is no number above 0.
        MixError: the folder cannot be written.
    """
    text = os.environ.get(SIZE_VARIABLE, str(DEFAULT_GB))
    try:
        max_bytes = int(float(text) * 1e9)
    except (ValueError, OverflowError):
        max_bytes = 0
    if max_bytes <= 0:
        raise SpecError(f"{SIZE_VARIABLE}: found {text!r}, wanted how many GB the cache may have, such as 100")
    folder = os.environ.get(FOLDER_VARIABLE)
    root = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return BlockCache(Path(folder) if folder else Path(root, "gristmill", "mixes"), max_bytes)


def _require_digest(place: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise MixError(f"{place}: found the digest {found}, the manifest says {wanted}; copy the file there again")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MixError(
            f"{path}: cannot be written: {error.strerror}; make room, or set {FOLDER_VARIABLE} to another folder or "
            f"{SIZE_VARIABLE} to fewer GB"
        ) from error
