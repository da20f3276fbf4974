"""One of two ranks for `test_ranks.py`: trains several times and evaluates, as process starts are what costs.

python -m tests.trainer.two_ranks MIX FOLDER PORT...     a port for each run, NUM_RUNS of them, RANK and WORLD_SIZE set
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import torch.distributed as dist

from tests.trainer.evaluation.tiny_model import suite_in
from tests.trainer.small_run import spec_with, train
from trainer.evaluation.standalone import evaluate
from trainer.figures import StepFigures
from trainer.loader import Batch
from trainer.spec import TrainSpec
from trainer.stopping import StoppedError
from trainer.updates import Trainer

UNEVEN = ("preset: tiny", "preset: tiny, vocab_size: 251")  # rows that two ranks cannot share evenly
SPEC = spec_with(UNEVEN)
# Experts that two ranks share, attention inside documents, activations not kept.
EXPERTS_SPEC = spec_with(
    ("preset: tiny", "preset: tiny, num_experts: 5, experts_per_token: 2, intermediate_size: 32"),
    ("precision: float32", "precision: float32\ndocument_masking: true"),
    ("steps: 6", "steps: 3"),
)
STOPPED_AT = 3
NUM_RUNS = 8


def main() -> None:
    """Train: whole; resumed; from a checkpoint of one rank; as replicas; stopped; gone on; experts. Then evaluate."""
    mix, folder, *ports = sys.argv[1:]
    turns = iter(ports)

    def run(name: str, spec: TrainSpec = SPEC, *, num_replicas: int = 1, recomputes: bool = False) -> None:
        os.environ["MASTER_PORT"] = next(turns)
        train(spec, Path(mix), Path(folder) / name, num_replicas=num_replicas, recomputes=recomputes)

    run("whole")
    if os.environ["RANK"] == "0":
        shutil.copytree(Path(folder) / "whole" / "step-3", Path(folder) / "resumed" / "step-3")
        shutil.copy(Path(folder) / "whole" / "metrics.jsonl", Path(folder) / "resumed")
    run("resumed")
    run("from-one")
    run("replicas", num_replicas=2)
    run("experts", EXPERTS_SPEC, recomputes=True)
    original = Trainer.step

    def signalled(self: Trainer, number: int, batch: Batch) -> StepFigures:
        if number == STOPPED_AT and dist.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, number, batch)

    Trainer.step = signalled  # type: ignore[method-assign] # for this process alone
    try:
        run("stopped")
    except StoppedError as stopped:
        assert stopped.place == f"step {STOPPED_AT}"  # noqa: PT017 - run by torchrun, not by pytest
    else:
        raise AssertionError("no signal stopped it")
    Trainer.step = original  # type: ignore[method-assign]
    run("stopped")
    os.environ["MASTER_PORT"] = next(turns)
    evaluated = Path(folder) / "evaluation"
    record = evaluate(evaluated / "model", suite_in(evaluated), device="cpu").record()
    (Path(folder) / f"evaluated-{os.environ['RANK']}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
