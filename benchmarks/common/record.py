"""The record of one run of a benchmark: where it ran, what it gave, kept for later ones to compare with."""

import datetime as dt
import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HISTORY = ROOT / "benchmarks" / "history.jsonl"


def keep_record(benchmark: str, figures: Mapping[str, Any], json_file: Path | None) -> None:  # Any: JSON
    """Append the figures of a run to the history, and write them to a file of their own if one is given."""
    record = about_this_machine() | {"benchmark": benchmark} | dict(figures)
    with HISTORY.open("a", encoding="utf-8") as history:
        history.write(json.dumps(record) + "\n")
    if json_file is not None:
        json_file.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def about_this_machine() -> dict[str, Any]:  # Any: JSON
    """Return date, commit, processor and load."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip() or None,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
