"""Export a built mix for other projects' readers: `python -m mixes.export output/mixes/smoke --to olmo-core OUT`."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mixes.command import command, command_parser, working
from mixes.errors import SpecError
from mixes.exporting.datatrove import export_datatrove
from mixes.exporting.hugging_face import export_hugging_face
from mixes.exporting.megatron import export_megatron
from mixes.exporting.notes import held_out_tokens
from mixes.exporting.olmo_core import export_olmo_core
from mixes.exporting.target import Target, create_target
from mixes.manifest import Manifest, mix_folder, mix_root
from mixes.opening import local_mix
from mixes.progress import Progress
from mixes.spec.mix import MixSpec
from mixes.token_bytes import TokenBytes
from mixes.tokenizer_file import read_tokenizer_json
from mixes.typed_yaml.binding import bind_file
from mixes.verification import check_files

_OF_TOKENS: Mapping[str, Callable[[Target], None]] = {
    "olmo-core": export_olmo_core,
    "megatron": export_megatron,
    "datatrove": export_datatrove,
    "nanotron": export_datatrove,
}
_OF_TEXT = "hf"
_EPILOG = """examples:
  python -m mixes.export output/mixes/smoke --to olmo-core exports/olmo-core
  python -m mixes.export output/mixes/smoke --to megatron exports/megatron
  python -m mixes.export output/mixes/smoke --to datatrove exports/datatrove      nanotron reads the same
  python -m mixes.export output/mixes/smoke --to hf exports/hf --tokenizer data/tokenizer/dolma2.json.gz

exit status: 0 exported, 1 the export failed, 2 the request was wrong
"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when exported."""
    arguments = _parser().parse_args(argv)
    if (arguments.tokenizer is not None) != (arguments.to == _OF_TEXT):
        raise SpecError(
            f"command line: --to {arguments.to}: found {'a' if arguments.tokenizer else 'no'} --tokenizer; "
            f"it is needed for --to {_OF_TEXT}, which makes text of tokens, and for nothing else"
        )
    mix = check_files(arguments.mix)
    write = _writer(arguments, mix)
    root = mix_root(arguments.mix)
    with (
        working(),
        Progress("exported", "M tokens", mix.tokens + held_out_tokens(mix)) as progress,
        create_target(mix, root, arguments.output, progress) as target,
    ):
        write(target)
    held_out = held_out_tokens(mix)
    validation = f", {held_out:,} tokens for validation" if held_out else ""
    print(f"mix '{mix.name}' for {arguments.to}: {mix.tokens:,} tokens of {mix.documents:,} documents{validation}")
    written, linked = target.written_bytes / 1e6, target.linked_bytes / 1e6
    print(f"{arguments.output}: {written:,.1f} MB written, {linked:,.1f} MB shared with the mix")
    return 0


def _writer(arguments: argparse.Namespace, mix: Manifest) -> Callable[[Target], None]:
    """Return what writes the format that is asked for, all that it needs loaded."""
    if arguments.to != _OF_TEXT:
        return _OF_TOKENS[arguments.to]
    definition = read_tokenizer_json(arguments.tokenizer, mix.tokenizer.digest)
    decoder = TokenBytes(definition, mix.tokenizer.eos_id, str(arguments.tokenizer))
    spec = bind_file(MixSpec, mix_folder(arguments.mix) / "spec.yaml").value
    return lambda target: export_hugging_face(target, decoder, spec)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "mixes.export",
        "Write a built mix in the format of another project: same documents, same tokens, same epochs.",
        _EPILOG,
    )
    parser.add_argument("mix", metavar="MIX", type=local_mix, help="folder of a built mix, OUTPUT/mixes/NAME")
    parser.add_argument("--to", metavar="FORMAT", required=True, choices=(*_OF_TOKENS, _OF_TEXT), help="; ".join(
        (", ".join(_OF_TOKENS), f"or {_OF_TEXT}: parquet with texts")))  # fmt: skip
    parser.add_argument("output", metavar="OUT", type=Path, help="folder to make; it must not exist")
    parser.add_argument("--tokenizer", metavar="FILE", type=Path, help="tokenizer.json[.gz|.zst] of the mix, for hf")
    return parser


if __name__ == "__main__":
    sys.exit(main())
