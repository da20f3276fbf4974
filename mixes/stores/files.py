"""The files of a built mix in a store: indexes are copied whole and checked by digest, token files read by blocks.

A block is fetched with one request and kept in the cache of this machine. What will be read soon is fetched by threads
in the order in which it is announced, so a store's latency is paid many times at once and ahead of need.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mixes.errors import MixError
from mixes.manifest import PartEntry
from mixes.mix_files import Extent, PartFiles
from mixes.stores.addresses import Sign, signer
from mixes.stores.cache import Block, BlockCache, cache_of_environment
from mixes.stores.ranges import MAX_CONNECTIONS, RangeReader

BLOCK_BYTES = 1 << 16
"""Bytes of a block; docs/training.md has what other sizes cost."""


class StoredFiles:
    """OUTPUT in a store.

    Args:
        root: its URI.

    Raises:
        MixError: the store's library is not installed or refuses, or the cache cannot be written.
        SpecError: the environment asks for an impossible cache.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._cache = cache_of_environment()
        self._sign = signer(root)
        self._ranges = RangeReader(self._sign)

    def read(self, name: str) -> bytes:
        """Return the content of a file, such as the manifest, as it is now.

        Raises:
            MixError: it cannot be read.
        """
        return self._ranges.whole(f"{self._root}/{name}")

    def open_parts(self, parts: Sequence[PartEntry]) -> PartFiles:
        """Open token files as `MixFiles` says, with a request for one byte of each."""
        return _StoredParts(self._root, parts, self._sign, self._cache)

    def index(self, part: PartEntry) -> Path:
        """Return the path of a copy of an index as `MixFiles` says."""
        return self._cache.whole(part.index_digest, f"{self._root}/{part.index}", self._ranges.whole)


class _StoredParts:
    """Token files in a store, read through the cache."""

    reads_ahead = True

    def __init__(self, root: str, parts: Sequence[PartEntry], sign: Sign, cache: BlockCache) -> None:
        self._uris = [f"{root}/{part.file}" for part in parts]
        self._parts = parts
        self._ranges = RangeReader(sign)
        self._cache = cache
        self._coming: dict[Block, Future[None]] = {}
        self._threads = ThreadPoolExecutor(MAX_CONNECTIONS, thread_name_prefix="store")
        try:
            self._versions = list(self._threads.map(self._version, range(len(parts))))
        except BaseException:
            self.close()
            raise

    def name(self, part: int) -> str:
        return self._uris[part]

    def announce(self, extents: Sequence[Extent]) -> None:
        for extent in extents:
            for block in self._blocks(extent):
                if block not in self._coming and not self._cache.has(block):
                    self._coming[block] = self._threads.submit(self._keep, extent.part, block)

    def read(self, extents: Sequence[Extent], target: memoryview) -> None:
        self.announce(extents)
        for extent in extents:
            for block in self._blocks(extent):
                first = max(extent.offset, block.offset)
                last = min(extent.offset + extent.size, block.offset + block.size)
                place = extent.place + first - extent.offset
                self._copy(extent.part, block, first - block.offset, target[place : place + last - first])

    def close(self) -> None:
        self._ranges.stop()
        self._threads.shutdown(cancel_futures=True)

    def _copy(self, part: int, block: Block, offset: int, target: memoryview) -> None:
        """Fill `target` from an offset of a block on, when it has come."""
        coming = self._coming.pop(block, None)
        if coming is not None:
            coming.result()
        if not self._cache.read(block, offset, target):  # it had to go already: the cache is small
            target[:] = self._fetch(part, block)[offset : offset + len(target)]

    def _keep(self, part: int, block: Block) -> None:
        self._cache.put(block, self._fetch(part, block))
        if self._cache.count(block.digest) >= -(-self._parts[part].size // BLOCK_BYTES):
            whole = Extent(part, 0, 0, self._parts[part].size)
            self._cache.require_digest(list(self._blocks(whole)), self._uris[part])

    def _fetch(self, part: int, block: Block) -> bytes:
        """Return a block of a token file that is still the one that was opened."""
        found = self._ranges.read(self._uris[part], block.offset, block.size)
        if (found.file_size, found.version) != (self._parts[part].size, self._versions[part]):
            raise MixError(f"{self._uris[part]}: was changed while it was read; build or copy the mix again")
        return found.data

    def _version(self, part: int) -> str:
        """Return the version of a token file that has its size; what is empty is not asked for."""
        uri, size = self._uris[part], self._parts[part].size
        if size == 0:
            return ""
        found = self._ranges.read(uri, 0, 1)
        if found.file_size != size:
            raise MixError(
                f"{uri}: found {found.file_size:,} bytes, the manifest says {size:,}; "
                "the file was cut or changed: copy it there again"
            )
        return found.version

    def _blocks(self, extent: Extent) -> Iterator[Block]:
        """Yield the blocks that an extent overlaps."""
        part = self._parts[extent.part]
        for offset in range(extent.offset // BLOCK_BYTES * BLOCK_BYTES, extent.offset + extent.size, BLOCK_BYTES):
            yield Block(part.digest, offset, min(BLOCK_BYTES, part.size - offset))
