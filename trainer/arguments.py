"""Arguments that commands share: where and how a run computes, what a model is evaluated on."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixes.errors import SpecError
from mixes.opening import MixPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Where and how to run.

    Attributes:
        mixes: the built mixes, at least one.
        output: folder of the run: checkpoints, metrics.
        start_from: folder of another run's checkpoint, or of a published model, to begin from, or None.
        device: `auto`, `cpu` or `cuda`.
        compiled: compile each block and the loss.
        recomputes: keep no activations inside blocks; compute them again in the backward pass.
        num_replicas: of the model, each spread over an equal share of the ranks.
        fresh: forget what the output folder holds.
        wandb_project: send figures to this project of Weights & Biases too, or None.
    """

    mixes: Sequence[MixPlace]
    output: Path
    start_from: Path | None = None
    device: str = "auto"
    compiled: bool = False
    recomputes: bool = False
    num_replicas: int = 1
    fresh: bool = False
    wandb_project: str | None = None


def run_options(arguments: argparse.Namespace, mixes: Sequence[MixPlace]) -> RunOptions:
    """Return the options of a command for these mixes; its arguments have the names of the fields."""
    given = {name: value for name, value in vars(arguments).items() if name in RunOptions.__dataclass_fields__}
    return RunOptions(**(given | {"mixes": tuple(mixes)}))


def require_replicas(num_replicas: int, world_size: int) -> None:
    """Refuse ranks that do not fall into replicas of the model.

    Raises:
        SpecError: they do not.
    """
    if world_size % num_replicas:
        raise SpecError(f"--replicas {num_replicas}: found {world_size} ranks; wanted a divisor of their number")


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where and how a run computes, and whether it is only planned."""
    add_device_argument(parser)
    parser.add_argument(
        "--compile", dest="compiled", action="store_true", help="compile each block: faster on a GPU, slow to start"
    )
    parser.add_argument(
        "--recompute",
        dest="recomputes",
        action="store_true",
        help="activation checkpointing: keep nothing inside blocks, compute them twice; less memory, a third slower",
    )
    parser.add_argument(
        "--replicas",
        metavar="N",
        dest="num_replicas",
        type=whole(1),
        default=1,
        help="copies of the model (HSDP), each sharded over neighbouring ranks; 1: sharded over all (default: 1)",
    )
    parser.add_argument(
        "--wandb",
        metavar="PROJECT",
        dest="wandb_project",
        help="send what TensorBoard gets, steps and evaluations on the way, to this project of Weights & Biases too",
    )
    parser.add_argument("--dry-run", action="store_true", help="check the request, print the plan and stop")


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    """Add where a command computes."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: a GPU if there is one")


def whole(at_least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers for argparse."""

    def read(text: str) -> int:
        number = int(text)
        if number < at_least:
            raise argparse.ArgumentTypeError(f"found {number}, wanted at least {at_least}")
        return number

    return read
