"""Tokenizing, from shards to parts: MB of text per CPU-second, beside dolma, datatrove and bare libraries.

    python benchmarks/encoders.py                 64 MB made of the bundled documents, 3 repeats
    python benchmarks/encoders.py --quick         8 MB, 1 repeat; other tools only where they are installed
    python benchmarks/encoders.py --data FOLDER --peers FOLDER --json result.json

Ours is the station of a build as it stands: it reads .jsonl.gz shards again, encodes, looks for repeated n-grams,
sorts by sampling key and publishes parts with index and digests; once with each encoder. The libraries alone encode
texts that lie in memory, and throw the ids away. dolma and datatrove run their tokenizing stages on the same shards, in
environments of their own. All get the whole corpus and a sample of it, since an encoder that remembers words gains by
more text; only the library `tokenizers` gets the sample alone. Ratios are of equal text.

Each run is a process of its own; ours did the same with a tenth of a megabyte before. What it takes to load a tokenizer
and to prove an encoder equal is stated apart. Repeats are interleaved; figures are medians, ratios are of one run. All
encoders of ours must leave the same parts, or the run fails. Figures are appended to benchmarks/history.jsonl.
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

import numpy as np
import pyarrow as pa
import yaml

from benchmarks.common.child import run_in_child
from benchmarks.common.record import ROOT, keep_record
from benchmarks.peers.environments import DATATROVE, DOLMA, command_of
from benchmarks.whole.corpus import Corpus, write_corpus
from filters.columns import TextColumn
from filters.edits import SPAN
from mixes.manifest import TokenizerEntry
from pipelines.encoding.backends import Backend, GigatokenBackend, TokenizersBackend
from pipelines.encoding.definition import Definition, read_tokenizer
from pipelines.encoding.encoder import TextEncoder
from pipelines.encoding.proof import Wanted
from pipelines.garbage import spare_what_is_loaded
from pipelines.plan import Unit, make_plan
from pipelines.progress import Marks
from pipelines.request import read_spec
from pipelines.settings import BuildSettings, make_settings
from pipelines.stations.judge import judge_unit
from pipelines.stations.reading import files_of_unit
from pipelines.stations.texts import make_files
from pipelines.stations.tokens import TOKEN_COLUMNS, tokenize_unit
from pipelines.stations.unit_tokens import UnitPart
from pipelines.tools import Tools

PEERS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gristmill" / "peers"
TOKENIZER = ROOT / "data" / "tokenizer" / "dolma2.json.gz"
EOS = "<|endoftext|>"
SIZE, QUICK_SIZE = 64_000_000, 8_000_000
SAMPLE, QUICK_SAMPLE = 8_000_000, 2_000_000
START_BYTES = 100_000
ONE_CORE = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
BACKENDS: tuple[Wanted, ...] = ("gigatoken", "tokenizers")
LIBRARIES: Mapping[str, Callable[[Definition], Backend]] = {
    "gigatoken": GigatokenBackend,
    "tokenizers": TokenizersBackend,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way from texts to ids."""

    name: str
    corpus: Corpus
    run: Callable[[], dict[str, Any]]  # Any: JSON; seconds, tokens, and what it says of itself
    found: list[dict[str, Any]] = field(default_factory=list)

    def row(self) -> dict[str, Any]:  # Any: JSON
        """Return medians of what was run."""
        seconds = [each["seconds"] for each in self.found]
        size, median = self.corpus.num_bytes / 1e6, statistics.median(seconds)
        first = {key: value for key, value in self.found[0].items() if key not in ("seconds", "digest")}
        return first | {
            "text_mb": round(size, 1),
            "mb_per_cpu_second": round(size / median, 2),
            "spread": round((max(seconds) - min(seconds)) / median, 3),
        }


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when measured, 1 where encoders of ours leave different parts, 2 where the folder holds no documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="8 MB, 1 repeat; no other tool is installed")
    parser.add_argument("--data", metavar="DIR", type=Path, default=ROOT / "data", help="where documents lie")
    parser.add_argument("--peers", metavar="DIR", type=Path, default=PEERS, help="where other tools are installed")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args(argv)
    os.environ.update(ONE_CORE)  # of this process's children
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            whole = write_corpus(arguments.data, folder / "whole", QUICK_SIZE if arguments.quick else SIZE)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        sample = write_corpus(arguments.data, folder / "sample", QUICK_SAMPLE if arguments.quick else SAMPLE)
        start = write_corpus(arguments.data, folder / "start", START_BYTES)
        print(f"{whole.num_documents:,} documents, {whole.num_bytes / 1e6:.1f} MB of text; sample: "
              f"{sample.num_documents:,} documents, {sample.num_bytes / 1e6:.1f} MB", flush=True)  # fmt: skip
        contenders = _ours(whole, sample, start, folder)
        if arguments.quick and not arguments.peers.exists():
            print(f"without other tools: nothing is installed in {arguments.peers}, and --quick installs nothing")
        else:
            contenders += _peers({"whole": whole, "sample": sample}, arguments.peers, folder)
        for _ in range(1 if arguments.quick else 3):
            for contender in contenders:
                contender.found.append(contender.run())
                print(f"  {contender.name}: {contender.found[-1]['seconds']:.2f} CPU-s", flush=True)
    digests = {each["digest"] for contender in contenders for each in contender.found if each.get("on") == "sample"}
    rows = {contender.name: contender.row() for contender in contenders}
    starts = {backend: run_in_child(start_seconds, backend)["seconds"] for backend in BACKENDS}
    print_table(rows, starts, are_same=len(digests) == 1)
    figures = {"quick": arguments.quick, "same_parts": len(digests) == 1, "start_cpu_seconds": starts, "rows": rows}
    keep_record("encoders", figures, arguments.json)
    return 0 if len(digests) == 1 else 1


