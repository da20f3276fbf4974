"""Whole builds, from compressed shards to token files: MB of text per CPU-second of a core, beside dolma and datatrove.

    python benchmarks/end_to_end.py               64 MB made of bundled documents, 3 repeats; 1 GB on 1 and 2 workers
    python benchmarks/end_to_end.py --quick       16 MB, 1 repeat; other tools only where they are installed
    python benchmarks/end_to_end.py --data FOLDER --peers FOLDER --json result.json

Ours is `python -m pipelines.build_mix` with Gopher, C4 and FineWeb rules, language, exact, near and paragraph
duplicates, tokens and report. dolma tags (Gopher, C4, language), dedupes documents and paragraphs, mixes and tokenizes;
datatrove filters (Gopher, C4, FineWeb, language), finds near duplicates and tokenizes; each in an environment of its
own. No tool drops anything but duplicates, so that all stages of each have the same texts. Where there are fewer
documents than wanted, altered copies follow that are duplicates of nothing (`benchmarks/whole/corpus.py`). The other
tools are slow, and get a sample of the documents.

A build is a process with all of its children, one thread each; repeats are interleaved, figures are medians. What a
tool takes for a tenth of a megabyte is its start (imports, models, loading of machine code) and stated apart; speeds
are of what it takes beyond that, and ratios are of one run. What a second worker brings is told by the clock, start and
all, on a corpus large enough that the start is a small part of it; it says something on an idle machine alone. Builds
on one and on two workers must give the same mix, or the run fails. Figures are appended to benchmarks/history.jsonl.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

from benchmarks.common.record import ROOT, keep_record
from benchmarks.peers.environments import DATATROVE, DOLMA, Peer, command_of
from benchmarks.whole.corpus import Corpus, write_corpus
from benchmarks.whole.ours import build_command, write_spec
from benchmarks.whole.timed import Finished, run

PEERS = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gristmill" / "peers"
MODEL = ROOT / "data" / "models" / "lid.176.ftz"
TOKENIZER = ROOT / "data" / "tokenizer" / "dolma2.json.gz"
SIZE, QUICK_SIZE = 64_000_000, 16_000_000
LARGE = 1_000_000_000  # for one worker and two
SAMPLE, QUICK_SAMPLE = 8_000_000, 2_000_000  # what other tools get
START_BYTES = 100_000
ONE_CORE = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
OURS, ON_ONE, ON_TWO = "gristmill", "gristmill, large", "gristmill, large, on 2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way from shards to token files."""

    name: str
    corpus: Corpus
    command: Callable[[Corpus, Path], list[str]]  # takes what is read and where to write
    starts: list[Finished] = field(default_factory=list)
    builds: list[Finished] = field(default_factory=list)

    def row(self) -> dict[str, Any]:  # Any: JSON
        """Return medians of what was run."""
        start = statistics.median(each.cpu_seconds for each in self.starts)
        whole = statistics.median(each.cpu_seconds for each in self.builds)
        size = self.corpus.num_bytes / 1e6
        return {
            "text_mb": round(size, 1),
            "start_cpu_seconds": round(start, 2),
            "cpu_seconds": round(whole, 2),
            "seconds": round(statistics.median(each.seconds for each in self.builds), 2),
            "start_seconds": round(statistics.median(each.seconds for each in self.starts), 2),
            "mb_per_cpu_second": round(size / (whole - start), 3),
            "with_start": round(size / whole, 3),
            "peak_mib": max(each.peak_mib for each in self.builds),
            "stages": self.stages(),
        }

    def stages(self) -> dict[str, float]:
        """Return CPU-seconds by stage, as the script of another tool prints them last; nothing of our builds."""
        last = self.builds[-1].last_line
        return dict(json.loads(last)["seconds"]) if last.startswith("{") else {}


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when measured, 1 where two workers build another mix than one, 2 where the folder holds no documents."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="16 MB, 1 repeat; no other tool is installed")
    parser.add_argument("--data", metavar="DIR", type=Path, default=ROOT / "data", help="where documents lie")
    parser.add_argument("--peers", metavar="DIR", type=Path, default=PEERS, help="where other tools are installed")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args(argv)
    size, num_repeats = (QUICK_SIZE, 1) if arguments.quick else (SIZE, 3)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            corpus = write_corpus(arguments.data, folder / "corpus", size)
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        start = write_corpus(arguments.data, folder / "start", START_BYTES)
        print(
            f"{corpus.num_documents:,} documents, {corpus.num_bytes / 1e6:.1f} MB of text, of which "
            f"{corpus.altered_bytes / corpus.num_bytes:.0%} in altered copies",
            flush=True,
        )
        contenders = [_ours(OURS, corpus, 1)]
        if arguments.quick and not arguments.peers.exists():
            print(f"without other tools: nothing is installed in {arguments.peers}, and --quick installs nothing")
        else:
            sample = write_corpus(arguments.data, folder / "sample", QUICK_SAMPLE if arguments.quick else SAMPLE)
            contenders += _peers(sample, arguments.peers)
        compiling = run(
            contenders[0].command(start, folder / "first"), ROOT, ONE_CORE | {"NUMBA_CACHE_DIR": str(folder / "numba")}
        )
        run(contenders[0].command(start, folder / "second"), ROOT, ONE_CORE)  # compiles what is not yet compiled
        for repeat in range(num_repeats):
            for each in contenders:
                _run_once(each, start, folder, str(repeat))
        large = corpus if arguments.quick else write_corpus(arguments.data, folder / "large", LARGE)
        scaled = [_ours(ON_ONE, large, 1), _ours(ON_TWO, large, 2)]
        repeats = range(1 if arguments.quick else 2)
        digests = {_run_once(each, start, folder, str(repeat)) for repeat in repeats for each in scaled}
        rows = {each.name: each.row() for each in [*contenders, *scaled]}
        are_same = len(digests) == 1
    print_table(rows, compiling, are_same=are_same)
    figures = {"quick": arguments.quick, "text_mb": round(corpus.num_bytes / 1e6, 1), "same_mix": are_same}
    figures |= {"altered_mb": round(corpus.altered_bytes / 1e6, 1), "compiling_cpu_seconds": compiling.cpu_seconds}
    keep_record("end_to_end", figures | {"builds": rows}, arguments.json)
    return 0 if are_same else 1


