"""What `anneal` and `microanneal` share as commands: arguments and what is printed."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mixes.opening import MixPlace, open_mix
from mixes.typed_yaml.binding import bind_file
from trainer.arguments import add_run_arguments, run_options
from trainer.evaluation.arguments import add_suite_arguments, suite_spec
from trainer.spec import TrainSpec


def add_stage_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both take beside mixes and seeds."""
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
    add_suite_arguments(parser)
    add_run_arguments(parser)


def do_stage(arguments: argparse.Namespace, mixes: Sequence[MixPlace], *, makes_soup: bool) -> None:
    """Do a stage and print its table.

    Args:
        arguments: those of `add_stage_arguments`, and `seeds`.
        mixes: the mix to anneal on; or, without a soup, a baseline and those to compare with it.
        makes_soup: anneal on one mix and make the soup, or compare mixes.

    Raises:
        GristmillError: the request was wrong.
        FailedError: a run failed.
        StoppedError: a signal came.
    """
    spec = bind_file(TrainSpec, arguments.spec).value

    from trainer.stages.annealing import Stage, anneal, microanneal
    from trainer.stages.page import REPORT_FILE, RESULTS_FILE

    stage = Stage(
        spec=spec,
        start_from=arguments.start_from,
        seeds=arguments.seeds,
        options=run_options(arguments, mixes),
        suite=suite_spec(arguments),
    )
    table = anneal(stage) if makes_soup else microanneal(stage)
    if table is not None:
        print(f"\n{_head(spec, arguments, mixes)}\n\n{table.format()}\n")
        print(f"results  {arguments.output / RESULTS_FILE}\nreport   {arguments.output / REPORT_FILE}")


def _head(spec: TrainSpec, arguments: argparse.Namespace, mixes: Sequence[MixPlace]) -> str:
    """Return what was done, as lines."""
    tokens = spec.num_steps * spec.tokens_per_step
    seeds = ", ".join(map(str, arguments.seeds))
    begun = f"from {arguments.start_from}: {spec.num_steps:,} steps, {tokens:,} tokens, data seeds {seeds}"
    seen = (
        f"mix {mix.name}: {mix.tokens:,} tokens, {tokens / max(1, mix.tokens):.3g} epochs"
        for mix in (open_mix(each).manifest for each in mixes)
    )
    return "\n".join((begun, *seen))