def _ours(whole: Corpus, sample: Corpus, start: Corpus, folder: Path) -> list[Contender]:
    contenders = []
    for on, corpus in (("whole", whole), ("sample", sample)):
        for backend in BACKENDS:
            if (on, backend) == ("whole", "tokenizers"):
                continue  # takes minutes and tells no more than the sample

            def station(corpus: Corpus = corpus, backend: Wanted = backend, on: str = on) -> dict[str, Any]:
                warm = (start.folder, folder / "out", backend)
                return run_in_child(station_seconds, corpus.folder, folder / "out", backend, warm=warm) | {"on": on}

            def library(corpus: Corpus = corpus, backend: Wanted = backend) -> dict[str, Any]:
                return run_in_child(library_seconds, corpus.folder, backend, warm=(start.folder, backend))

            contenders.append(Contender(name=f"gristmill, {backend}, {on}", corpus=corpus, run=station))
            contenders.append(Contender(name=f"{backend} alone, {on}", corpus=corpus, run=library))
    return contenders


def _peers(corpora: Mapping[str, Corpus], peers: Path, folder: Path) -> list[Contender]:
    """Return the other tools; one that cannot be installed is left out with a line that says why."""
    found = []
    for peer in (DOLMA, DATATROVE):
        try:
            for on, corpus in corpora.items():
                places = (corpus.folder / "documents", folder / peer.tool, TOKENIZER)
                command = command_of(peer, peers, "tokens", *map(str, places))
                found.append(_peer(f"{peer.name}, {on}", corpus, command, folder / peer.tool))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"without {peer.name}: {error} {(getattr(error, 'stderr', None) or b'').decode()[-400:]}")
    return found


def _peer(name: str, corpus: Corpus, command: Sequence[str], output: Path) -> Contender:
    def run() -> dict[str, Any]:
        shutil.rmtree(output, ignore_errors=True)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    return Contender(name=name, corpus=corpus, run=run)


def station_seconds(data: Path, output: Path, backend: Wanted) -> dict[str, Any]:  # Any: JSON
    """Return CPU-seconds of the tokenizing station over all shards, tokens, and the digests of the parts."""
    shutil.rmtree(output, ignore_errors=True)
    encoder = TextEncoder(read_tokenizer(str(TOKENIZER)), EOS, backend)
    settings, units = _measured(data, output, encoder)
    spare_what_is_loaded()  # as every worker does before its first unit
    begin = time.process_time()
    parts: list[UnitPart] = []
    for unit in units:
        judged = judge_unit(unit, settings, columns=TOKEN_COLUMNS)
        marks = Marks(None, "tokenize", unit.ordinal)
        undivided = np.zeros(len(judged.codes), np.int64)
        parts += tokenize_unit(unit, judged, np.zeros(0, SPAN), undivided, settings, encoder, [], marks).parts
    return {
        "seconds": round(time.process_time() - begin, 3),
        "tokens": sum(part.summary.tokens for part in parts),
        "library": encoder.name,
        "digest": " ".join(sorted(part.summary.token_file.digest for part in parts)),
    }


