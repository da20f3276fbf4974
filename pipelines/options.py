"""The command line of a build: where and how to run; what shapes the result stands in the spec."""

import argparse
import importlib.metadata
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filters.duplicates.components import NUM_ROUNDS
from mixes.errors import SpecError
from mixes.typed_yaml.binding import nearest

if TYPE_CHECKING:  # slow to import: a build that finds its pool needs none of it
    from apache_beam.options.pipeline_options import PipelineOptions

_LOCAL_RUNNERS = ("", "DirectRunner", "FnApiRunner")
_HELP = "see --help for gristmill's flags"
_EPILOG = """examples:
  python -m pipelines.build_mix mixes/smoke.yaml
  python -m pipelines.build_mix mixes/smoke.yaml --dry-run
  python -m pipelines.build_mix mixes/smoke.yaml --sample 0.2
  python -m pipelines.build_mix mixes/smoke.yaml --data data --output output --workers 2
  python -m pipelines.build_mix mixes/smoke.yaml --runner=DataflowRunner --output=gs://BUCKET/output \\
      --data=gs://BUCKET/data --project=PROJECT --region=us-central1 --temp_location=gs://BUCKET/tmp

Running the same command again after an interruption does only what is missing. Any flag of Beam's own is
passed on to the runner; a flag that neither knows is refused.

exit status: 0 built, 1 the build failed, 2 the request was wrong
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """The command line, checked."""

    spec: str
    data: str
    output: str
    workers: int
    rounds: int
    dry_run: bool
    sample: float | None  # of each source's documents, to be tried in a dry run; None for none
    core_hour_price: float | None
    runner: str  # "" for this machine
    beam_arguments: tuple[str, ...]

    @property
    def is_local(self) -> bool:
        """Return True when the build runs on this machine, in this process or its children."""
        return self.runner == ""

    @property
    def num_workers(self) -> int:
        """Return among how many processes the work is divided: as `--workers` or Beam's flags say, else 1."""
        if self.is_local:
            return self.workers
        flags = self.beam.get_all_options()
        return int(flags.get("max_num_workers") or flags.get("num_workers") or 1)

    @property
    def beam(self) -> "PipelineOptions":
        """Return the flags that go to the runner."""
        from apache_beam.options.pipeline_options import PipelineOptions

        return PipelineOptions(list(self.beam_arguments))

    @property
    def is_beam_dry_run(self) -> bool:
        """Return True when Beam builds the job and does not submit it (`--dry_run=True`)."""
        return not self.is_local and bool(self.beam.get_all_options().get("dry_run"))


def parse_options(argv: Sequence[str] | None = None) -> BuildOptions:
    """Return the options of a command line.

    Raises:
        SpecError: A flag is unknown to us and to Beam, or flags contradict each other.
        SystemExit: argparse refuses the line, with status 2, or prints its help.
    """
    known, rest = _parser().parse_known_args(argv)
    if known.output.startswith(("http://", "https://", "hf://")):
        raise SpecError(f"--output {known.output}: is read, not written; wanted a folder, gs:// or s3://")
    runner = "" if known.runner in _LOCAL_RUNNERS else known.runner
    if runner and known.workers != 1:
        raise SpecError(
            f"--workers {known.workers}: is for this machine; wanted {runner}'s own flag, such as --num_workers"
        )
    options = BuildOptions(
        spec=known.spec,
        data=known.data,
        output=known.output,
        workers=known.workers,
        rounds=known.rounds,
        dry_run=known.dry_run or known.sample is not None,
        sample=known.sample,
        core_hour_price=known.core_hour_price,
        runner=runner,
        beam_arguments=(*rest, *_runner_arguments(runner, known.workers, rest)),
    )
    if rest:
        _check_flags(rest)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.build_mix",
        description="Build the mix that a spec describes: read, filter, deduplicate, tokenize, cut to the budget.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("spec", help="the mix spec, a YAML file such as mixes/smoke.yaml")
    parser.add_argument(
        "--data", default="data", help="data root: what {data} stands for in the spec (default: ./data)"
    )
    parser.add_argument("--output", default="output", help="folder or bucket for everything built (default: ./output)")
    parser.add_argument(
        "--workers", type=_positive, default=1, help="processes on this machine (default: 1, in this process)"
    )
    parser.add_argument(
        "--rounds",
        type=_positive,
        default=NUM_ROUNDS,
        help="rounds in which clusters of duplicates are connected where they do not fit in one place; a build that "
        f"needs more says so and stops (default: {NUM_ROUNDS})",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop; no text is read")
    parser.add_argument(
        "--sample",
        type=_share,
        metavar="SHARE",
        help="dry run, with the stations tried on this share of each source's documents, from a few of its shards",
    )
    parser.add_argument(
        "--core-hour-price",
        type=_price,
        metavar="PRICE",
        help="what a core costs for an hour, in any currency, for the plan; without it no cost is shown",
    )
    parser.add_argument("--runner", default="", help="a Beam runner, such as DataflowRunner (default: this machine)")
    version = importlib.metadata.version("gristmill") if _is_installed() else "from a checkout"
    parser.add_argument("--version", action="version", version=f"gristmill {version}")
    return parser


def _is_installed() -> bool:
    try:
        importlib.metadata.version("gristmill")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {number}, wanted at least 1")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"found {text}, wanted a share in (0, 1]")
    return number


def _price(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"found {text}, wanted a number of at least 0")
    return number


def _runner_arguments(runner: str, workers: int, rest: Sequence[str]) -> list[str]:
    """Return Beam's arguments for a runner.

    Locally that is the Fn API runner by name: Beam's own `DirectRunner` first tries to download another engine. Types
    are checked where the graph, which is the same, is laid for another runner: that takes half of laying it.
    A remote runner gets this package to install on its workers, unless a container or a package is given.
    """
    if not runner:
        return ["--runner=FnApiRunner", f"--direct_num_workers={workers}", "--no_pipeline_type_check"]
    staged = ("--setup_file", "--extra_package", "--sdk_container_image")
    project = Path(__file__).parent.parent / "pyproject.toml"
    if any(argument.startswith(staged) for argument in rest) or not project.exists():
        return [f"--runner={runner}"]
    return [f"--runner={runner}", f"--setup_file={project}"]


def _check_flags(rest: Sequence[str]) -> None:
    """Refuse what neither our parser knows nor any of Beam's options, of which runners bring their own."""
    from apache_beam.options.pipeline_options import PipelineOptions

    parsers: list[argparse.ArgumentParser] = []
    PipelineOptions([]).get_all_options(add_extra_args_fn=parsers.append)
    (beam,) = parsers
    beam.exit_on_error = False
    try:
        unknown = beam.parse_known_args(list(rest))[1]
    except argparse.ArgumentError as error:
        raise SpecError(f"command line: {error}") from error
    ours, others = (set(re.findall(r"--\w[\w-]*", parser.format_usage())) for parser in (_parser(), beam))
    known = ours | {name for name in others if name.replace("_", "-") not in ours}
    problems = []
    for place, argument in enumerate(unknown):
        if argument.startswith("-"):
            name = argument.split("=")[0]
            problems.append(f"command line: neither gristmill nor Beam knows {name}{nearest(name, known, _HELP)}")
        elif place == 0 or not unknown[place - 1].startswith("-"):  # else the value of what is unknown
            problems.append(f"command line: found '{argument}' beside the spec; wanted one spec, and flags")
    if problems:
        raise SpecError("\n".join(problems))
