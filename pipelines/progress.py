"""Progress of a running build: workers leave marks in a local folder, the driver shows where it stands."""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from mixes.progress import format_seconds

_STATIONS = ("measure", "tokenize")
_INTERVAL_SECONDS = 0.5
_PLAIN_INTERVAL_SECONDS = 10.0


class Marks:
    """What one worker has done of one unit at one station; written at most twice a second."""

    def __init__(self, folder: str | None, station: str, unit: int) -> None:
        self._path = os.path.join(folder, f"{station}-{unit}.json") if folder else None
        self._documents = 0
        self._text_bytes = 0
        self._written = 0.0
        self._started = time.process_time()

    def add(self, *, documents: int, text_bytes: int) -> None:
        """Count documents and UTF-8 bytes of text as done."""
        self._documents += documents
        self._text_bytes += text_bytes
        if time.monotonic() - self._written > _INTERVAL_SECONDS:
            self._write(finished=False)

    def finish(self) -> None:
        """Mark the unit as done at this station."""
        self._write(finished=True)

    def _write(self, *, finished: bool) -> None:
        self._written = time.monotonic()
        if self._path is None:
            return
        body = {"documents": self._documents, "bytes": self._text_bytes, "finished": finished}
        data = json.dumps({**body, "cpu_seconds": time.process_time() - self._started})
        temporary = f"{self._path}.{os.getpid()}"
        with open(temporary, "w") as stream:
            stream.write(data)
        os.replace(temporary, self._path)


class ProgressDisplay:
    """Show units done, speed and time left while a build runs; a context manager around the run.

    On a terminal one line is rewritten; elsewhere a plain line is written at once, every ten seconds and at the end.
    """

    def __init__(
        self, folder: str, num_units: int, stream: TextIO | None = None, *, started: float | None = None
    ) -> None:
        """Show the marks below a folder; `started` is what `time.monotonic()` gave when the command began."""
        self._folder = folder
        self._num_units = num_units
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._started = time.monotonic() if started is None else started

    def __enter__(self) -> "ProgressDisplay":
        self._show(final=False)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._show(final=True)

    def _run(self) -> None:
        interval = _INTERVAL_SECONDS if self._is_terminal else _PLAIN_INTERVAL_SECONDS
        while not self._stop.wait(interval):
            self._show(final=False)

    def _show(self, *, final: bool) -> None:
        line = describe(read_marks(self._folder), self._num_units, time.monotonic() - self._started)
        with contextlib.suppress(OSError):  # nobody reads it any more; the build goes on
            if self._is_terminal:
                self._stream.write(f"\r\x1b[2K{line}" + ("\n" if final else ""))
            else:
                self._stream.write(line + "\n")
            self._stream.flush()


def read_marks(folder: str) -> dict[str, dict[str, int]]:
    """Return, for each station, the units finished and the documents and bytes done so far."""
    totals = {station: {"units": 0, "documents": 0, "bytes": 0} for station in _STATIONS}
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return totals
    for name in names:
        station, _, rest = name.partition("-")
        if station not in totals or not rest.endswith(".json"):
            continue
        try:
            with open(os.path.join(folder, name)) as stream:
                mark = json.load(stream)
        except (OSError, ValueError):
            continue  # a mark is a courtesy; the next look finds it whole
        totals[station]["units"] += bool(mark["finished"])
        totals[station]["documents"] += mark["documents"]
        totals[station]["bytes"] += mark["bytes"]
    return totals


def read_seconds(folder: str, station: str) -> dict[int, float]:
    """Return the CPU seconds of the process while each unit was at a station, by the units' ordinals."""
    names = [name for name in os.listdir(folder) if name.startswith(f"{station}-") and name.endswith(".json")]
    found = {}
    for name in names:
        with open(os.path.join(folder, name)) as stream:
            found[int(name.removeprefix(f"{station}-").removesuffix(".json"))] = float(json.load(stream)["cpu_seconds"])
    return found


def describe(totals: Mapping[str, Mapping[str, int]], num_units: int, seconds: float) -> str:
    """Return one line: station, units done of all, documents, speed and the time left at this speed."""
    station = "tokenize" if totals["tokenize"]["units"] or totals["measure"]["units"] >= num_units else "measure"
    done = totals[station]
    all_bytes = sum(each["bytes"] for each in totals.values())
    all_units = sum(each["units"] for each in totals.values())
    speed = all_bytes / 1e6 / seconds if seconds > 0 else 0.0
    documents = sum(each["documents"] for each in totals.values()) / seconds if seconds > 0 else 0.0
    left = ""
    if 0 < all_units < 2 * num_units:
        left = f", about {format_seconds(seconds * (2 * num_units - all_units) / all_units)} left"
    return (
        f"{station}: {done['units']:,} of {num_units:,} units, {done['documents']:,} documents; "
        f"{speed:.1f} MB/s, {documents:,.0f} documents/s, {format_seconds(seconds)} so far{left}"
    )
