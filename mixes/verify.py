"""Check a built mix against its manifest: `python -m mixes.verify output/mixes/smoke --full`."""

import argparse
import sys
from collections.abc import Sequence

from mixes.command import FailedError, command, command_parser
from mixes.errors import MixError, SpecError
from mixes.manifest import FILE_NAME, Manifest, digest_of, load, mix_folder
from mixes.opening import local_mix
from mixes.progress import Progress
from mixes.verification import check_contents, check_files
from pages.figures import things

_EPILOG = """examples:
  python -m mixes.verify output/mixes/smoke             every file is there in its size, the ledger has the same counts
  python -m mixes.verify output/mixes/smoke --full      every byte: digests, documents, EOS, ids, cuts, sums

It needs OUTPUT/mixes/NAME and the files below OUTPUT/tokens that its manifest names, wherever they were copied to.

exit status: 0 sound, 1 a file or count differs, 2 there is no mix
"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when the mix is sound."""
    arguments = _parser().parse_args(argv)
    if not (mix_folder(arguments.mix) / FILE_NAME).is_file():
        raise SpecError(f"{arguments.mix}: found no {FILE_NAME}; give the folder of a built mix, OUTPUT/mixes/NAME")
    try:
        mix = load(arguments.mix)
    except MixError as error:
        raise FailedError(f"{error}\nnothing else was checked") from error
    total = _num_bytes(mix)
    with Progress("checked", "MB", total) as progress:
        try:
            (check_contents if arguments.full else check_files)(arguments.mix, progress.add)
        except MixError as error:
            raise FailedError(f"{error}\nchecked until then: {_of(progress.done, total)}") from error
    print(f"mix '{mix.name}' is sound: {_parts(mix)}, {_of(progress.done, total)}\n{_meaning(full=arguments.full)}")
    print(f"digest {digest_of(mix)}")
    return 0


def _num_bytes(mix: Manifest) -> int:
    """Return the bytes of the token files and of the files beside the manifest."""
    parts = sum(part.size for source in mix.sources for part in source.parts)
    return parts + sum(file.size for file in mix.files.values())


def _parts(mix: Manifest) -> str:
    num_parts = sum(len(source.parts) for source in mix.sources)
    return f"{things(num_parts, 'part')} and {things(len(mix.files), 'file')} beside the manifest"


def _of(done: int, total: int) -> str:
    return f"{done / 1e6:,.1f} of {total / 1e6:,.1f} MB"


def _meaning(*, full: bool) -> str:
    if full:
        return "every byte was read: digests, documents, EOS, ids, cuts and sums agree"
    return "files have their sizes and the ledger its counts; --full reads every byte"


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "mixes.verify",
        "Check that a built mix is what its manifest says, and name the first thing that is not.",
        _EPILOG,
    )
    parser.add_argument("mix", metavar="MIX", type=local_mix, help="folder of a built mix, OUTPUT/mixes/NAME")
    parser.add_argument("--full", action="store_true", help="read every byte, not only sizes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
