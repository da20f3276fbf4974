"""Build a mix from raw shards: `python -m pipelines.build_mix mixes/smoke.yaml`."""

import contextlib
import logging
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mixes.command import command, working
from mixes.errors import DataError, GristmillError, SpecError
from mixes.progress import telling_after
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand
from mixes.typed_yaml.binding import Bound
from pipelines.encoding.definition import read_tokenizer
from pipelines.encoding.proof import proofs
from pipelines.estimating.budgeting import lasting_problems
from pipelines.forgetting.work import begin_build
from pipelines.forgotten import read_forgotten
from pipelines.garbage import spare_what_is_loaded
from pipelines.lock import SPILL_PREFIX, hold_output
from pipelines.options import BuildOptions, parse_options
from pipelines.plan import Plan, make_plan
from pipelines.pool import load_pool, load_tokenizer
from pipelines.progress import ProgressDisplay
from pipelines.request import make_build_settings, read_spec
from pipelines.settings import BuildSettings
from pipelines.stations.assemble import assemble
from pipelines.stations.results import SourceResults
from pipelines.storage import is_remote, join, list_sizes
from pipelines.summary import tell_built
from pipelines.tools import try_tools

if TYPE_CHECKING:  # slow to import: a build that finds its pool needs none of it
    import apache_beam as beam

log = logging.getLogger(__name__)

