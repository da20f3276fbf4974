"""The files that a manifest names, wherever OUTPUT lies: what is read of them, and how that is done on this machine.

Token files are read with `pread`: one that was cut under a running process gives an error with its name, where a memory
map would kill the process by SIGBUS. A bounded number of them is open.
"""

import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from mixes.errors import MixError
from mixes.files import require_file, require_size
from mixes.manifest import PartEntry

MAX_OPEN_FILES = 256


class Extent(NamedTuple):
    """A stretch of one token file, and where it goes; everything is counted in bytes.

    Attributes:
        part: number of the part among those that were opened.
        offset: where the stretch begins in its token file.
        place: where it goes in what is read.
        size: its length.
    """

    part: int
    offset: int
    place: int
    size: int


class PartFiles(Protocol):
    """The token files of some parts, open for reading; for one thread at a time, to be closed after use."""

    @property
    def reads_ahead(self) -> bool:
        """Return whether it is worth while to announce reads."""

    def name(self, part: int) -> str:
        """Return the path or URI of a token file, for messages."""

    def announce(self, extents: Sequence[Extent]) -> None:
        """Begin to fetch what will be read soon; returns at once."""

    def read(self, extents: Sequence[Extent], target: memoryview) -> None:
        """Fill the places of the extents in `target`, bytes.

        Raises:
            MixError: a token file was cut or replaced since it was opened, or cannot be read.
        """

    def close(self) -> None:
        """Give back what is held."""


class MixFiles(Protocol):
    """OUTPUT, the folder that the file names of a manifest are relative to."""

    def open_parts(self, parts: Sequence[PartEntry]) -> PartFiles:
        """Open the token files of some parts.

        Raises:
            MixError: one is absent or has another size than the manifest says.
        """

    def index(self, part: PartEntry) -> Path:
        """Return a path on this machine at which the index of a part can be read now.

        Raises:
            MixError: it is absent.
        """


class LocalFiles:
    """OUTPUT on this machine.

    Args:
        root: the folder.
        max_open_files: token files held open at once, at least 1.
    """

    def __init__(self, root: Path, *, max_open_files: int = MAX_OPEN_FILES) -> None:
        assert max_open_files >= 1
        self._root = root
        self._max_open_files = max_open_files

    def open_parts(self, parts: Sequence[PartEntry]) -> PartFiles:
        """Open token files as `MixFiles` says."""
        return _LocalParts([require_size(self._root, part.file, part.size) for part in parts], self._max_open_files)

    def index(self, part: PartEntry) -> Path:
        """Return the path of an index as `MixFiles` says."""
        return require_file(self._root, part.index)


class _LocalParts:
    """Token files on this machine, opened when they are first read; the kernel reads ahead."""

    reads_ahead = False

    def __init__(self, paths: Sequence[Path], max_open_files: int) -> None:
        self._paths = paths
        self._max_open_files = max_open_files
        self._open_files: OrderedDict[int, int] = OrderedDict()

    def name(self, part: int) -> str:
        return str(self._paths[part])

    def announce(self, extents: Sequence[Extent]) -> None:
        """Do nothing."""

    def read(self, extents: Sequence[Extent], target: memoryview) -> None:
        for part, offset, place, size in extents:
            found = os.preadv(self._descriptor(part), [target[place : place + size]], offset)
            if found != size:
                raise MixError(
                    f"{self._paths[part]}: found {found:,} bytes at {offset:,}, wanted {size:,}; "
                    "the file was cut while it was read: copy it again"
                )

    def close(self) -> None:
        while self._open_files:
            _, descriptor = self._open_files.popitem()
            os.close(descriptor)

    def _descriptor(self, part: int) -> int:
        """Return an open descriptor of a token file; the one used longest ago is closed when there are too many."""
        descriptor = self._open_files.pop(part, None)
        if descriptor is None:
            if len(self._open_files) >= self._max_open_files:
                _, oldest = self._open_files.popitem(last=False)
                os.close(oldest)
            path = self._paths[part]
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except OSError as error:
                raise MixError(f"{path}: cannot be read: {error.strerror}; copy it again") from error
        self._open_files[part] = descriptor
        return descriptor
