"""Decompression that notices every damage and bounds what a bomb can do.

The decompressors share one interface, in which the output of a call is bounded and the end of a member (a gzip
member, a zstd frame, a bzip2 or xz stream) shows, so a file that stops anywhere else is known to be cut. Only a cut
exactly between two members cannot be seen: such a file is whole.
"""

import bz2
import lzma
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from isal import igzip_lib

from pipelines.readers.settings import MEBIBYTE

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_READ_BYTES = 64 * 1024  # small: what follows the end of a member is copied once a member
_OUTPUT_BYTES = MEBIBYTE  # of one call of a decompressor
_UNJUDGED_BYTES = 64 * MEBIBYTE  # decompressed bytes before `max_ratio` counts
_XZ_MEMORY = 160 * MEBIBYTE  # `xz -9` needs 65
_ZSTD_WINDOW_LOG = 27  # 128 MiB: what `zstd --long` makes


class StreamDamage(Exception):  # noqa: N818  # a state of the data, in the word of `ShardDamage`
    """The bytes of a shard end too early or make no sense; readers let it pass to `pipelines.readers.batches`."""

    def __init__(self, reason: str, detail: str, byte_offset: int) -> None:
        super().__init__(reason, detail, byte_offset)
        self.reason = reason  # `truncated` or `corrupt`
        self.detail = detail
        self.byte_offset = byte_offset  # decompressed bytes read soundly; -1 where the format has no offsets


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Codec:
    start_member: Callable[[], _Decompressor]
    error: type[Exception]  # what it raises for bytes that make no sense
    zero_padded: bool  # NUL bytes may follow the last member, as tapes and tar leave them


_CODECS = {
    "gzip": _Codec(
        start_member=lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
        error=igzip_lib.IsalError,  # type: ignore[arg-type]  # its stubs declare an instance
        zero_padded=True,
    ),
    "zstd": _Codec(
        start_member=lambda: zstd.ZstdDecompressor(
            options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        ),
        error=zstd.ZstdError,
        zero_padded=False,
    ),
    "bzip2": _Codec(start_member=bz2.BZ2Decompressor, error=OSError, zero_padded=False),
    "xz": _Codec(
        start_member=lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY),
        error=lzma.LZMAError,
        zero_padded=True,
    ),
}


def decompress(read: Callable[[int], bytes], compression: str, max_ratio: int) -> Iterator[bytes]:
    """Yield the decompressed bytes of a file in pieces of at most 1 MiB.

    Args:
        read: Gives the next stored bytes, as many as asked but at the end; nothing there.
        compression: `gzip`, `zstd`, `bzip2`, `xz`, or `none`.
        max_ratio: Decompressed bytes may be this many times the stored ones, beyond the first 64 MiB.

    Raises:
        StreamDamage: The file is cut or corrupt, is empty though it has a compression, or is a bomb; what could be
            decompressed before was yielded.
    """
    if compression == "none":
        while data := read(_READ_BYTES):
            yield data
        return
    members = _Members(read, _CODECS[compression])
    for piece in members.pieces():
        if members.num_written > max(_UNJUDGED_BYTES, max_ratio * members.num_read):
            detail = f"a bomb: more than {max_ratio:,} times its stored size"
            raise StreamDamage("corrupt", detail, members.num_written - len(piece))
        yield piece


class _Members:
    """Walks through the members of a compressed file."""

    def __init__(self, read: Callable[[int], bytes], codec: _Codec) -> None:
        self._read = read
        self._codec = codec
        self._data = b""  # read and not yet given to a decompressor
        self._member: _Decompressor | None = None
        self._num_members = 0
        self.num_read = 0
        self.num_written = 0

    def pieces(self) -> Iterator[bytes]:
        """Yield the decompressed bytes."""
        while self._fill():
            if self._member is None:
                if self._num_members and self._codec.zero_padded and self._data[0] == 0:
                    self._skip_padding()
                    return
                self._member = self._codec.start_member()
            piece = self._decompress(self._member)
            if piece:
                yield piece
        if self._member is not None:
            raise self._damage("truncated", "ends within compressed data")
        if not self._num_members:
            raise self._damage("truncated", "the file is empty")

    def _fill(self) -> bool:
        """Make sure that the next step can be done; False at the end of the file."""
        if self._data or (self._member is not None and not self._member.needs_input):
            return True
        self._data = self._read(_READ_BYTES)
        self.num_read += len(self._data)
        return bool(self._data)

    def _decompress(self, member: _Decompressor) -> bytes:
        try:
            piece = member.decompress(self._data, _OUTPUT_BYTES)
        except (self._codec.error, EOFError, ValueError, MemoryError) as error:
            raise self._damage("corrupt", f"cannot be decompressed: {error}") from error
        self._data = b""
        if member.eof:
            self._data, self._member = member.unused_data, None
            self._num_members += 1
        self.num_written += len(piece)
        return piece

    def _skip_padding(self) -> None:
        while self._data:
            if self._data.strip(b"\0"):
                raise self._damage("corrupt", "bytes follow the padding after the compressed data")
            self._data = self._read(_READ_BYTES)

    def _damage(self, reason: str, detail: str) -> StreamDamage:
        return StreamDamage(reason, detail, self.num_written)