def _ours(name: str, corpus: Corpus, workers: int) -> Contender:
    def command(read: Corpus, output: Path) -> list[str]:
        spec = read.folder / "spec.yaml"
        write_spec(spec, read.num_bytes)
        return build_command(spec, read.folder, output, workers)

    return Contender(name=name, corpus=corpus, command=command)


def _peers(sample: Corpus, folder: Path) -> list[Contender]:
    """Return the other tools; one that cannot be installed is left out with a line that says why."""
    found = []
    for peer in (DOLMA, DATATROVE):
        try:
            command_of(peer, folder, "build")
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"without {peer.name}: {error} {(getattr(error, 'stderr', None) or b'').decode()[-400:]}")
        else:
            found.append(Contender(name=peer.name, corpus=sample, command=_build_with(peer, folder)))
    return found


def _build_with(peer: Peer, folder: Path) -> Callable[[Corpus, Path], list[str]]:
    def command(read: Corpus, output: Path) -> list[str]:
        places = (read.folder / "documents", output, MODEL, TOKENIZER)
        return command_of(peer, folder, "build", *map(str, places))

    return command


def _run_once(contender: Contender, start: Corpus, folder: Path, repeat: str) -> str:
    """Run a build and a start; return the digest of the mix where there is one, else nothing."""
    output = folder / f"{contender.name}-{repeat}".replace(", ", "-").replace(" ", "-")
    contender.starts.append(run(contender.command(start, output.with_name(f"{output.name}-start")), ROOT, ONE_CORE))
    contender.builds.append(run(contender.command(contender.corpus, output), ROOT, ONE_CORE))
    done = contender.builds[-1]
    print(f"  {contender.name}: {done.cpu_seconds:.1f} CPU-s, {done.seconds:.1f} s, {done.peak_mib:,} MiB", flush=True)
    manifest = output / "mixes" / "whole" / "manifest.json"
    return str(json.loads(manifest.read_text("utf-8"))["digest"]) if manifest.exists() else ""


def print_table(rows: Mapping[str, dict[str, Any]], compiling: Finished, *, are_same: bool) -> None:  # Any: JSON
    """Print the medians, a row for each way to build."""
    print(f"\n{'':<22} {'text MB':>8} {'MB/CPU-s':>9} {'times':>6} {'with start':>11} {'start':>7} {'peak MiB':>9}")
    ours, one, two = rows[OURS], rows[ON_ONE], rows[ON_TWO]
    for name, row in rows.items():
        print(
            f"{name:<22} {row['text_mb']:>8.1f} {row['mb_per_cpu_second']:>9.2f} "
            f"{ours['mb_per_cpu_second'] / row['mb_per_cpu_second']:>5.1f}x {row['with_start']:>11.2f} "
            f"{row['start_cpu_seconds']:>5.1f} s {row['peak_mib']:>9,}"
        )
    for name, row in rows.items():
        if row["stages"]:
            print(f"  {name}: " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in row["stages"].items()))
    print("times: our speed on one worker over it; start: CPU-seconds for 0.1 MB; peak: of the largest process")
    print(f"our very first start, which compiles: {compiling.cpu_seconds:.1f} CPU-seconds")
    gain = one["seconds"] / two["seconds"]
    print(
        f"two workers: {one['seconds']:.1f} s become {two['seconds']:.1f} s, {gain:.2f} times as fast, at a load of "
        f"{os.getloadavg()[0]:.1f}; the mixes are {'the same' if are_same else 'DIFFERENT'}"
    )


if __name__ == "__main__":
    sys.exit(main())
