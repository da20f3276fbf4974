"""Make the bundled sample data from a folder of larger files, and the table in data/README.md from the result.

    python data/make_data.py --from FOLDER

FOLDER has a `MANIFEST.jsonl` (one row a file: `file`, `licence`, `origin`) and the files it names. Records are copied
byte for byte; only the choice of records, the containers and the files under `broken/` are made here. The same
FOLDER and library versions give the same bytes.
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

HERE = Path(__file__).parent
TABLE = re.compile(r"(?<=<!-- table -->\n).*(?=<!-- end of table -->)", re.DOTALL)
MAX_ADDRESSES = 3  # a page with more e-mail addresses than this is a list of people: left out
_Entry = Mapping[str, Any]  # a line of MANIFEST.jsonl: JSON of several types
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """Some records of one file: `count` of them spread evenly, of which the first `first`."""

    origin: str  # path below FOLDER
    count: int | None = None  # None = all records
    offset: float = 0.0  # in [0, 1): where in each step a record is taken; other offsets give other records
    first: int | None = None
    pages_of: str | None = None  # keep only records that have the id of a record taken from this file


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file to make; its suffix says in which container."""

    file: str
    takes: tuple[Take, ...]
    note: str = ""


def _whole(file: str, origin: str, note: str = "") -> Shard:
    return Shard(file=file, takes=(Take(origin=origin),), note=note)


def _part(file: str, origin: str, count: int, *, offset: float = 0.0, note: str = "") -> Shard:
    return Shard(file=file, takes=(Take(origin=origin, count=count, offset=offset),), note=note)


NOISY, MAIN, C4 = "web/wcxb-noisy.jsonl.gz", "web/wcxb-main.jsonl.gz", "web/c4-500.jsonl.gz"
NUM_PAGES = 130
_PAGES = Take(origin=NOISY, count=NUM_PAGES)

SHARDS = (
    Shard(file="web/noisy-0000.jsonl.gz", takes=(_PAGES,)),
    _part("web/noisy-0001.jsonl.zst", NOISY, NUM_PAGES, offset=0.5),
    _part("web/c4-0000.jsonl.gz", C4, 100),
    Shard(
        file="web/again-0000.jsonl.gz",
        takes=(Take(origin=NOISY, count=NUM_PAGES, first=12), Take(origin=C4, count=100, first=20)),
        note="the first 12 records of noisy-0000 and the first 20 of c4-0000 once more: exact duplicates",
    ),
    Shard(
        file="clean/main-0000.jsonl.gz",
        takes=(Take(origin=MAIN, pages_of=NOISY),),
        note="main content of the pages of web/noisy-0000, as people marked it",
    ),
    _part("clean/gov-blog.parquet", "web/gov-blog.jsonl.gz", 110),
    _part("warc/pages-0000.warc.gz", "warc/wcxb-150.warc.gz", 48, note="HTML of pages, some of them also in web/"),
    _whole("warc/whirlwind.warc.gz", "warc/whirlwind.warc.gz", "one page with its request and metadata records"),
    _whole("warc/whirlwind.warc.wet", "warc/whirlwind.warc.wet", "the text of that page"),
    _whole("code/flask.jsonl.gz", "code/python-flask.jsonl.gz"),
    _whole("code/cjson.jsonl.gz", "code/c-cjson.jsonl.gz"),
    _whole("code/gin.jsonl.zst", "code/go-gin.jsonl.gz"),
    _part("code/gson.jsonl.gz", "code/java-gson.jsonl.gz", 60),
    _whole("code/express.jsonl.gz", "code/javascript-express.jsonl.gz"),
    _part("code/ripgrep.jsonl.zst", "code/rust-ripgrep.jsonl.gz", 36),
    _part("code/ohmyzsh.jsonl.gz", "code/shell-ohmyzsh.jsonl.gz", 100),
    _whole("code/releases/flask-3.0.0.jsonl.gz", "code/versions/flask-3.0.0.jsonl.gz"),
    _whole(
        "code/releases/flask-3.0.3.jsonl.gz",
        "code/versions/flask-3.0.3.jsonl.gz",
        "exact and near-duplicates of 3.0.0, and of code/flask.jsonl.gz",
    ),
    _part("math/gsm8k-train.jsonl.zst", "math/gsm8k-train.jsonl.gz", 1400),
    _part("math/openlogic.jsonl.gz", "math/openlogic.jsonl.gz", 160),
    _part("math/lean-mathlib3.jsonl.zst", "math/lean-mathlib3.jsonl.gz", 64),
    _part("wiki/wikitext.jsonl.gz", "wiki/wikitext2-valid.jsonl.gz", 36),
    _part("wiki/the-time-machine.txt", "books/the-time-machine.jsonl.gz", 1, note="its first chapter; one document"),
    _whole("qa/coffee.jsonl.zst", "qa/stackexchange-coffee.jsonl.gz"),
    _part("qa/matheducators.jsonl.gz", "qa/stackexchange-matheducators.jsonl.gz", 60),
    _whole("flan/strategyqa.jsonl.zst", "flan/cot-strategyqa.jsonl.gz"),
    _part("flan/gsm8k-cot.jsonl.gz", "flan/cot-gsm8k.jsonl.gz", 300, note="questions of gsm8k-train, other answers"),
    _whole("flan/qasc.jsonl.gz", "flan/p3-qasc.jsonl.gz", "one passage under several templates: near-duplicates"),
    _whole(
        "flan/ropes.jsonl.zst",
        "flan/p3-ropes.jsonl.gz",
        "likewise; texts hold a special token as plain text",
    ),
    _whole("flan/self-instruct.jsonl.gz", "flan/self-instruct-seed.jsonl.gz"),
    _whole("eval/gsm8k-test.jsonl.gz", "eval/gsm8k-test.jsonl.gz"),
    _whole("eval/arc-easy.jsonl.gz", "eval/arc-easy.jsonl.gz"),
    _whole("eval/arc-challenge.jsonl.gz", "eval/arc-challenge.jsonl.gz"),
    _whole("eval/openbookqa.jsonl.gz", "eval/openbookqa.jsonl.gz"),
    _whole("eval/copa.jsonl.gz", "eval/copa.jsonl.gz"),
    _whole("eval/csqa.jsonl.gz", "eval/csqa.jsonl.gz"),
    _whole("tokenizer/dolma2.json.gz", "tokenizers/dolma2-tokenizer.json"),
    _whole("models/lid.176.ftz", "models/lid.176.ftz"),
    _part("broken/truncated.jsonl.gz", NOISY, 12, offset=0.75, note="the gzip stream ends in the middle"),
    _part("broken/bad-lines.jsonl.gz", C4, 12, offset=0.75, note="bad lines between sound records"),
    Shard(file="broken/empty.jsonl.gz", takes=(), note="a file of no bytes"),
    _part("broken/cut.warc.gz", "warc/wcxb-150.warc.gz", 3, offset=0.75, note="its last record ends in the middle"),
)

