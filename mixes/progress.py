"""Progress of a command that goes through files: one line at a terminal, a line now and then elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TextIO

_INTERVAL_SECONDS = 0.5
_PLAIN_INTERVAL_SECONDS = 10.0
_MEGA = 1_000_000


class Progress:
    """Counts millions of bytes or tokens that are done, and shows them while a `with` block runs; for any threads.

    What is done within half a second, or within ten where the stream is no terminal, shows nothing.

    Args:
        what: what is being done, such as `checked`.
        unit: what a million of is counted: `MB`, `M tokens`.
        total: how many bytes or tokens there are.
        stream: where to write; standard error unless given.
    """

    def __init__(self, what: str, unit: str, total: int, stream: TextIO | None = None) -> None:
        self.done = 0
        self._what = what
        self._unit = unit
        self._total = total
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._lock = threading.Lock()
        self._started = self._shown = time.monotonic()
        self._has_shown = False

    def add(self, count: int) -> None:
        """Count as done, and show it when the last line is old."""
        with self._lock:
            self.done += count
            now = time.monotonic()
            if now - self._shown >= (_INTERVAL_SECONDS if self._is_terminal else _PLAIN_INTERVAL_SECONDS):
                self._shown = now
                self._show(now)

    def describe(self, seconds: float) -> str:
        """Return one line: how much of all is done after so many seconds, how fast, and the time left."""
        speed = self.done / seconds if seconds > 0 else 0.0
        left = (
            f", about {format_seconds((self._total - self.done) / speed)} left" if 0 < self.done < self._total else ""
        )
        return (
            f"{self._what} {self.done / _MEGA:,.1f} of {self._total / _MEGA:,.1f} {self._unit}; "
            f"{speed / _MEGA:,.1f} {self._unit}/s, {format_seconds(seconds)} so far{left}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._has_shown:
            self._show(time.monotonic())
            if self._is_terminal:
                self._write("\n")

    def _show(self, now: float) -> None:
        self._has_shown = True
        line = self.describe(now - self._started)
        self._write(f"\r\x1b[2K{line}" if self._is_terminal else f"{line}\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads it any more; the work goes on
            self._stream.write(text)
            self._stream.flush()


@contextlib.contextmanager
def telling_after(seconds: float, line: str) -> Iterator[None]:
    """Write a line to standard error if a `with` block takes longer, for work that nobody can measure beforehand."""
    timer = threading.Timer(seconds, lambda: sys.stderr.write(f"{line}\n"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def format_seconds(seconds: float) -> str:
    """Return a duration for people: '42 s', '3 min 05 s', '2 h 10 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
