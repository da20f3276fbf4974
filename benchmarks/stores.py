"""The loader over a store: how fast batches come, how long a step waits, and how much is fetched for what is used.

    python benchmarks/stores.py                          512 MB of tokens, a few minutes
    python benchmarks/stores.py --steps 30 --latency 0.2
    python benchmarks/stores.py --quick                  5 steps a row, and blocks of the usual size alone

The store is a server on this machine that waits before each answer (default: 50 ms), with a mix of random tokens. Each
row is a process of its own with an empty cache, but for the last, which finds that of a row before. `steps/s` is the
loader alone; `wait` is what a step waits for its batch where a step takes --work seconds, the first step left aside.
Figures go to benchmarks/history.jsonl.
"""

import argparse
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

import numpy as np

from benchmarks.common.record import keep_record
from mixes.opening import mix_place, open_mix
from mixes.stores import files
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix
from trainer import loader as loaders

LENGTH, GLOBAL_BATCH = 4096, 32
PART_TOKENS, NUM_PARTS = 1 << 24, 8
BLOCKS = (1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22)


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", metavar="N", type=int, default=60, help="of each row (default: 60)")
    parser.add_argument("--latency", metavar="SECONDS", type=float, default=0.05, help="of the store (default: 0.05)")
    parser.add_argument("--work", metavar="SECONDS", type=float, default=0.3, help="a step takes (default: 0.3)")
    parser.add_argument("--quick", action="store_true", help="5 steps a row, and blocks of the usual size alone")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    options = parser.parse_args(argv)
    steps = 5 if options.quick else options.steps
    processes = multiprocessing.get_context("spawn")
    rows: list[dict[str, Any]] = []  # Any: JSON
    with tempfile.TemporaryDirectory(prefix="gristmill-stores-") as folder, processes.Pool(1) as server:
        _write_mix(Path(folder))
        port = _free_port()
        server.apply_async(serve, (folder, port, options.latency))
        local, stored = f"{folder}/out/mixes/small", f"http://127.0.0.1:{port}/out/mixes/small"
        open_mix(stored)  # which asks until the server listens
        cases = [(local, files.BLOCK_BYTES, 0, "none")]
        blocks = (files.BLOCK_BYTES,) if options.quick else BLOCKS
        cases += [(stored, block, ahead, f"{block}-{ahead}") for block in blocks for ahead in (0, loaders.STEPS_AHEAD)]
        ahead = loaders.STEPS_AHEAD
        cases += [(stored, files.BLOCK_BYTES, ahead, f"{files.BLOCK_BYTES}-{ahead}")]
        print(
            f"{'store':<6} {'block':>9} {'ahead':>5} {'steps/s':>8} {'wait':>9} {'fetched':>9} {'CPU ms/instance':>16}"
        )
        for place, block, ahead, cache in cases:
            row: dict[str, Any] = {"store": place[:4] == "http", "block_bytes": block, "steps_ahead": ahead}
            with processes.Pool(1) as child:
                row |= child.apply(measure, (place, block, ahead, f"{folder}/cache-{cache}", steps, options.work))
            rows.append(row)
            print(_line(row), flush=True)
    figures = {"latency_seconds": options.latency, "work_seconds": options.work, "rows": rows}
    keep_record("stores", figures, options.json)
    return 0


def measure(place: str, block: int, ahead: int, cache: str, steps: int, work: float) -> dict[str, Any]:  # Any: JSON
    """Return the figures of some steps, in a process of its own: the loader alone, and beside steps that take time."""
    files.BLOCK_BYTES, loaders.STEPS_AHEAD = block, ahead
    alone, cpu, _ = _batches(place, f"{cache}-alone", steps, 0.0)
    _, _, waits = _batches(place, f"{cache}-beside", steps, work)
    stored = sum(path.stat().st_size for path in Path(f"{cache}-alone").rglob("*") if path.is_file())
    return {
        "steps_per_second": round(steps / alone, 2),
        "wait_seconds": round(sum(waits[1:]) / (steps - 1), 5),
        "fetched_per_used": round(stored / (steps * GLOBAL_BATCH * LENGTH * 4), 2),
        "cpu_ms_per_instance": round(1000 * cpu / (steps * GLOBAL_BATCH), 2),
    }


def _batches(place: str, cache: str, steps: int, work: float) -> tuple[float, float, list[float]]:
    """Return the seconds by the clock and of CPU that some steps took, and what each waited for its batch."""
    os.environ["GRISTMILL_CACHE"] = cache
    mix = open_mix(mix_place(place))
    waits: list[float] = []
    with TokenStream(mix.manifest, mix.files) as stream:
        loader = loaders.Loader(
            stream, sequence_length=LENGTH, global_batch=GLOBAL_BATCH, data_seed=1, mask_repeated_ngrams=False
        )
        start, used = time.perf_counter(), _cpu_seconds()
        since = start
        for _ in loaders.prefetched(loader, 1, steps):
            waits.append(time.perf_counter() - since)
            time.sleep(work)
            since = time.perf_counter()
        return time.perf_counter() - start, _cpu_seconds() - used, waits


def serve(folder: str, port: int, latency: float) -> None:
    """Answer requests for ranges of the files below a folder, each after the latency, for ever."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(latency)
            with open(folder + self.path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
                first, last = (int(asked[1]), min(int(asked[2]) + 1, size)) if asked else (0, size)
                self.send_response(206 if asked else 200)
                self.send_header("Content-Range", f"bytes {first}-{last - 1}/{size}")
                self.send_header("Content-Length", str(last - first))
                self.end_headers()
                while first < last:
                    first += os.sendfile(self.connection.fileno(), file.fileno(), first, last - first)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class calls it so
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 256
        daemon_threads = True

    Server(("127.0.0.1", port), Handler).serve_forever()


def _write_mix(folder: Path) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 100_000, PART_TOKENS, dtype=np.uint32) for _ in range(NUM_PARTS)]
    write_small_mix(folder / "out", [SmallSource(parts=parts)], vocab_size=100_278)  # type: ignore[arg-type]  # arrays


def _free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _line(row: dict[str, Any]) -> str:  # Any: JSON
    block = f"{row['block_bytes'] >> 10} KiB" if row["store"] else "-"
    return (
        f"{'http' if row['store'] else 'local':<6} {block:>9} {row['steps_ahead']:>5} {row['steps_per_second']:>8.1f} "
        f"{1000 * row['wait_seconds']:>6.1f} ms {row['fetched_per_used']:>8.1f}x {row['cpu_ms_per_instance']:>16.2f}"
    )


if __name__ == "__main__":
    sys.exit(main())
