"""Training speed on one GPU: tokens/s, MFU and peak memory of the 190M and 1B models at sequence 4096.

    python benchmarks/train_gpu.py                  both models, 50 steps each after warm-up; about 6 minutes
    python benchmarks/train_gpu.py --quick          a first look in 3 minutes
    python benchmarks/train_gpu.py --profile        which kernels the time goes to, in 3 minutes
    python benchmarks/train_gpu.py --data output/mixes/smoke --json result.json

Needs torch, numpy, numba, pyarrow, pyyaml, msgspec, safetensors, urllib3 and zstandard, and one CUDA device; without
one it says so and exits with 2. Batches come from a built mix, random tokens unless --data names one, by the trainer's
own loader. Figures are appended to benchmarks/history.jsonl. MFU is (6N + 12LHDT) FLOP a token, N without the input
embedding and the masked half of attention counted, over the device's dense bf16 peak (989 TFLOP/s for H100 and H200).
On an H200 the table says whether each model meets its bar, and the exit status is 1 where one does not.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.common.kernels import KernelTime, kernel_table
from benchmarks.common.record import keep_record
from mixes.manifest import load, mix_root
from mixes.mix_files import LocalFiles
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix
from trainer.loader import Batch, Loader, prefetched
from trainer.models.presets import PRESETS, PresetName
from trainer.ranks import Ranks, process_group
from trainer.sharding import fill_with_initial_weights
from trainer.spec import ModelSpec, OptimizerSpec, ScheduleSpec, TrainSpec
from trainer.updates import Trainer
from trainer.watching.devices import device_name, peak_flops, peak_memory

SEQUENCE_LENGTH = 4096
MIX_TOKENS = 1 << 24
WARMUP, STEPS = 8, 50
QUICK_WARMUP, QUICK_STEPS = 4, 10
PROFILED = 2  # steps
MAX_WAIT = 0.01  # of a step, for its batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One model, how it is fed, and what it must reach on an H200."""

    preset: PresetName
    micro_batch: int
    num_micro_batches: int
    least_speed: int  # tokens/s
    least_mfu: float


