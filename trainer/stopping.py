"""SIGTERM and SIGINT: noted when they come, heeded where what was done is kept and can be gone on from."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from types import FrameType

_NOTE = "{}: stopping where the work can go on; once more ends it at once\n"
_SAME_SECONDS = 1.0


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
    """Give a list that the first SIGTERM or SIGINT enters; one that comes later ends the process as without us.

    Within a second, more of them are the same one: torchrun passes on what came to the whole group of processes.
    """
    received: list[signal.Signals] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    noted_at = 0.0

    def note(number: int, _frame: FrameType | None) -> None:
        nonlocal noted_at
        if not received:
            received.append(signal.Signals(number))
            noted_at = time.monotonic()
            if os.environ.get("RANK", "0") == "0":
                os.write(2, _NOTE.format(received[0].name).encode())  # a stream may be in the midst of its own writing
        elif time.monotonic() > noted_at + _SAME_SECONDS:
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)

    try:
        for number in before:
            signal.signal(number, note)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
