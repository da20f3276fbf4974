"""One of two ranks for `test_ranks.py`: trains several times and evaluates, as process starts are what costs.

python -m tests.trainer.two_ranks FOLDER PORT...     RANK and WORLD_SIZE set; a port for each run: one, then NUM_RUNS

With one port rank 1 is killed on the way, with NUM_RUNS that run goes on, and the others begin.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from mixes.errors import GristmillError
from tests.trainer.evaluation.tiny_model import suite_in
from tests.trainer.small_run import SPEC as SMALL
from tests.trainer.small_run import spec_with, train
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.standalone import evaluate
from trainer.saving import CheckpointWriter
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
EVALUATED_SPEC = spec_with(("steps: 6", "steps: 2"), base=f"{SMALL}evaluation: {{interval: 2}}\n")
DISTURBED_AT = 3
NUM_RUNS = 12


def main() -> None:
    """Train: killed; or gone on, whole, refused, from one rank, as replicas, experts, stopped. Then evaluate."""
    folder, *ports = Path(sys.argv[1]), *sys.argv[2:]
    turns = iter(ports)

    def run(
        name: str, spec: TrainSpec = SPEC, *, mix: str = "mix", num_replicas: int = 1, recomputes: bool = False
    ) -> None:
        os.environ["MASTER_PORT"] = next(turns)
        of_mix, output = folder / mix / "mixes" / "small", folder / name
        train(spec, of_mix, output, num_replicas=num_replicas, recomputes=recomputes)

    if len(ports) == 1:
        with disturbed(Trainer, "step", signal.SIGKILL, when=lambda _, number, *__: number > DISTURBED_AT):
            run("killed")
    run("killed")
    run("whole")
    try:
        run("damaged")
    except GristmillError as error:
        says = "all damaged" if os.environ["RANK"] == "0" else "refused by another process"
        assert says in str(error), error  # noqa: PT017 - run by a test, not by pytest
    run("from-one")
    run("replicas", num_replicas=2)
    run("experts", EXPERTS_SPEC, recomputes=True)
    in_step = disturbed(Trainer, "step", signal.SIGTERM, when=lambda _, number, *__: number == DISTURBED_AT)
    with in_step, stopping_at(f"step {DISTURBED_AT}"):
        run("stopped")
    with disturbed(CheckpointWriter, "_write", signal.SIGTERM), stopping_at("step "):
        run("stopped")  # while a checkpoint is written: whichever step was at work is the last
    run("stopped")
    with disturbed(Scorer, "scored", signal.SIGTERM), stopping_at("step 2"):
        run("evaluated", EVALUATED_SPEC, mix="tiny")
    run("evaluated", EVALUATED_SPEC, mix="tiny")
    os.environ["MASTER_PORT"] = next(turns)
    record = evaluate(folder / "evaluation" / "model", suite_in(folder / "evaluation"), device="cpu").record()
    (folder / f"evaluated-{os.environ['RANK']}.json").write_text(json.dumps(record))


@contextlib.contextmanager
def disturbed(
    owner: type, name: str, number: signal.Signals, when: Callable[..., bool] = lambda *_: True
) -> Iterator[None]:
    """Send rank 1 a signal when it calls a method."""
    original = getattr(owner, name)

    def method(*arguments: object) -> object:
        if os.environ["RANK"] == "1" and when(*arguments):
            os.kill(os.getpid(), number)
        return original(*arguments)

    setattr(owner, name, method)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextlib.contextmanager
def stopping_at(place: str) -> Iterator[None]:
    """Hold a run to be stopped by SIGTERM at a place."""
    try:
        yield
    except StoppedError as stopped:
        assert stopped.signal == signal.SIGTERM  # noqa: PT017 - run by a test, not by pytest
        assert stopped.place.startswith(place), stopped.place  # noqa: PT017
    else:
        raise AssertionError(f"nothing stopped it at {place}")


if __name__ == "__main__":
    main()