BAD_LINES = (
    b'{"id": "bad-utf8", "text": "caf\xe9 in Latin-1 is not UTF-8"}',
    b'{"id": "cut", "text": "a line that ends in the middle of its te',
    b'{"id": "no-text", "body": "the text is under another key"}',
    b'{"id": "text-number", "text": 42}',
    b'{"id": "text-null", "text": null}',
    b'["an array", "is no document"]',
    b'{"id": "lone-surrogate", "text": "half a pair: \\ud83d"}',
)
"""One line for each way in which a record is no document; each costs only itself."""


def gzip_members(stored: bytes) -> list[bytes]:
    """Return the gzip members of a file, each still compressed; together they are `stored`."""
    members = []
    while stored:
        reader = zlib.decompressobj(wbits=31)
        reader.decompress(stored)
        size = len(stored) - len(reader.unused_data)
        members.append(stored[:size])
        stored = stored[size:]
    return members


def spread(num_records: int, count: int, offset: float) -> list[int]:
    """Return `count` rising positions below `num_records`, evenly spaced; other offsets give other positions."""
    return [int((step + offset) * num_records / count) for step in range(count)]


@cache
def _records(path: Path) -> list[bytes]:
    """Return the records of a file: JSON lines without their line ends, or whole gzip members of a WARC."""
    stored = path.read_bytes()
    if path.name.endswith(".warc.gz"):
        return gzip_members(stored)
    return [line for line in gzip.decompress(stored).splitlines() if _num_addresses(line) <= MAX_ADDRESSES]


def _num_addresses(line: bytes) -> int:
    return len(_ADDRESS.findall(json.loads(line).get("text", "")))


def take_records(folder: Path, take: Take) -> list[bytes]:
    """Return the records that `take` asks for, as they lie in FOLDER."""
    records = _records(folder / take.origin)
    if take.pages_of is not None:
        pages = take_records(folder, _PAGES)
        wanted = {json.loads(page)["id"] for page in pages}
        records = [record for record in records if json.loads(record)["id"] in wanted]
    if take.count is not None:
        records = [records[position] for position in spread(len(records), take.count, take.offset)]
    return records[: take.first]


def compress(data: bytes) -> bytes:
    """Return one gzip member without time or name."""
    return gzip.compress(data, compresslevel=9, mtime=0)


def json_lines(records: Sequence[bytes]) -> bytes:
    """Return the records as JSON lines, the last one ended too."""
    return b"".join(record + b"\n" for record in records)


