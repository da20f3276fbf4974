"""Nested mixes: what another mix costs over parts that are there, from the command line to the published manifest.

    python benchmarks/nested.py                   10,000 parts of 40,000 documents; 10 GB of key files, some minutes
    python benchmarks/nested.py --quick           10,000 parts of 500 documents
    python benchmarks/nested.py --parts 1000 --documents 4000 --repeats 5 --json result.json

The pool is made up: shards that are never opened, token files and indexes that have their sizes and no content, key
files of random keys and skewed lengths, and the record that a build leaves. What is timed is the process of
`python -m pipelines.build_mix` for further mixes of other budgets, key files in the system's cache; beside it the start
of Python with the same imports. Figures are medians, appended to benchmarks/history.jsonl.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.common.record import ROOT, keep_record
from mixes.files import FileDigest
from mixes.ledger import Count
from mixes.manifest import load
from mixes.parts import INDEX_SUFFIX, KEYS_SUFFIX, TOKENS_SUFFIX, PartSummary, key_rows
from pipelines.options import parse_options
from pipelines.plan import Unit, make_plan
from pipelines.pool import store_pool
from pipelines.request import make_build_settings, read_spec
from pipelines.settings import BuildSettings
from pipelines.stations.account import ShardAccount
from pipelines.stations.measure import measures_uri
from pipelines.stations.results import SourceResults, UnitFiles
from pipelines.stations.unit_tokens import UnitPart

SHARES = {"web": 0.7, "code": 0.2, "math": 0.1}
"""Sources of the pool, and how many of its parts are of each."""

_INDEX_BYTES_PER_DOCUMENT = 40
_MEAN_TOKENS = 700


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", metavar="N", type=int, default=10_000, help="parts of the pool (default: 10000)")
    parser.add_argument("--documents", metavar="N", type=int, default=40_000, help="documents a part (default: 40000)")
    parser.add_argument("--quick", action="store_true", help="500 documents a part")
    parser.add_argument("--repeats", metavar="N", type=int, default=3, help="runs of each command (default: 3)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args(argv)
    num_documents = 500 if arguments.quick else arguments.documents
    with tempfile.TemporaryDirectory(prefix="gristmill-nested-") as folder:
        tokens = make_pool(Path(folder), arguments.parts, num_documents)
        figures: dict[str, Any] = {"parts": arguments.parts, "documents": arguments.parts * num_documents}
        figures["start"] = timed([["-c", "import pipelines.build_mix"]] * arguments.repeats)
        shares = [0.1 + 0.8 * number / arguments.repeats for number in range(arguments.repeats)]
        commands = [build_command(Path(folder), f"nested-{share:.2f}", int(share * tokens)) for share in shares]
        figures["second mix"] = timed(commands)
        manifest = load(Path(folder) / "output" / "mixes" / f"nested-{shares[-1]:.2f}")
        wanted = sum(source.wanted_tokens for source in manifest.sources)
        figures |= {"wanted_tokens": wanted, "tokens": manifest.tokens}
    print(f"{arguments.parts:,} parts, {figures['documents']:,} documents, {tokens:,} tokens")
    print(f"{'':<12}  {'seconds':>8}  {'CPU-seconds':>11}")
    for name in ("start", "second mix"):
        row = figures[name]
        print(f"{name:<12}  {row['seconds']:>8.2f}  {row['cpu_seconds']:>11.2f}")
    print(f"tokens wanted {wanted:,}, in the mix {manifest.tokens:,}")
    keep_record("nested", figures, arguments.json)
    return 0


def timed(commands: Sequence[Sequence[str]]) -> dict[str, Any]:  # Any: JSON
    """Return medians of what processes of Python take, one after another."""
    seconds, cpu_seconds = [], []
    for command in commands:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return {
        "seconds": round(statistics.median(seconds), 2),
        "cpu_seconds": round(statistics.median(cpu_seconds), 2),
    }


def build_command(folder: Path, name: str, tokens: int) -> list[str]:
    """Return the command line of a mix over the pool, after the name of Python; its spec is written."""
    spec = {
        "name": name,
        "tokens": tokens,
        "tokenizer": {"file": str(ROOT / "data" / "tokenizer" / "dolma2.json.gz")},
        "units": {"max_bytes": 1},  # a unit a shard
        "sources": [
            {"name": source, "documents": f"{{data}}/{source}/*.jsonl", "proportion": share}
            for source, share in SHARES.items()
        ],
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    places = ["--data", str(folder / "data"), "--output", str(folder / "output")]
    return ["-m", "pipelines.build_mix", str(path), *places]


def make_pool(folder: Path, num_parts: int, num_documents: int) -> int:
    """Leave shards, parts and the record of a build; return the tokens of all parts."""
    for source, share in SHARES.items():
        (folder / "data" / source).mkdir(parents=True)
        for number in range(round(share * num_parts)):
            (folder / "data" / source / f"{number:05d}.jsonl").write_bytes(b"\n")
    options = parse_options(build_command(folder, "first", 1_000_000)[2:])
    plan = make_plan(read_spec(options.spec, options.data), options.data)
    settings = make_build_settings(options, plan)
    results = [_source(settings, index, plan.units, num_documents) for index in range(len(SHARES))]
    store_pool(settings, plan.units, results)
    return sum(part.summary.tokens for source in results for part in source.parts)


def _source(settings: BuildSettings, index: int, units: Sequence[Unit], num_documents: int) -> SourceResults:
    source = settings.sources[index]
    own = [unit for unit in units if unit.source == index]
    parts = [_part(settings, unit, num_documents) for unit in own]
    count = Count(documents=len(own) * num_documents, bytes=sum(part.summary.bytes for part in parts))
    files = [
        UnitFiles(
            source=source.name,
            measures=os.path.relpath(measures_uri(settings, unit), settings.output),
            verdicts=f"{source.verdicts_folder}/{unit.name}.json",
            tokens=f"{source.tokens_folder}/{unit.name}.json",
            signatures=None,
            encoder="none",
        )
        for unit in own
    ]
    for each in files:
        for name in (each.measures, each.verdicts, each.verdicts.removesuffix(".json") + ".parquet", each.tokens):
            _empty(settings.uri(name), 0)
    shards = (
        ShardAccount(
            name=unit.shards[0].name,
            digest="ab" * 32,
            stored_bytes=1,
            skipped={},
            damage=None,
            documents=1,
            failed={},
        )
        for unit in own
    )
    return SourceResults(
        shards=tuple(shards),
        units=tuple(files),
        parts=tuple(parts),
        read=count,
        losses={},
        kept=count,
        edits={},
        read_lengths={11: count.documents},
        kept_lengths={11: count.documents},
        kept_token_lengths={9: count.documents},
        read_languages={},
        kept_languages={},
        rules=(),
        samples=(),
    )


def _part(settings: BuildSettings, unit: Unit, num_documents: int) -> UnitPart:
    """Leave a part: a key file, and two files that take no room."""
    stem = f"{settings.sources[unit.source].tokens_folder}/{unit.name}-00000"
    rows = _key_rows(unit.ordinal, num_documents)
    tokens, text_bytes = int(rows["tokens"][-1]), int(rows["bytes"][-1])
    size, index_size = 4 * tokens, _INDEX_BYTES_PER_DOCUMENT * num_documents
    _empty(settings.uri(stem + TOKENS_SUFFIX), size)
    _empty(settings.uri(stem + INDEX_SUFFIX), index_size)
    rows.tofile(settings.uri(stem + KEYS_SUFFIX))
    summary = PartSummary(
        documents=num_documents,
        tokens=tokens,
        bytes=text_bytes,
        token_file=FileDigest(size=size, digest="ab" * 32),
        index_file=FileDigest(size=index_size, digest="cd" * 32),
    )
    return UnitPart(stem=stem, summary=summary, split=0)


def _key_rows(seed: int, num_documents: int) -> NDArray[np.void]:
    chance = np.random.default_rng(seed)
    lengths = (1 + chance.pareto(1.8, num_documents) * _MEAN_TOKENS * 0.8).astype(np.int64)
    return key_rows(np.sort(chance.integers(0, 2**64, num_documents, np.uint64)), lengths, 4 * lengths)


def _empty(path: str, size: int) -> None:
    """Leave a file of a size that takes no room on the disk."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        stream.truncate(size)


if __name__ == "__main__":
    sys.exit(main())
