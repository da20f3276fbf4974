"""Make the soup of several checkpoints: `python trainer/soup.py CHECKPOINT... --output SOUP`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.command import FailedError
from mixes.errors import MixError
from trainer.command import command, command_parser

_EPILOG = """examples:
  python trainer/soup.py runs/anneal/seed-42/step-30 runs/anneal/seed-666/step-30 --output runs/anneal/soup
  python trainer/soup.py runs/13b-100b-*/step-11931 runs/13b-300b-2662/step-35773 --any-mix --output runs/13b-soup

exit status: 0 written, 1 it could not be written, 2 the request was wrong, 130 stopped by Ctrl-C
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Write the soup."""
    parser = command_parser(
        "soup",
        "Write the plain mean of the weights of checkpoints that differ in the order of their data. "
        "It is a checkpoint without optimizer: for export, evaluate, generate and --from.",
        _EPILOG,
    )
    parser.add_argument("checkpoints", metavar="CHECKPOINT", type=Path, nargs="+", help="folders, RUN/step-N")
    parser.add_argument("--output", metavar="SOUP", type=Path, required=True, help="folder to write; must not exist")
    parser.add_argument(
        "--any-mix", action="store_true", help="let mixes and lengths differ too, as in the soup of OLMo 2 13B"
    )
    arguments = parser.parse_args(argv)
    from trainer.checkpoint import verified
    from trainer.stages.souping import write_soup

    ingredients = []
    for folder in arguments.checkpoints:
        ingredients.append(verified(folder))
        print(f"verified    {folder}")
    try:
        soup = write_soup(ingredients, arguments.output, any_mix=arguments.any_mix)
    except MixError as error:
        raise FailedError(str(error)) from error
    print(f"checkpoint  {soup.folder}: the mean of {len(ingredients)}, digest {soup.digest}")


if __name__ == "__main__":
    sys.exit(main())
