"""Ends before the end: work that failed, and SIGTERM and SIGINT, heeded where what was done is kept."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType

_NOTE = "{}: stopping where the work can go on; once more ends it at once\n"


class FailedError(Exception):
    """Work that had begun could not be finished."""


class StoppedError(Exception):
    """A signal stopped work that the same command goes on with.

    Attributes:
        signal: that came.
        place: where the same command goes on; "" where the work itself knows.
    """

    def __init__(self, by: signal.Signals, place: str = "") -> None:
        super().__init__(f"stopped by {by.name}; the same command goes on{place and f' from {place}'}")
        self.signal, self.place = by, place


@contextlib.contextmanager
def noted_signals() -> Iterator[list[signal.Signals]]:
    """Give a list that SIGTERM and SIGINT enter; a second one ends the process as it would without us."""
    received: list[signal.Signals] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(signal.Signals(number))
        signal.signal(number, before[received[-1]])
        if os.environ.get("RANK", "0") == "0":
            os.write(2, _NOTE.format(received[-1].name).encode())  # a stream may be in the midst of its own writing

    try:
        for number in before:
            signal.signal(number, note)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
