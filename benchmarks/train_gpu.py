"""Training speed on one GPU: tokens/s, MFU and peak memory of the 190M and 1B models at sequence 4096.

    python benchmarks/train_gpu.py                  both models, 60 steps each after warm-up; about 10 minutes
    python benchmarks/train_gpu.py --quick          a first look in 2 minutes
    python benchmarks/train_gpu.py --data output/mixes/smoke --json result.json

Needs torch, numpy, numba and pyyaml, and one CUDA device; without one it says so and exits with 2. Figures are appended
to benchmarks/history.jsonl. MFU is (6N + 12LHDT) FLOP a token, N without the input embedding and the masked half of
attention counted, over the device's dense bf16 peak (989 TFLOP/s for H100 and H200).
"""

import argparse
import statistics
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

import numpy as np
import torch

from benchmarks.common.record import keep_record
from mixes.manifest import load, mix_root
from mixes.mix_files import LocalFiles
from mixes.token_stream import TokenStream
from trainer.loader import Batch, Loader, prefetched
from trainer.models.presets import PRESETS, PresetName
from trainer.ranks import Ranks, process_group
from trainer.sharding import fill_with_initial_weights
from trainer.spec import ModelSpec, OptimizerSpec, ScheduleSpec, TrainSpec
from trainer.updates import Trainer
from trainer.watching.devices import peak_flops, peak_memory

SEQUENCE_LENGTH = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One model and how it is fed."""

    preset: PresetName
    micro_batch: int
    num_micro_batches: int


CASES = (
    Case(preset="190m", micro_batch=16, num_micro_batches=4),
    Case(preset="1b", micro_batch=8, num_micro_batches=4),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when measured, 2 where there is no CUDA device."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 steps instead of 60; for a look, not for the record")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--data", metavar="MIX", type=Path, help="a built mix; random tokens without it")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    parser.add_argument("--only", choices=[case.preset for case in CASES], help="one model alone")
    arguments = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print("no CUDA device; this benchmark needs one GPU", file=sys.stderr)
        return 2
    results = []
    for case in CASES:
        if arguments.only in (None, case.preset):
            torch.compiler.reset()  # else the second model's shapes would be taken for dynamic ones
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            with process_group("cuda") as ranks:
                results.append(
                    measure(case, ranks, arguments.data, quick=arguments.quick, compiled=not arguments.eager)
                )
            print_row(results[-1], is_first=len(results) == 1)
    figures = about_this_device() | {"quick": arguments.quick, "results": results}
    keep_record("train_gpu", figures, arguments.json)
    return 0


def measure(case: Case, ranks: Ranks, data: Path | None, *, quick: bool, compiled: bool) -> dict[str, Any]:  # Any: JSON
    """Return the figures of one model; the device is waited for after each step, which costs well under 1 %."""
    warmup, num_steps = (3, 10) if quick else (10, 60)
    spec = spec_of(case, warmup + num_steps)
    shape = PRESETS[case.preset]
    trainer = Trainer(spec, shape, spec.learning_schedule(1e-4), ranks, compiled=compiled)
    fill_with_initial_weights(trainer.model, spec.seed)
    seconds, waits = [], []
    batches = batches_of(spec, ranks, data)
    for number in range(1, spec.num_steps + 1):
        begin = time.perf_counter()
        batch = next(batches)
        waits.append(time.perf_counter() - begin)
        figures = trainer.step(number, batch)
        if ranks.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    batches.close()
    assert figures.sums.isfinite().all()
    speed = spec.tokens_per_step / statistics.median(seconds[warmup:])
    flops = shape.flops_per_token(SEQUENCE_LENGTH)
    masked_half = 6 * shape.num_layers * shape.hidden_size * SEQUENCE_LENGTH
    peak = peak_flops(ranks.device)
    return {
        "model": case.preset,
        "data": "random tokens" if data is None else data.name,
        "compiled": compiled,
        "steps": num_steps,
        "micro_batch": case.micro_batch,
        "tokens_per_step": spec.tokens_per_step,
        "tokens_per_second": round(speed),
        "mfu": None if peak is None else round(speed * flops / peak, 4),
        "mfu_of_causal_half": None if peak is None else round(speed * (flops - masked_half) / peak, 4),
        "peak_flops": peak,
        "median_step_ms": round(1000 * statistics.median(seconds[warmup:]), 2),
        "slowest_step_ms": round(1000 * max(seconds[warmup:]), 2),
        "median_loader_wait_ms": round(1000 * statistics.median(waits[warmup:]), 3),
        "first_step_seconds": round(seconds[0], 1),
        "peak_memory_gib": round(peak_memory(ranks.device) / 2**30, 1),
    }


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


def batches_of(spec: TrainSpec, ranks: Ranks, data: Path | None) -> Generator[Batch, None, None]:
    """Yield the batches of a mix through the trainer's own loader, or one batch of random tokens again and again."""
    if data is None:
        tokens = torch.randint(
            0, 100_278, (spec.global_batch, SEQUENCE_LENGTH), generator=torch.Generator().manual_seed(0)
        )
        numbers = np.arange(spec.global_batch)
        batch = Batch(
            tokens=tokens,
            labels=tokens.roll(-1, 1),
            documents=None,
            instances=numbers,
            sources=numbers.astype(np.int32),
        )
        while True:
            yield batch
    manifest = load(data)
    with TokenStream(manifest, LocalFiles(mix_root(data))) as stream:
        loader = Loader(
            stream,
            sequence_length=SEQUENCE_LENGTH,
            global_batch=spec.global_batch,
            data_seed=spec.seed,
            mask_repeated_ngrams=True,
            pin=ranks.device.type == "cuda",
        )
        yield from prefetched(loader, 1, spec.num_steps)


def print_row(result: dict[str, Any], *, is_first: bool) -> None:  # Any: JSON
    """Print a row of the table, and its head before the first."""
    if is_first:
        print(f"{'model':<6}  {'tokens/s':>9}  {'MFU':>6}  {'causal':>6}  {'step ms':>9}  {'wait':>8}  {'memory':>10}")
    mfu, causal = (f"{result[key]:.1%}" if result[key] else "?" for key in ("mfu", "mfu_of_causal_half"))
    speed, memory = f"{result['tokens_per_second']:,}", f"{result['peak_memory_gib']:.1f} GiB"
    step, wait = f"{result['median_step_ms']:.1f}", f"{result['median_loader_wait_ms']:.2f}"
    print(f"{result['model']:<6}  {speed:>9}  {mfu:>6}  {causal:>6}  {step:>9}  {wait:>8}  {memory:>10}")


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
