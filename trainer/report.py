"""Draw the report of a training run or a stage anew: `python trainer/report.py RUN`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from trainer.command import command, command_parser

_EPILOG = """example:
  python trainer/report.py runs/smoke

A run writes the same report at each checkpoint and at its end, a stage (anneal, microanneal) when it is done.

exit status: 0 written, 2 there is no such run, 130 stopped by Ctrl-C
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Write the report."""
    parser = command_parser(
        "report",
        "Write RUN/report.html: curves, skipped steps and settings of a run, or what the models of a stage reached.",
        _EPILOG,
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="folder of a training run or a stage")
    arguments = parser.parse_args(argv)
    from trainer.stages import telling
    from trainer.watching import page

    is_stage = (arguments.run / telling.RESULTS_FILE).is_file()
    print((telling if is_stage else page).write_report(arguments.run))


if __name__ == "__main__":
    sys.exit(main())
