"""Files of JSON lines that grow with a run: each line has the step it is of, and steps never fall.

A line is flat: names of one kind share what comes before a slash, as `loss_by_source/web` and `eval/tasks/arc/score`.
"""

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mixes.errors import MixError
from pages.figures import measured

METRICS_FILE = "metrics.jsonl"
SKIPPED_FILE = "skipped.jsonl"
Line = Mapping[str, Any]  # Any: JSON


def append_lines(file: Path, lines: Iterable[Line]) -> None:
    """Write lines at the end of a file.

    Raises:
        MixError: they cannot be written.
    """
    try:
        with file.open("a", encoding="utf-8") as handle:
            handle.writelines(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    except OSError as error:
        raise MixError(f"{file}: cannot be written: {error.strerror}; make room or choose another --output") from error


def read_lines(file: Path) -> Iterator[Line]:
    """Yield the lines of a file but damaged ones, as one that a kill cut short; none where there is no file."""
    if file.is_file():
        with file.open("rb") as handle:
            for line in handle:
                with contextlib.suppress(msgspec.DecodeError):
                    yield msgspec.json.decode(line, type=dict[str, Any])  # three times as fast as the standard library


def drop_lines_after(file: Path, step: int) -> None:
    """Drop the lines of later steps, and one that a kill cut short; the file is replaced as a whole."""
    if file.is_file():
        kept = file.with_suffix(".tmp")
        kept.unlink(missing_ok=True)
        append_lines(kept, (line for line in read_lines(file) if line["step"] <= step))
        kept.replace(file)


def figures_of(line: Line) -> dict[str, float]:
    """Return the figures of a line by name, those that were not finite left out; a flag is 0 or 1."""
    return {name: value for name, value in line.items() if value is not None and name not in {"step", "tokens"}}


def finite(number: float) -> float | None:
    """Return a number as JSON can hold it: None where it is not finite."""
    return float(number) if math.isfinite(number) else None


def four_digits(figure: float | None) -> str:
    """Return a figure of a line as people read it, with four significant digits."""
    return "not finite" if figure is None else measured(float(f"{figure:.4g}"))
