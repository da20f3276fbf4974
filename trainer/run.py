"""Train on a built mix: `python trainer/run.py SPEC --mix MIX --output RUN`, alone or under torchrun."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.opening import mix_place
from mixes.typed_yaml.binding import bind_file
from trainer.arguments import add_run_arguments, run_options
from trainer.command import command, command_parser, is_first_process
from trainer.spec import TrainSpec

_EPILOG = """examples:
  python trainer/run.py trainer/configs/smoke.yaml --mix output/mixes/smoke --output runs/smoke
  python trainer/run.py trainer/configs/190m.yaml --mix output/mixes/smoke --output runs/190m --dry-run
  torchrun --nproc-per-node 8 trainer/run.py trainer/configs/olmo2_1b_stage1.yaml \\
      --mix output/mixes/stage1 --output runs/1b --compile
  torchrun --nproc-per-node 8 trainer/run.py trainer/configs/olmo2_1b_stage2.yaml \\
      --mix output/mixes/stage2 --output runs/1b-anneal --from runs/1b/step-1907349 --compile
  torchrun --nproc-per-node 8 trainer/run.py trainer/configs/olmoe_1b_7b.yaml \\
      --mix output/mixes/stage1 --output runs/olmoe --compile --recompute

The same command again goes on from the newest sound checkpoint in --output.

exit status: 0 trained to the last step, 1 the run failed, 2 the request was wrong,
             143 or 130 stopped by SIGTERM or SIGINT with a checkpoint saved
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Train, or print the plan."""
    arguments = _parser().parse_args(argv)
    options = run_options(arguments, arguments.mixes)
    spec = bind_file(TrainSpec, arguments.spec).value
    from trainer.loop import open_run
    from trainer.plan import checked_plan

    if arguments.dry_run:
        plan = checked_plan(spec, options, int(os.environ.get("WORLD_SIZE", "1")))
        if is_first_process():
            print(plan)
        return
    with open_run(spec, options) as run:
        run.finish()
    if is_first_process():
        print(f"checkpoint  {options.output / f'step-{spec.num_steps}'}")
        print(f"metrics     {options.output / 'metrics.jsonl'}")
        print(f"report      {options.output / 'report.html'}")


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "run", "Train an OLMo 2 or OLMoE model on a built mix. What shapes the result stands in SPEC.", _EPILOG
    )
    parser.add_argument("spec", metavar="SPEC", type=Path, help="training spec, a YAML file as in trainer/configs")
    parser.add_argument(
        "--mix",
        metavar="MIX",
        dest="mixes",
        type=mix_place,
        action="append",
        required=True,
        help="a built mix, OUTPUT/mixes/NAME, here or in a store (s3://, gs://, https://); several where `data` of the "
        "spec names them",
    )
    parser.add_argument("--output", metavar="RUN", type=Path, required=True, help="folder for checkpoints and metrics")
    parser.add_argument(
        "--from",
        metavar="CHECKPOINT",
        dest="start_from",
        type=Path,
        help="begin at step 0 from the weights and optimizer of another run's checkpoint, or from the weights of a "
        "published model, a Hugging Face folder of safetensors",
    )
    parser.add_argument("--fresh", action="store_true", help="remove checkpoints and metrics in RUN, begin at step 0")
    add_run_arguments(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
