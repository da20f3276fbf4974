"""Forget documents, and prove it: `python -m pipelines.forget output --id ID`."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mixes.command import command, command_parser, working
from mixes.errors import MixError, SpecError
from mixes.progress import Progress
from pages.figures import things
from pipelines.build_mix import main as build_mix
from pipelines.forgetting.plan import ForgettingPlan, make_plan
from pipelines.forgetting.proof import digest_files, prove, size_of_files
from pipelines.forgetting.search import Names
from pipelines.forgetting.telling import tell_plan, tell_proof
from pipelines.forgetting.work import begin_work, end_work, read_work, resume_work
from pipelines.lock import hold_output
from pipelines.storage import is_remote

_EPILOG = """examples:
  python -m pipelines.forget output --id web-000017 --dry-run           what would be done
  python -m pipelines.forget output --id web-000017 --id 'web/0.jsonl.gz#12'
  python -m pipelines.forget output --ids requests.txt --with-cluster   one a line; what is alike to them too
  python -m pipelines.forget output                                     finish what was begun

A document is named by its id, by SHARD#ROW, or by the digest of its text that `pipelines.explain` tells. Documents of
the same text are forgotten with it. Every mix that had one is built again without it, from the same shards, and later
builds of this output leave it out. The shards are yours: take it out there too. A command that was stopped is finished
by giving it again.

exit status: 0 forgotten, 1 it could not be done or finished, 2 the request was wrong
"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when the documents are forgotten."""
    options = _parser().parse_args(argv)
    output = _output(options.output)
    names = _names(options)
    if not names.names and read_work(output) is None:
        raise SpecError(f"{output}: found neither --id nor --ids, and nothing here to finish; name documents")
    with working():
        if options.dry_run:
            _show(output, names, options)
            return 0
        _finish(output, options)
        if names.names:
            _begin(output, names, options)
            _finish(output, options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "pipelines.forget",
        "Remove documents from every file of an output, build its mixes again without them, and prove that nothing "
        "else changed.",
        _EPILOG,
    )
    parser.add_argument("output", help="what --output was of the builds: a folder on this machine")
    parser.add_argument("--id", action="append", default=[], help="a document; may be given several times")
    parser.add_argument("--ids", metavar="FILE", type=Path, help="a file that names one document a line")
    parser.add_argument("--source", help="the only source whose documents are meant (default: all)")
    parser.add_argument("--with-cluster", action="store_true", help="forget what a mix found alike to them too")
    parser.add_argument("--data", default="data", help="data root of the builds (default: ./data)")
    parser.add_argument("--workers", default="1", help="processes that build (default: 1, in this process)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done and change nothing")
    return parser


def _output(name: str) -> Path:
    if is_remote(name):
        raise SpecError(f"{name}: found a bucket, wanted a folder on this machine: copy it here, forget, copy it back")
    output = Path(name)
    if not any((output / folder).is_dir() for folder in ("mixes", "measures", "tokens")):
        raise SpecError(f"{name}: found nothing that was built here; give what --output was of a build")
    return output


def _names(options: argparse.Namespace) -> Names:
    names = set(options.id)
    if options.ids is not None:
        try:
            names |= set(options.ids.read_text("utf-8").split("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"{options.ids}: cannot be read as lines of UTF-8: {error}") from error
    return Names(frozenset(names - {""}), options.source)


def _plan(output: Path, names: Names, options: argparse.Namespace) -> ForgettingPlan | None:
    plan = make_plan(output, names, options.data, with_cluster=options.with_cluster)
    lines = ["all of them are forgotten already"] if plan is None else tell_plan(output, plan)
    print("\n".join(lines), flush=True)
    return plan


def _show(output: Path, names: Names, options: argparse.Namespace) -> None:
    work = read_work(output)
    if work is not None:
        begun = things(work.documents, "document")
        print(f"forgetting {begun} was begun and not finished; this command without --dry-run finishes that first")
    if names.names:
        _plan(output, names, options)


def _begin(output: Path, names: Names, options: argparse.Namespace) -> None:
    """Put documents on the list, and remove the caches that hold them."""
    with hold_output(output):
        plan = _plan(output, names, options)
        if plan is not None:
            with Progress("digested", "MB", size_of_files(output)) as progress:
                before = digest_files(output, progress.add)
            begin_work(output, plan.work(output, before))


def _finish(output: Path, options: argparse.Namespace) -> None:
    """Do what is left to do of a forgetting, if one is under way.

    Raises:
        MixError: A mix could not be built again, or still holds what is forgotten.
    """
    with hold_output(output):
        work = resume_work(output)
    if work is None:
        return
    for name, manifest in work.mixes.items():
        file = output / "mixes" / name / "manifest.json"
        if file.is_file() and file.read_text("utf-8") == manifest:
            _build_again(output, name, options)
    with hold_output(output):
        with Progress("digested", "MB", size_of_files(output)) as progress:
            proof, place = prove(output, work, progress.add)
        end_work(output)
    print("\n".join(tell_proof(proof, place)))


def _build_again(output: Path, name: str, options: argparse.Namespace) -> None:
    mix = output / "mixes" / name
    print(f"building mix '{name}' again", flush=True)
    with tempfile.TemporaryDirectory(prefix="gristmill-forget-") as folder:
        spec = Path(folder, f"{name}.yaml")
        spec.write_bytes((mix / "spec.yaml").read_bytes())
        status = build_mix([str(spec), "--data", options.data, "--output", str(output), "--workers", options.workers])
    if status != 0:
        raise MixError(
            f"mix '{name}': was not built without what is forgotten, and holds it until it is; mend what was said "
            f"above, or build it with a spec of fewer tokens, or remove {mix}; then give this command again"
        )


if __name__ == "__main__":
    sys.exit(main())
