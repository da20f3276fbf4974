"""Anneal in several data orders, and soup: `python trainer/anneal.py SPEC --from CHECKPOINT --mix MIX --seeds N...`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.opening import mix_place
from trainer.command import command, command_parser
from trainer.stage_command import add_stage_arguments, do_stage

_EPILOG = """examples:
  python trainer/anneal.py trainer/configs/smoke_anneal.yaml --from runs/smoke/step-60 --mix output/mixes/smoke \\
      --seeds 42 42069 --output runs/anneal
  torchrun --nproc-per-node 8 trainer/anneal.py trainer/configs/olmo2_1b_stage2.yaml --from runs/1b/step-1907349 \\
      --mix output/mixes/stage2 --seeds 42 42069 666 --output runs/1b-anneal --compile \\
      --tasks eval/*.jsonl.gz --tokenizer data/tokenizer/dolma2.json.gz

It leaves RUN/seed-N for each seed, RUN/soup, and all figures in RUN/results.json. The same command again goes on
where it was.

exit status: 0 done, 1 a run failed, 2 the request was wrong, 143 or 130 stopped by SIGTERM or SIGINT
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Anneal, soup, evaluate and print the table."""
    parser = command_parser(
        "anneal",
        "Anneal a checkpoint in several data orders, make the soup of the results, evaluate all of them. "
        "docs/stages.md says what is done and what the figures are.",
        _EPILOG,
    )
    add_stage_arguments(parser)
    parser.add_argument("--mix", metavar="MIX", type=mix_place, required=True, help="a built mix, OUTPUT/mixes/NAME")
    arguments = parser.parse_args(argv)
    do_stage(arguments, [arguments.mix])


if __name__ == "__main__":
    sys.exit(main())
