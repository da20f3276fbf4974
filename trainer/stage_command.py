"""What `anneal` and `microanneal` share as commands: arguments and what is printed."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mixes.opening import MixPlace
from mixes.typed_yaml.binding import bind_file
from trainer.arguments import add_run_arguments, run_options
from trainer.command import is_first_process
from trainer.evaluation.arguments import add_suite_arguments, suite_spec
from trainer.spec import TrainSpec


def add_stage_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both take beside mixes."""
    parser.add_argument("spec", metavar="SPEC", type=Path, help="training spec of each anneal, a YAML file")
    parser.add_argument(
        "--from",
        metavar="CHECKPOINT",
        dest="start_from",
        type=Path,
        required=True,
        help="where each anneal begins: weights, optimizer and last rate of a checkpoint, or the weights of a "
        "published model, a Hugging Face folder",
    )
    parser.add_argument("--output", metavar="RUN", type=Path, required=True, help="folder for all runs and results")
    parser.add_argument("--seeds", metavar="N", type=int, nargs="+", default=[42], help="an anneal in each order; 42")
    add_suite_arguments(parser)
    add_run_arguments(parser)


def do_stage(arguments: argparse.Namespace, mixes: Sequence[MixPlace]) -> None:
    """Do a stage and print what was done and reached, or print the plan.

    Args:
        arguments: those of `add_stage_arguments`.
        mixes: one to anneal on and make the soup, or a baseline and those that are compared with it.

    Raises:
        FailedError, StoppedError, GristmillError: as of `finish_stage`.
    """
    spec = bind_file(TrainSpec, arguments.spec).value

    from trainer.stages.annealing import checked_stage, finish_stage
    from trainer.stages.telling import RESULTS_FILE, format_stage
    from trainer.watching.page import REPORT_FILE

    options, suite = run_options(arguments, mixes), suite_spec(arguments)
    if arguments.dry_run:
        plan = checked_stage(spec, options, arguments.seeds, suite)
        if is_first_process():
            print(plan)
        return
    done = finish_stage(spec, options, arguments.seeds, suite)
    if done is not None:
        output = arguments.output
        print(f"\n{format_stage(done)}\n\nresults  {output / RESULTS_FILE}\nreport   {output / REPORT_FILE}")
