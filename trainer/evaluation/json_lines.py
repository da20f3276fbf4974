"""Local files of JSON lines, plain or compressed, read record by record."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from mixes.errors import DataError

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")


def read_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:  # Any: JSON
    """Yield each record with its place, `FILE:LINE`; blank lines are none.

    Raises:
        DataError: the file cannot be read, is damaged, or has a line that is no JSON object.
    """
    number = 0
    try:
        with path.open("rb") as handle, _decompressed(handle, path) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{path}:{number}", _record(line, f"{path}:{number}")
    except FileNotFoundError as error:
        raise DataError(f"{path}: {error.strerror}; wanted a file of JSON lines") from error
    except (OSError, EOFError, zstandard.ZstdError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read after line {number:,}: {reason}; copy it again") from error


def text_of(record: dict[str, Any], key: str, place: str) -> str:  # Any: JSON
    """Return the text of a key of a record.

    Raises:
        DataError: it is missing or no text.
    """
    value = record.get(key)
    if not isinstance(value, str):
        raise DataError(f"{place}: {key}: found {value!r:.80}, wanted a text")
    return value


def _decompressed(handle: BinaryIO, path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return gzip.open(handle)  # type: ignore[return-value] # a binary file in all but name
    if path.suffix == ".zst":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(handle, read_across_frames=True))
    return handle


def _record(line: bytes, place: str) -> dict[str, Any]:  # Any: JSON
    try:
        record = json.loads(line)
        json.dumps(record, ensure_ascii=False).encode()  # refuses half of a surrogate pair, which no text has
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: found no JSON: {error}; wanted one object a line") from error
    if not isinstance(record, dict):
        raise DataError(f"{place}: found {type(record).__name__}, wanted a JSON object")
    return record