_WORKER_ERROR = re.compile(r".*mixes\.errors\.\w+: (?P<message>.*?)(?: \[while running '[^']*'\])*\s*\Z", re.DOTALL)
_SILENT_SECONDS = 3.0
_GETTING_READY = (
    "getting ready: listing files, loading models and, in the first build on a machine, compiling, which takes about a "
    "minute"
)
_DOUBT = 4  # by how much a listing may be wrong: text that compresses twice as well, of tokens half as long
_WHILE_RUNNING = re.compile(r"( \[while running '[^']*'\])+\s*\Z")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when built."""
    started = time.monotonic()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # what is tried again is in the error, should all tries fail
    spare_what_is_loaded()
    options = parse_options(argv)
    if options.is_local:  # what goes wrong here comes back as an exception; Beam's log would print it twice more
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    with telling_after(_SILENT_SECONDS, _GETTING_READY):
        bound = read_spec(options.spec, options.data)
        plan = make_plan(bound, options.data)
        pool = None if options.dry_run or options.is_beam_dry_run else _find_pool(options, plan)
        settings = pool[0] if pool else _read_list(options, make_build_settings(options, plan))
        if pool is None:
            _try_tools(bound, settings)
            _warn_of_budget(options, plan)
    pipeline = None if options.dry_run or pool else _make_pipeline(options, plan.spec)
    with working(), _as_raised():
        if options.dry_run:
            print(_describe_plan(options, bound, plan, settings))
            return 0
        if pool is not None:
            _assemble(options, plan, *pool)
        else:
            assert pipeline is not None  # made above, where a wrong flag is told from a failed build
            _build(options, pipeline, plan, settings, started)
    if options.is_beam_dry_run:
        print(f"job for {options.runner} built, not submitted (--dry_run=True)")
    else:
        print("\n".join(tell_built(settings)))
    return 0


@contextlib.contextmanager
def _as_raised() -> Iterator[None]:
    """Let errors that went through Beam be what they were: it adds the step, and those of processes arrive as text."""
    try:
        yield
    except GristmillError as error:
        raise DataError(_WHILE_RUNNING.sub("", str(error))) from error
    except RuntimeError as error:
        found = _WORKER_ERROR.match(str(error))
        if found is None:
            raise
        raise DataError(found["message"]) from error


def _read_list(options: BuildOptions, settings: BuildSettings) -> BuildSettings:
    """Return settings that know what is forgotten, where anything is built."""
    if options.dry_run or options.is_beam_dry_run:
        return settings
    return replace(settings, forgotten=read_forgotten(options.output))


def _find_pool(options: BuildOptions, plan: Plan) -> tuple[BuildSettings, list[SourceResults]] | None:
    """Return the settings of a build and what an earlier one left of which it only has to be cut, if one did."""
    if not list_sizes(join(options.output, "pools")):
        return None
    file = read_tokenizer(expand(plan.spec.tokenizer.file, options.data))
    tokenizer = load_tokenizer(options.output, plan.spec, file.digest)
    if tokenizer is None:
        return None
    settings = _read_list(options, make_build_settings(options, plan, tokenizer))
    sources = load_pool(settings, plan.units)
    return None if sources is None else (settings, sources)


def _try_tools(bound: Bound[MixSpec], settings: BuildSettings) -> None:
    """Refuse lists, models and measures that would fail on every worker, with all that is wrong."""
    problems = try_tools(settings)
    if problems:
        names = [source.name for source in settings.sources]
        raise bound.errors([(("sources", index), f"source '{names[index]}': {text}") for index, text in problems])


def _describe_plan(options: BuildOptions, bound: Bound[MixSpec], plan: Plan, settings: BuildSettings) -> str:
    """Return the plan for a terminal, with what a sample shows where one is asked for."""
    from pipelines.estimating.forecast import make_forecast  # and with it Beam
    from pipelines.estimating.tables import format_plan
    from pipelines.estimating.trial import Trial, try_sources

    trial: Trial | None = None
    if options.sample is not None:

        def prepare(small: Plan, output: str) -> BuildSettings:
            return make_build_settings(replace(options, output=output), small)

        with tempfile.TemporaryDirectory(prefix="gristmill-sample-") as folder:
            trial = try_sources(bound, plan, options.data, options.sample, folder, prepare)
    return format_plan(
        plan,
        make_forecast(plan, settings, trial),
        trial,
        num_workers=options.num_workers,
        core_hour_price=options.core_hour_price,
    )


def _warn_of_budget(options: BuildOptions, plan: Plan) -> None:
    """Say before hours are spent that the budget will not come out, where the listing leaves hardly a doubt."""
    if options.dry_run:
        return  # which says more
    problems = lasting_problems(plan.spec, [source.sampled_tokens for source in plan.sources], _DOUBT)
    if problems:
        log.warning(
            "the budget will hardly come out, as estimated from stored bytes, even if the shards held %d times as many "
            "tokens, or as few:\n  %s\nthe build goes on; what it makes serves the spec once it is mended",
            _DOUBT,
            "\n  ".join(problems),
        )


def _make_pipeline(options: BuildOptions, spec: MixSpec) -> "beam.Pipeline":
    """Return a pipeline without steps, for the runner that is wanted; on this machine its workers wait by now."""
    import apache_beam as beam

    from pipelines.workers import WorkerProcesses, start_method

    flags = options.beam
    try:
        runner = WorkerProcesses(options.workers, flags, start_method(spec)) if options.workers > 1 else None
        pipeline = beam.Pipeline(runner, options=flags)
    except (ValueError, ImportError) as error:  # Beam's own checks of its flags, and runners whose extra is missing
        raise SpecError(f"command line: {options.runner or 'this machine'}: {error}") from error
    shutil.rmtree(pipeline.local_tempdir)  # for transforms in other languages; a build that is killed would leave it
    return pipeline


def _build(
    options: BuildOptions, pipeline: "beam.Pipeline", plan: Plan, settings: BuildSettings, started: float
) -> None:
    """Go the whole road; the command began at `started`, by the monotonic clock."""
    with contextlib.ExitStack() as stack:
        if not options.is_beam_dry_run:
            stack.enter_context(_hold(options, settings))
        if options.is_local:
            near = None if is_remote(options.output) else options.output  # where there is room for what is built
            held = tempfile.TemporaryDirectory(prefix=SPILL_PREFIX, dir=near, ignore_cleanup_errors=True)
            spill = Path(stack.enter_context(held))
            progress = spill / "progress"
            progress.mkdir()
            settings = replace(settings, progress_folder=str(progress), spill_folder=str(spill), proofs=proofs())
            stack.enter_context(ProgressDisplay(str(progress), len(plan.units), started=started))
        _run(options, pipeline, plan, settings)


def _assemble(options: BuildOptions, plan: Plan, settings: BuildSettings, pool: Sequence[SourceResults]) -> None:
    """Cut and publish what an earlier build made, without reading a shard."""
    with _hold(options, settings):
        assemble(settings, pool, plan.sources)


@contextlib.contextmanager
def _hold(options: BuildOptions, settings: BuildSettings) -> Iterator[None]:
    """Hold an output on this machine, once nothing in it contradicts what is forgotten."""
    if is_remote(options.output):
        yield
        return
    with hold_output(Path(options.output)):
        begin_build(Path(options.output), settings.forgotten)
        yield


def _run(options: BuildOptions, pipeline: "beam.Pipeline", plan: Plan, settings: BuildSettings) -> None:
    import apache_beam as beam

    from pipelines.graph import BuildMix

    units = pipeline | "Units" >> beam.Create(list(plan.units)) | "SpreadUnits" >> beam.Reshuffle()
    units | "BuildMix" >> BuildMix(settings, plan.sources)
    result = pipeline.run()
    if not options.is_beam_dry_run:
        result.wait_until_finish()


if __name__ == "__main__":
    sys.exit(main())
