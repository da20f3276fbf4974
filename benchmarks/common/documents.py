"""The documents that benchmarks read: every sound shard below a folder."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def shards_below(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder whose names fit, but for those that are damaged on purpose."""
    return sorted(path for path in folder.rglob(pattern) if "broken" not in path.parts)


def documents_below(folder: Path) -> Iterator[dict[str, Any]]:  # Any: JSON
    """Yield the JSON objects with a text in every readable shard below a folder."""
    for path in [*shards_below(folder, "*.jsonl.gz"), *shards_below(folder, "*.jsonl.zst")]:
        with open_gz(path) if path.suffix == ".gz" else open_zst(path) as lines:
            yield from (row for line in lines if isinstance((row := json.loads(line)).get("text"), str))


def open_gz(path: Path) -> BinaryIO:
    """Open a gzip file with the standard library."""
    return cast("BinaryIO", gzip.open(path))


def open_zst(path: Path) -> BinaryIO:
    """Open a zstd file with the standard library, or its backport."""
    return cast("BinaryIO", zstd.open(path))
