"""One of two ranks for `test_ranks.py`: runs several trainings in a row, as process starts are what costs.

python -m tests.trainer.two_ranks MIX FOLDER PORT PORT PORT PORT PORT     (with RANK and WORLD_SIZE set)
"""

import os
import shutil
import signal
import sys
from pathlib import Path

import torch.distributed as dist

from tests.trainer.small_run import spec_with, train
from trainer.figures import StepFigures
from trainer.loader import Batch
from trainer.loop import Outcome
from trainer.updates import Trainer

UNEVEN = ("preset: tiny", "preset: tiny, vocab_size: 251")  # rows that two ranks cannot share evenly
SPEC = spec_with(UNEVEN)
STOPPED_AT = 3


def main() -> None:
    """Train: whole; resumed from the middle; from a checkpoint of one rank; stopped by a signal to rank 1; gone on."""
    mix, folder, *ports = sys.argv[1:]
    turns = iter(ports)

    def run(name: str) -> Outcome:
        os.environ["MASTER_PORT"] = next(turns)
        return train(SPEC, Path(mix), Path(folder) / name)

    assert run("whole") == Outcome(step=6, stopped_by=None)
    if os.environ["RANK"] == "0":
        shutil.copytree(Path(folder) / "whole" / "step-3", Path(folder) / "resumed" / "step-3")
        shutil.copy(Path(folder) / "whole" / "metrics.jsonl", Path(folder) / "resumed")
    run("resumed")
    run("from-one")
    original = Trainer.step

    def signalled(self: Trainer, number: int, batch: Batch) -> StepFigures:
        if number == STOPPED_AT and dist.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, number, batch)

    Trainer.step = signalled  # type: ignore[method-assign] # for this process alone
    assert run("stopped").step == STOPPED_AT
    Trainer.step = original  # type: ignore[method-assign]
    assert run("stopped").step == 6


if __name__ == "__main__":
    main()
