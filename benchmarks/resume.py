"""Kill a training run with SIGKILL again and again, resume it, and compare it with one that nobody disturbed.

    python benchmarks/resume.py --mix output/mixes/smoke            20 kills, some minutes
    python benchmarks/resume.py --mix output/mixes/smoke --quick    4 kills

A checkpoint is saved after each step, so that many kills fall into the writing of one. The two runs must agree in every
figure of every step that no clock decides, and in every byte of the last checkpoint. Exit status: 0 equal, 1 not.
Figures are appended to benchmarks/history.jsonl.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # works from a checkout that is not installed

from benchmarks.common.record import ROOT, keep_record

SPEC = """
model: {preset: tiny}
sequence_length: 64
global_batch: 4
micro_batch: 2
steps: 60
precision: float32
optimizer: {learning_rate: 0.004}
schedule: {shape: cosine, warmup_steps: 10}
checkpoint: {interval: 1, keep: 2}
log_interval: 1
"""
NUM_STEPS = 60
_TIMED = ("tokens_per_second", "data_wait", "mfu")


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when the disturbed run equals the other, 1 when it does not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mix", metavar="MIX", type=Path, required=True, help="a built mix")
    parser.add_argument("--quick", action="store_true", help="4 kills instead of 20")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the steps at which it is killed; 0")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args(argv)
    chance = random.Random(arguments.seed)
    targets = sorted(chance.sample(range(1, NUM_STEPS), 4 if arguments.quick else 20))
    with tempfile.TemporaryDirectory() as folder:
        figures = _compare(arguments.mix, Path(folder), targets, chance)
    print(
        f"{len(targets)} kills at steps {targets}, {figures['in_saving']} while a checkpoint was written: figures of "
        f"{NUM_STEPS} steps equal: {figures['figures_equal']}; last checkpoint equal: {figures['checkpoint_equal']}"
    )
    keep_record("resume", figures, arguments.json)
    return 0 if figures["figures_equal"] and figures["checkpoint_equal"] else 1


def _compare(mix: Path, folder: Path, targets: Sequence[int], chance: random.Random) -> dict[str, Any]:  # Any: JSON
    """Return what an undisturbed run and one that is killed after some of its steps have in common."""
    spec, whole, disturbed = folder / "spec.yaml", folder / "whole", folder / "disturbed"
    spec.write_text(SPEC)
    for _ in _steps(spec, mix, whole):
        pass
    in_saving = sum(_killed_at(target, spec, mix, disturbed, chance) for target in targets)
    for _ in _steps(spec, mix, disturbed):
        pass
    return {
        "kills": len(targets),
        "in_saving": in_saving,
        "figures_equal": _lines(whole) == _lines(disturbed),
        "checkpoint_equal": _checkpoint(whole) == _checkpoint(disturbed),
    }


def _steps(spec: Path, mix: Path, output: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Yield each step that a run says it did, with the process; raise where the run fails by itself."""
    command = [sys.executable, str(ROOT / "trainer" / "run.py"), str(spec), "--mix", str(mix), "--output", str(output)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "--device", "cpu"], env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("step ") and "/" in line:
            yield int(line.split("/")[0].removeprefix("step ")), process
    if process.wait() not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the run ended with {process.returncode}")


def _killed_at(target: int, spec: Path, mix: Path, output: Path, chance: random.Random) -> bool:
    """Kill a run within a tenth of a second after a step; return whether it was writing a checkpoint."""
    for step, process in _steps(spec, mix, output):
        if step == target:
            time.sleep(chance.uniform(0.0, 0.1))
            process.kill()
    return any(output.glob("step-*.tmp"))


def _lines(output: Path) -> list[dict[str, Any]]:  # Any: JSON
    records = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key not in _TIMED} for record in records]


def _checkpoint(output: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (output / f"step-{NUM_STEPS}").iterdir()}


if __name__ == "__main__":
    sys.exit(main())
