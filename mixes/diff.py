"""Say what two built mixes differ in: `python -m mixes.diff output/mixes/before output/mixes/after`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from mixes.command import command, command_parser
from mixes.comparing.comparison import compare_mixes
from mixes.comparing.telling import tell_comparison
from mixes.opening import local_mix

_EPILOG = """examples:
  python -m mixes.diff output/mixes/small output/mixes/large         two mixes of one output
  python -m mixes.diff before/mixes/smoke after/mixes/smoke --json   the same mix of two outputs

Mixes of one seed know a document by its text, others by its id.

exit status: 0 equal, 1 different, 2 the mixes cannot be compared
"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when the mixes are equal, 1 when they differ."""
    arguments = _parser().parse_args(argv)
    found = compare_mixes([arguments.first, arguments.second])
    if arguments.json:
        print(json.dumps(asdict(found), indent=1, ensure_ascii=False, default=str))
    else:
        print("\n".join(tell_comparison(found)))
    return 0 if found.equal else 1


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "mixes.diff",
        "Say what two built mixes differ in: settings, sources, documents, and what the ledgers count.",
        _EPILOG,
    )
    parser.add_argument("first", metavar="A", type=local_mix, help="folder of a built mix, OUTPUT/mixes/NAME")
    parser.add_argument("second", metavar="B", type=local_mix, help="folder of the other")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