def start_seconds(backend: Wanted) -> dict[str, Any]:  # Any: JSON
    """Return CPU-seconds of what comes before the first text: the tokenizer is loaded, the encoder proven equal."""
    begin = time.process_time()
    TextEncoder(read_tokenizer(str(TOKENIZER)), EOS, backend)
    return {"seconds": round(time.process_time() - begin, 2)}


def library_seconds(data: Path, backend: str) -> dict[str, Any]:  # Any: JSON
    """Return CPU-seconds of a library for texts in memory, in batches of 256, and the tokens."""
    texts = list(_texts(data))
    definition = Definition(read_tokenizer(str(TOKENIZER)))
    library = LIBRARIES[backend](definition)
    if backend == "tokenizers":  # as its users call it
        begin = time.process_time()
        encoded = (
            definition.library.encode_batch_fast(texts[k : k + 256], add_special_tokens=False)
            for k in range(0, len(texts), 256)
        )
        num_tokens = sum(len(np.array(each.ids, np.uint32)) for batch in encoded for each in batch)
    else:
        column = TextColumn.from_arrow(pa.array(texts, pa.large_string()))
        begin = time.process_time()
        num_tokens = sum(len(library.encode(batch).ids) for batch in column.slices(1 << 22))
    return {"seconds": round(time.process_time() - begin, 3), "tokens": num_tokens, "library": library.name}


def _texts(data: Path) -> Iterator[str]:
    for path in sorted((data / "documents").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from (json.loads(line)["text"] for line in lines)


def _measured(data: Path, output: Path, encoder: TextEncoder) -> tuple[BuildSettings, tuple[Unit, ...]]:
    """Return the plan of a build without rules, its units measured."""
    output.mkdir(parents=True)
    source = {"name": "documents", "documents": "{data}/documents/*.jsonl.gz", "proportion": 1.0}
    spec = {"name": "encoders", "tokens": 1, "tokenizer": {"file": str(TOKENIZER)}, "sources": [source]}
    (output / "spec.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    plan = make_plan(read_spec(str(output / "spec.yaml"), str(data)), str(data))
    settings = make_settings(
        plan.spec,
        output=str(output),
        data_root=str(data),
        tokenizer=TokenizerEntry(
            name=TOKENIZER.name,
            digest=encoder.definition.file.digest,
            vector=encoder.vector_digest(),
            vocab_size=encoder.vocab_size,
            eos_id=encoder.eos_id,
            special_ids=encoder.definition.special_ids,
            fim_ids={},
        ),
        num_ranges=1,
        num_band_ranges=1,
        num_shingle_ranges=1,
        num_repeat_ranges=1,
        num_units=len(plan.units),
    )
    tools = Tools(settings)
    for unit in plan.units:
        files = files_of_unit(unit, settings, lambda: tools.groups(0))
        make_files(unit, settings, [], files, Marks(None, "measure", unit.ordinal))
    return settings, plan.units


def print_table(
    rows: Mapping[str, dict[str, Any]], starts: Mapping[Wanted, float], *, are_same: bool
) -> None:  # Any: JSON
    """Print the medians, a row for each contender, and how much faster the default is."""
    print(f"\n{'':<34} {'text MB':>8} {'MB/CPU-s':>9} {'spread':>7} {'peak MiB':>9}")
    for name, row in rows.items():
        print(
            f"{name:<34} {row['text_mb']:>8.1f} {row['mb_per_cpu_second']:>9.2f} {row['spread']:>7.0%} "
            f"{row.get('peak_mib', ''):>9}"
        )
    for name, row in rows.items():
        ours = rows[f"gristmill, {BACKENDS[0]}, {name.rpartition(', ')[2]}"]
        if row is not ours:
            print(f"our default over {name}: {ours['mb_per_cpu_second'] / row['mb_per_cpu_second']:.1f} times")
    print("start: " + ", ".join(f"{backend} {seconds:.1f} CPU-s" for backend, seconds in starts.items()))
    print(f"the parts of our encoders are {'the same' if are_same else 'DIFFERENT'}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
