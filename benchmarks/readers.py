"""Reading speed: MB of text per CPU-second of one core for each format, beside the loops people write themselves.

    python benchmarks/readers.py                    the bundled documents, 7 repeats; about a minute
    python benchmarks/readers.py --quick            3 repeats; a first look
    python benchmarks/readers.py --data FOLDER --json result.json

The documents of every .jsonl.gz and .jsonl.zst below the folder are written again as one shard of each format, so all
rows of the table hold the same text; pages come from its .warc.gz files. Our readers digest the stored bytes, check
every record and yield Arrow batches with ids and metadata; the loops beside them do as much as is usual: they take
`text` out of each record. Repeats are interleaved; figures are medians. They are appended to benchmarks/history.jsonl.
"""

import argparse
import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

import pyarrow as pa
import pyarrow.parquet as pq
import smart_open
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from benchmarks.common.documents import documents_below, open_gz, open_zst, shards_below
from benchmarks.common.record import ROOT, keep_record
from pipelines.readers import ReadSettings, ShardReader

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIN_BYTES = 30_000_000  # of text in a shard: documents are repeated up to it


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to read one shard; reading returns the UTF-8 bytes of the texts, or their characters where cheaper."""

    form: str
    name: str
    read: Callable[[], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when measured, 2 where the folder holds no documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 repeats instead of 7; for a look, not for the record")
    parser.add_argument("--data", metavar="DIR", type=Path, default=ROOT / "data", help="where documents lie")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args(argv)
    pa.set_cpu_count(1)
    rows = list(documents_below(arguments.data))
    if not rows:
        print(f"{arguments.data}: no documents in .jsonl.gz or .jsonl.zst files below it", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        contenders = prepare(rows, shards_below(arguments.data, "*.warc.gz"), Path(folder))
        seconds = measure(contenders, num_repeats=3 if arguments.quick else 7)
        results = summarise(contenders, seconds)
    print_table(results)
    figures = {"pyarrow": pa.__version__, "quick": arguments.quick, "results": results}
    keep_record("readers", figures, arguments.json)
    return 0


def open_smart(path: Path) -> BinaryIO:
    """Open either with smart_open."""
    return smart_open.open(path, "rb")


def prepare(rows: list[dict[str, Any]], archives: Sequence[Path], folder: Path) -> list[Contender]:  # Any: JSON
    """Write the shards and return all ways to read them."""
    text_bytes = sum(len(row["text"].encode()) for row in rows)
    rows = rows * max(1, MIN_BYTES // text_bytes)
    lines = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    gz, zst, parquet = folder / "documents.jsonl.gz", folder / "documents.jsonl.zst", folder / "documents.parquet"
    gz.write_bytes(gzip.compress(lines, 6))
    zst.write_bytes(zstd.compress(lines, 3))
    metadata = [json.dumps({key: row[key] for key in row if key not in ("id", "text")}) for row in rows]
    columns = {"id": [str(row.get("id")) for row in rows], "text": [row["text"] for row in rows], "metadata": metadata}
    pq.write_table(pa.table(columns), parquet, compression="zstd")
    contenders = [
        Contender("jsonl.gz", "gristmill", lambda: read_ours(gz)),
        Contender("jsonl.gz", "gzip + json", lambda: read_lines(open_gz(gz))),
        Contender("jsonl.gz", "smart_open + json", lambda: read_lines(open_smart(gz))),
        Contender("jsonl.zst", "gristmill", lambda: read_ours(zst)),
        Contender("jsonl.zst", "zstd + json", lambda: read_lines(open_zst(zst))),
        Contender("jsonl.zst", "smart_open + json", lambda: read_lines(open_smart(zst))),
        Contender("parquet", "gristmill", lambda: read_ours(parquet)),
        Contender("parquet", "pyarrow + to_pylist", lambda: read_table(parquet)),
    ]
    if archives:
        contenders += [
            Contender("warc.gz", "gristmill", lambda: sum(read_ours(path) for path in archives)),
            Contender("warc.gz", "FastWARC + Resiliparse", lambda: sum(read_archive(path) for path in archives)),
        ]
    return contenders


def read_ours(path: Path) -> int:
    """Read a shard as the stations do."""
    reader = ShardReader(str(path), path.name, ReadSettings())
    for _ in reader:
        pass
    return reader.text_bytes


def read_lines(stream: BinaryIO) -> int:
    """Read JSON lines as most scripts do."""
    with stream:
        return sum(len(json.loads(line)["text"]) for line in stream)


def read_table(path: Path) -> int:
    """Read a Parquet file as most scripts do."""
    batches = pq.ParquetFile(path).iter_batches(use_threads=False)
    return sum(len(row["text"]) for batch in batches for row in batch.to_pylist())


def read_archive(path: Path) -> int:
    """Read the pages of a WARC file as the libraries' manuals show."""
    size = 0
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            page = record.reader.read()
            html = bytes_to_str(page, detect_encoding(page) or "utf-8")
            size += len(extract_plain_text(html, main_content=True, preserve_formatting=True, alt_texts=False))
    return size


def measure(contenders: Sequence[Contender], *, num_repeats: int) -> list[list[float]]:
    """Return the CPU-seconds of each contender's repeats; the first, unmeasured round warms caches."""
    seconds: list[list[float]] = [[] for _ in contenders]
    for repeat in range(num_repeats + 1):
        for contender, taken in zip(contenders, seconds, strict=True):
            begin = time.process_time()
            contender.read()
            if repeat:
                taken.append(time.process_time() - begin)
    return seconds


def summarise(contenders: Sequence[Contender], seconds: Sequence[Sequence[float]]) -> list[dict[str, Any]]:  # Any: JSON
    """Return a row for each contender; all of one format are rated by the text that our reader finds."""
    text_bytes = {each.form: each.read() for each in contenders if each.name == "gristmill"}
    ours = {
        each.form: statistics.median(taken)
        for each, taken in zip(contenders, seconds, strict=True)
        if each.name == "gristmill"
    }
    return [
        {
            "format": each.form,
            "reader": each.name,
            "text_mb": round(text_bytes[each.form] / 1e6, 1),
            "mb_per_cpu_second": round(text_bytes[each.form] / 1e6 / statistics.median(taken), 1),
            "ours_is_faster_by": round(statistics.median(taken) / ours[each.form], 2),
            "spread": round((max(taken) - min(taken)) / statistics.median(taken), 3),
        }
        for each, taken in zip(contenders, seconds, strict=True)
    ]


def print_table(results: Sequence[dict[str, Any]]) -> None:  # Any: JSON
    """Print the rows; `spread` is the range of the repeats over their median."""
    print(f"{'format':<10} {'reader':<24} {'MB/CPU-s':>9} {'ours is':>9} {'spread':>7}")
    for row in results:
        ratio = "" if row["reader"] == "gristmill" else f"{row['ours_is_faster_by']:.2f} x"
        speed = f"{row['mb_per_cpu_second']:,.1f}"
        print(f"{row['format']:<10} {row['reader']:<24} {speed:>9} {ratio:>9} {row['spread']:>7.0%}")


if __name__ == "__main__":
    sys.exit(main())
