"""Lines and blocks out of a stream of pieces, with the offset of each."""

from collections.abc import Iterator


class ByteReader:
    """Reads lines and blocks of known size from a stream of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._position = 0  # in the piece
        self.offset = 0  # of the next byte in the stream

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer at the end of the stream."""
        parts = []
        while size > 0 and (self._position < len(self._piece) or self._next_piece()):
            part = self._piece[self._position : self._position + size]
            self._move(len(part))
            size -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, size: int) -> int:
        """Pass over the next `size` bytes and return how many there were: fewer at the end of the stream."""
        wanted = size
        while size > 0 and (self._position < len(self._piece) or self._next_piece()):
            step = min(size, len(self._piece) - self._position)
            self._move(step)
            size -= step
        return wanted - size

    def line(self, max_bytes: int) -> bytes:
        """Return the next line with its newline; without one where the stream ends or `max_bytes` is reached."""
        parts = []
        while max_bytes > 0 and (self._position < len(self._piece) or self._next_piece()):
            end = self._piece.find(b"\n", self._position, self._position + max_bytes)
            stop = end + 1 if end >= 0 else min(len(self._piece), self._position + max_bytes)
            part = self._piece[self._position : stop]
            self._move(len(part))
            max_bytes -= len(part)
            parts.append(part)
            if end >= 0:
                break
        return b"".join(parts)

    def _next_piece(self) -> bool:
        self._piece = next(self._pieces, b"")
        self._position = 0
        return bool(self._piece)

    def _move(self, size: int) -> None:
        self._position += size
        self.offset += size
