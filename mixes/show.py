"""Show documents of a built mix: `python -m mixes.show output/mixes/smoke --random 3`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mixes.command import command, command_parser, working
from mixes.errors import GristmillError, MixError, SpecError
from mixes.files import publish_file
from mixes.manifest import Manifest, SourceEntry, load, mix_folder, mix_root
from mixes.opening import local_mix
from mixes.progress import Progress
from mixes.showing.documents import DocumentReader, ShownDocument
from mixes.showing.page import documents_page
from mixes.showing.places import Place, document_of_part, draw_documents, draw_tokens, find_documents
from mixes.showing.terminal import document_lines
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand
from mixes.token_bytes import TokenBytes
from mixes.tokenizer_file import read_tokenizer_json
from mixes.typed_yaml.binding import bind_file, nearest
from pages.terminal import printable

_EPILOG = """examples:
  python -m mixes.show output/mixes/smoke                               three documents, drawn at random
  python -m mixes.show output/mixes/smoke --random 20 --seed 7 --source web --html web.html
  python -m mixes.show output/mixes/smoke --random 20 --by tokens       long and often seen ones come more often
  python -m mixes.show output/mixes/smoke --id 'web/0.jsonl.gz#12' --tokens
  python -m mixes.show output/mixes/smoke --part tokens/web-1f/3a-00000.npy --document 0 --whole

exit status: 0 shown, 1 there is no such document or a file is damaged, 2 the request was wrong
"""
_DRAWN = 3


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when shown."""
    arguments = _parser().parse_args(argv)
    folder = mix_folder(Path(os.path.abspath(arguments.mix)))
    mix = load(arguments.mix)
    sources = _sources(mix, arguments.source)
    if (arguments.part is None) != (arguments.document is None):
        raise SpecError("command line: --part and --document belong together; give both")
    reader = _reader(arguments, mix, folder)
    with working():
        places = _places(arguments, mix_root(arguments.mix), sources)
        documents = [reader.read(place) for place in places]
        if arguments.html is not None:
            _write_page(arguments, mix, documents)
            return 0
    print(f"mix '{mix.name}', {printable(_chosen(arguments))}")
    for document in documents:
        print("", *document_lines(document, with_tokens=arguments.tokens, whole=arguments.whole), sep="\n")
    return 0


def _write_page(arguments: argparse.Namespace, mix: Manifest, documents: Sequence[ShownDocument]) -> None:
    chosen = _chosen(arguments)
    page = documents_page(mix, chosen, documents, with_tokens=arguments.tokens, whole=arguments.whole)
    publish_file(str(arguments.html), lambda stream: stream.write(page.encode()))
    print(f"{arguments.html}: {len(documents):,} documents, {printable(chosen)}")


def _sources(mix: Manifest, name: str | None) -> list[SourceEntry]:
    """Return what a name means: one split, all splits of a source, or everything where none is given."""
    found = [each for each in mix.sources if name in (None, each.name, each.source)]
    if not found:
        names = [each.name for each in mix.sources]
        raise SpecError(f"mix '{mix.name}': found no source '{name}'{nearest(name or '', names)}")
    return found


def _reader(arguments: argparse.Namespace, mix: Manifest, folder: Path) -> DocumentReader:
    """Return what reads documents, with the tokenizer unless tokens are shown and there is none to be had."""
    spec = bind_file(MixSpec, folder / "spec.yaml").value
    path = arguments.tokenizer or Path(expand(spec.tokenizer.file, arguments.data))
    decoder = None
    try:
        definition = read_tokenizer_json(path, mix.tokenizer.digest)
        decoder = TokenBytes(definition, mix.tokenizer.eos_id, str(path))
    except GristmillError as error:
        if not arguments.tokens:
            raise SpecError(f"{error}\ngive it with --tokenizer, or ids alone with --tokens") from error
        print(f"{error}\nids alone are shown", file=sys.stderr)
    return DocumentReader(mix, folder, spec, decoder)


def _places(arguments: argparse.Namespace, root: Path, sources: Sequence[SourceEntry]) -> list[Place]:
    if arguments.part is not None:
        return [document_of_part(sources, arguments.part, arguments.document)]
    if arguments.id is None:
        if arguments.by == "tokens":
            return draw_tokens(root, sources, arguments.random, arguments.seed)
        return draw_documents(sources, arguments.random, arguments.seed)
    with Progress("searched", "M documents", sum(source.total("documents") for source in sources)) as progress:
        found = list(find_documents(root, sources, arguments.id, progress.add))
    if not found:
        raise MixError(
            f"{arguments.mix}: found no document '{printable(arguments.id)}' in the parts of the mix; what became of "
            "it `python -m pipelines.explain` says"
        )
    return found


def _chosen(arguments: argparse.Namespace) -> str:
    """Return how documents were chosen, in words."""
    of_source = f" of source {arguments.source}" if arguments.source else ""
    if arguments.part is not None:
        return f"document {arguments.document:,} of part {arguments.part}"
    if arguments.id is not None:
        return f"id {arguments.id}{of_source}"
    likely = "as likely as they have tokens, every epoch counted" if arguments.by == "tokens" else "equally likely"
    return f"drawn at random{of_source}, seed {arguments.seed}; documents that the mix sees are {likely}"


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "mixes.show",
        "Show documents of a built mix: text or tokens, where they come from, how often the mix sees them.",
        _EPILOG,
    )
    parser.add_argument("mix", metavar="MIX", type=local_mix, help="folder of a built mix, OUTPUT/mixes/NAME")
    parser.add_argument("--source", help="a source, or a split of one (default: all)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--random", metavar="N", type=_positive, default=_DRAWN, help="how many to draw (default: 3)")
    which.add_argument("--id", help="a document's id, or SHARD#ROW; what the mix never sees too")
    which.add_argument("--part", metavar="FILE", help="a part, named as in the manifest, with --document")
    parser.add_argument("--document", metavar="N", type=int, help="number of a document in --part, from 0")
    parser.add_argument("--seed", type=_seed, default=0, help="seed of the draws (default: 0)")
    parser.add_argument(
        "--by", choices=("documents", "tokens"), default="documents", help="what has the same chance to be drawn"
    )
    parser.add_argument("--tokens", action="store_true", help="show ids and what each stands for")
    parser.add_argument("--whole", action="store_true", help="show long documents to their ends")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write one HTML page instead")
    parser.add_argument("--data", default="data", help="what {data} stands for in the mix's spec (default: ./data)")
    parser.add_argument("--tokenizer", metavar="FILE", type=Path, help="the tokenizer, where the spec's is not at hand")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {number}, wanted at least 1")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**64:
        raise argparse.ArgumentTypeError(f"found {number}, wanted a number in [0, 2**64)")
    return number


if __name__ == "__main__":
    sys.exit(main())