def to_parquet(records: Sequence[bytes]) -> bytes:
    """Return the records as one parquet file; their metadata becomes a struct column."""
    table = pa.Table.from_pylist([json.loads(record) for record in records])
    stored = io.BytesIO()
    pq.write_table(table, stored, compression="zstd", compression_level=19, row_group_size=32)
    return stored.getvalue()


def break_lines(records: Sequence[bytes]) -> list[bytes]:
    """Return the records with one bad line after each of the first of them."""
    broken = []
    for position, record in enumerate(records):
        broken.append(record)
        broken.extend(BAD_LINES[position : position + 1])
    return broken


def make_shard(folder: Path, shard: Shard) -> bytes:
    """Return the bytes of one file to bundle."""
    match shard.file:
        case "tokenizer/dolma2.json.gz":
            return compress((folder / shard.takes[0].origin).read_bytes())
        case "models/lid.176.ftz" | "warc/whirlwind.warc.wet":
            return (folder / shard.takes[0].origin).read_bytes()
    records = [record for take in shard.takes for record in take_records(folder, take)]
    match shard.file:
        case "broken/empty.jsonl.gz":
            return b""
        case "broken/truncated.jsonl.gz":
            stored = compress(json_lines(records))
            return stored[: len(stored) * 2 // 3]
        case "broken/bad-lines.jsonl.gz":
            return compress(json_lines(break_lines(records)))
        case "broken/cut.warc.gz":
            return b"".join(records[:-1]) + records[-1][: len(records[-1]) // 2]
    if shard.file.endswith(".warc.gz"):
        return b"".join(records)
    if shard.file.endswith(".parquet"):
        return to_parquet(records)
    if shard.file.endswith(".txt"):
        return "\n".join(json.loads(record)["text"] for record in records).encode()
    lines = json_lines(records)
    return compress(lines) if shard.file.endswith(".gz") else zstandard.ZstdCompressor(level=19).compress(lines)


def count_rows(file: str, stored: bytes) -> int | None:
    """Return the records of a bundled file, or None where it holds no sound sequence of records.

    A record is a JSON line, a row of a parquet file or a gzip member of a WARC; a text file is one.
    """
    if file.startswith(("broken/", "tokenizer/", "models/")) or file.endswith(".wet"):
        return None
    if file.endswith(".jsonl.gz"):
        return gzip.decompress(stored).count(b"\n")
    if file.endswith(".jsonl.zst"):
        return zstandard.ZstdDecompressor().decompressobj().decompress(stored).count(b"\n")
    if file.endswith(".parquet"):
        return int(pq.ParquetFile(io.BytesIO(stored)).metadata.num_rows)
    return len(gzip_members(stored)) if file.endswith(".warc.gz") else 1


def table_rows(shards: Sequence[Shard], manifest: Mapping[str, _Entry]) -> Iterator[str]:
    """Yield the lines of the table in data/README.md, head first."""
    yield "| file | rows | bytes | licence | from | sha256 |"
    yield "|---|---|---|---|---|---|"
    for shard in shards:
        stored = (HERE / shard.file).read_bytes()
        rows = count_rows(shard.file, stored)
        origins = [manifest[take.origin] for take in shard.takes]
        licences = "; ".join(dict.fromkeys(origin["licence"] for origin in origins)) or "none needed"
        provenance = "; ".join(dict.fromkeys(origin["origin"] for origin in origins)) or "made here"
        available = sum(origin["rows"] or 0 for origin in origins)
        part = f"{rows:,} of {available:,} rows" if rows and rows < available else ""
        digest = hashlib.sha256(stored).hexdigest()
        words = "; ".join(filter(None, (provenance, part, shard.note)))
        cells = (shard.file, rows or "", len(stored), licences, words, digest)
        yield f"| {' | '.join(str(cell) for cell in cells)} |"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files and the table; return 0."""
    parser = argparse.ArgumentParser(description="Make the bundled sample data.")
    parser.add_argument("--from", dest="folder", type=Path, required=True, help="folder with MANIFEST.jsonl")
    folder: Path = parser.parse_args(argv).folder
    entries = [json.loads(line) for line in (folder / "MANIFEST.jsonl").read_text("utf-8").splitlines()]
    manifest = {entry["file"]: entry for entry in entries}
    for shard in SHARDS:
        target = HERE / shard.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(make_shard(folder, shard))
    table = "\n".join(table_rows(SHARDS, manifest)) + "\n"
    readme = HERE / "README.md"
    readme.write_text(TABLE.sub(lambda _: table, readme.read_text("utf-8")), "utf-8")
    print(f"{len(SHARDS)} files, {sum((HERE / shard.file).stat().st_size for shard in SHARDS):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
