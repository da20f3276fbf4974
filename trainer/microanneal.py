"""Compare mixes by short anneals: `python trainer/microanneal.py SPEC --from CHECKPOINT --baseline A --mixes B...`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.opening import mix_place
from trainer.command import command, command_parser
from trainer.stage_command import add_stage_arguments, do_stage

_EPILOG = """example:
  python trainer/microanneal.py trainer/configs/smoke_anneal.yaml --from runs/smoke/step-60 \\
      --baseline output/mixes/web --mixes output/mixes/web-math output/mixes/web-code --seeds 42 666 \\
      --tasks data/eval/arc-easy.jsonl.gz --tokenizer data/tokenizer/dolma2.json.gz --output runs/sources

Every anneal has the same steps. What the baseline holds out is scored for all. It leaves RUN/<mix>/seed-N for each mix
and seed, and all figures in RUN/results.json. The same command again goes on where it was.

exit status: 0 done, 1 a run failed, 2 the request was wrong, 143 or 130 stopped by SIGTERM or SIGINT
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Anneal on each mix, evaluate and print the table."""
    parser = command_parser(
        "microanneal",
        "Anneal a checkpoint on a baseline and on candidate mixes, and say by how much they differ. "
        "docs/stages.md says what is done and what the figures are.",
        _EPILOG,
    )
    add_stage_arguments(parser)
    parser.add_argument("--baseline", metavar="MIX", type=mix_place, required=True, help="a built mix, such as web")
    parser.add_argument("--mixes", metavar="MIX", type=mix_place, nargs="+", required=True, help="compared with it")
    arguments = parser.parse_args(argv)
    do_stage(arguments, [arguments.baseline, *arguments.mixes])


if __name__ == "__main__":
    sys.exit(main())