CASES = (
    Case(preset="190m", micro_batch=16, num_micro_batches=4, least_speed=225_000, least_mfu=0.36),
    Case(preset="1b", micro_batch=8, num_micro_batches=4, least_speed=53_000, least_mfu=0.50),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when measured, 1 where a model misses its bar, 2 where there is no CUDA device."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 steps instead of 50; for a look, not for the record")
    parser.add_argument("--profile", action="store_true", help="name the kernels that take the time, measure no speed")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--data", metavar="MIX", type=Path, help="a built mix; random tokens without it")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    parser.add_argument("--only", choices=[case.preset for case in CASES], help="one model alone")
    parser.add_argument("--micro-batch", metavar="N", type=int, help="instances of one forward, for a smaller GPU")
    arguments = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print("no CUDA device; this benchmark needs one GPU", file=sys.stderr)
        return 2
    warmup, steps = (QUICK_WARMUP, QUICK_STEPS) if arguments.quick or arguments.profile else (WARMUP, STEPS)
    results = []
    with contextlib.ExitStack() as stack:
        data = arguments.data or random_mix(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for case in CASES:
            if arguments.only in (None, case.preset):
                case = replace(case, micro_batch=arguments.micro_batch or case.micro_batch)  # noqa: PLW2901
                torch.compiler.reset()  # else the second model's shapes would be taken for dynamic ones
                torch.cuda.reset_peak_memory_stats()
                with process_group("cuda") as ranks:
                    run = BenchmarkRun(case, data, ranks, warmup + steps, compiled=not arguments.eager)
                    if arguments.profile:
                        print(f"\n{case.preset}\n{run.kernels(warmup)}", flush=True)
                    else:
                        results.append(run.measured(warmup))
                        print_row(results[-1], is_first=len(results) == 1)
                    del run
                    ranks.free_memory()
    if arguments.profile:
        return 0
    figures = about_this_device() | {"quick": arguments.quick, "results": results}
    keep_record("train_gpu", figures, arguments.json)
    return int(any(result["met"] is False for result in results) and not arguments.quick)


class BenchmarkRun:
    """A model and its batches, ready for its first step.

    Args:
        case: model and batch.
        data: a built mix.
        ranks: of one process.
        num_steps: that it can do.
        compiled: compile blocks and loss.
    """

    def __init__(self, case: Case, data: Path, ranks: Ranks, num_steps: int, *, compiled: bool) -> None:
        self._case, self._data, self._ranks, self._compiled = case, data, ranks, compiled
        self._spec = spec_of(case, num_steps)
        self._trainer = Trainer(
            self._spec, PRESETS[case.preset], self._spec.learning_schedule(1e-4), ranks, compiled=compiled
        )
        fill_with_initial_weights(self._trainer.model, self._spec.seed)

    def measured(self, warmup: int) -> dict[str, Any]:  # Any: JSON
        """Return the figures of all steps after the first `warmup`; it waits for the device after each: under 1 %."""
        seconds, waits = [], []
        with batches_of(self._spec, self._ranks, self._data) as batches:
            for number in range(1, self._spec.num_steps + 1):
                begin = time.perf_counter()
                batch = next(batches)
                waits.append(time.perf_counter() - begin)
                figures = self._trainer.step(number, batch)
                wait_for(self._ranks.device)
                seconds.append(time.perf_counter() - begin)
        assert figures.sums.isfinite().all()
        assert not figures.skipped
        return self._figures(seconds, waits, warmup)

    def kernels(self, warmup: int) -> str:
        """Return the table of what the GPU does in PROFILED steps after the first `warmup`."""
        with batches_of(self._spec, self._ranks, self._data) as batches:
            for number in range(1, warmup + 1):
                self._trainer.step(number, next(batches))
            ready = [next(batches) for _ in range(PROFILED)]
            wait_for(self._ranks.device)
            with profile(activities=[ProfilerActivity.CUDA]) as profiler:
                begin = time.perf_counter()
                for number, batch in enumerate(ready, warmup + 1):
                    self._trainer.step(number, batch)
                wait_for(self._ranks.device)
                seconds = time.perf_counter() - begin
        events = [event for event in profiler.key_averages() if event.self_device_time_total]
        kernels = [
            KernelTime(name=event.key, count=event.count, seconds=event.self_device_time_total / 1e6)
            for event in events
        ]
        return kernel_table(kernels, seconds, PROFILED)

    def _figures(self, seconds: Sequence[float], waits: Sequence[float], warmup: int) -> dict[str, Any]:  # Any: JSON
        case, shape, device = self._case, PRESETS[self._case.preset], self._ranks.device
        step, wait = statistics.median(seconds[warmup:]), statistics.median(waits[warmup:])
        speed = self._spec.tokens_per_step / step
        flops = shape.flops_per_token(SEQUENCE_LENGTH)
        masked_half = 6 * shape.num_layers * shape.hidden_size * SEQUENCE_LENGTH
        peak = peak_flops(device)
        mfu = None if peak is None else speed * flops / peak
        return {
            "model": case.preset,
            "data": self._data.name,
            "compiled": self._compiled,
            "steps": len(seconds) - warmup,
            "micro_batch": case.micro_batch,
            "tokens_per_step": self._spec.tokens_per_step,
            "tokens_per_second": round(speed),
            "mfu": None if mfu is None else round(mfu, 4),
            "mfu_of_causal_half": None if peak is None else round(speed * (flops - masked_half) / peak, 4),
            "peak_flops": peak,
            "median_step_ms": round(1000 * step, 2),
            "slowest_step_ms": round(1000 * max(seconds[warmup:]), 2),
            "median_loader_wait_ms": round(1000 * wait, 3),
            "first_step_seconds": round(seconds[0], 1),
            "peak_memory_gib": round(peak_memory(device) / 2**30, 1),
            "met": meets(case, device_name(device), speed, mfu, wait / step),
        }


def meets(case: Case, device: str, speed: float, mfu: float | None, wait: float) -> bool | None:
    """Return whether a model reaches its bar without waiting for data, or None where it is no H200's.

    Args:
        case: the model.
        device: its name.
        speed: tokens/s.
        mfu: model FLOP utilisation.
        wait: share of a step that is spent waiting for its batch.
    """
    if device != "NVIDIA H200" or mfu is None:
        return None
    return speed >= case.least_speed and mfu >= case.least_mfu and wait <= MAX_WAIT


def wait_for(device: torch.device) -> None:
    """Return when a GPU has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def spec_of(case: Case, steps: int) -> TrainSpec:
    """Return the recipe of a case."""
    return TrainSpec(
        model=ModelSpec(preset=case.preset),
        sequence_length=SEQUENCE_LENGTH,
        global_batch=case.micro_batch * case.num_micro_batches,
        micro_batch=case.micro_batch,
        steps=steps,
        optimizer=OptimizerSpec(learning_rate=1e-4),
        schedule=ScheduleSpec(warmup_steps=steps),
    )


@contextlib.contextmanager
def batches_of(spec: TrainSpec, ranks: Ranks, data: Path) -> Iterator[Iterator[Batch]]:
    """Give the batches of a mix as a run has them, through the trainer's own loader."""
    with TokenStream(load(data), LocalFiles(mix_root(data))) as stream:
        loader = Loader(
            stream,
            sequence_length=SEQUENCE_LENGTH,
            global_batch=spec.global_batch,
            data_seed=spec.seed,
            mask_repeated_ngrams=True,
            pin=ranks.device.type == "cuda",
        )
        with contextlib.closing(prefetched(loader, 1, spec.num_steps)) as batches:
            yield batches


def random_mix(folder: Path) -> Path:
    """Write a mix of MIX_TOKENS random tokens into a folder, and return where it is."""
    tokens = np.random.default_rng(0).integers(0, 100_000, MIX_TOKENS, dtype=np.uint32)
    sources = [SmallSource(parts=[tokens])]  # type: ignore[list-item]  # an array is as good as a sequence
    write_small_mix(folder, sources, vocab_size=100_278, name="random")
    return folder / "mixes" / "random"


def print_row(result: dict[str, Any], *, is_first: bool) -> None:  # Any: JSON
    """Print a row of the table, and its head before the first."""
    if is_first:
        head = f"{'model':<6}  {'tokens/s':>9}  {'MFU':>6}  {'causal':>6}  {'step ms':>9}  {'wait':>8}  {'memory':>10}"
        print(f"{head}  bar")
    mfu, causal = (f"{result[key]:.1%}" if result[key] else "?" for key in ("mfu", "mfu_of_causal_half"))
    speed, memory = f"{result['tokens_per_second']:,}", f"{result['peak_memory_gib']:.1f} GiB"
    step, wait = f"{result['median_step_ms']:.1f}", f"{result['median_loader_wait_ms']:.2f}"
    bar = {True: "met", False: "missed", None: "-"}[result["met"]]
    print(
        f"{result['model']:<6}  {speed:>9}  {mfu:>6}  {causal:>6}  {step:>9}  {wait:>8}  {memory:>10}  {bar}",
        flush=True,
    )


def about_this_device() -> dict[str, Any]:  # Any: JSON
    """Return the hardware and the versions that decide its speed."""
    return {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


if __name__ == "__main__":
    sys.exit(main())
