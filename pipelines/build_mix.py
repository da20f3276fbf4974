"""Build a mix from raw shards: `python -m pipelines.build_mix mixes/smoke.yaml`."""

import contextlib
import json
import logging
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from filters.contamination.group import MEASURES as EVALUATION_MEASURES
from filters.contamination.group import Evaluations
from filters.definitions import bounds, is_label
from filters.duplicates.candidates import BAND_RECORD
from filters.editors import known_editors
from filters.measures import known_measures
from filters.provenance.licences import spdx_identifier
from filters.rule_sets import known_rule_sets, variant_rule_set, variants_of
from mixes.errors import GristmillError, SpecError
from mixes.ledger import Ledger
from mixes.ledger import parse as parse_ledger
from mixes.manifest import Manifest, TokenizerEntry
from mixes.manifest import parse as parse_manifest
from mixes.spec.known_names import KnownNames, name_problems
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand
from mixes.typed_yaml.binding import Bound, bind_file
from pipelines.encoding.definition import read_tokenizer
from pipelines.encoding.encoder import TextEncoder
from pipelines.encoding.fim import sentinel_ids
from pipelines.encoding.proof import proofs
from pipelines.estimating.budgeting import lasting_problems
from pipelines.forgetting.work import begin_build
from pipelines.forgotten import read_forgotten
from pipelines.garbage import spare_what_is_loaded
from pipelines.listing import place_problems
from pipelines.lock import SPILL_PREFIX, hold_output
from pipelines.options import BuildOptions, parse_options
from pipelines.plan import Plan, format_bytes, make_plan, num_hash_ranges
from pipelines.pool import load_pool, load_tokenizer
from pipelines.progress import ProgressDisplay
from pipelines.settings import BuildSettings, declared_measures, make_settings
from pipelines.stations.assemble import assemble
from pipelines.stations.fingerprints import MATCH_RECORD
from pipelines.stations.results import SourceResults
from pipelines.storage import is_remote, join, list_sizes, read_bytes
from pipelines.tools import try_tools

if TYPE_CHECKING:  # slow to import: a build that finds its pool needs none of it
    import apache_beam as beam
log = logging.getLogger(__name__)

_WORKER_ERROR = re.compile(r".*mixes\.errors\.\w+: (?P<message>.*?)(?: \[while running '[^']*'\])*\s*\Z", re.DOTALL)
_SHINGLE_BYTES = 1_000  # of a document of the length that the plan assumes, where every other one leads a pair
_ALIKE_BYTES = 100  # of such a document where every third has likes: of its pairs, see docs/decisions/duplicates.md
_MAX_IN_ONE_PLACE = 16_000_000  # such documents: their pairs take 4 GB to choose from, which a worker has to spare
_LABEL_FORMS = {"license": spdx_identifier}
"""How measures that are labels write one, where they do not take any text."""
_DOUBT = 4  # by how much a listing may be wrong: text that compresses twice as well, of tokens half as long
_REPEAT_BYTES = 160  # of such a document: its paragraphs, or the anchors of its stretches
_WHILE_RUNNING = re.compile(r"( \[while running '[^']*'\])+\s*\Z")


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when built, 1 when the build failed, 2 when the request was wrong."""
    started = time.monotonic()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # what is tried again is in the error, should all tries fail
    try:
        spare_what_is_loaded()
        options = parse_options(argv)
        if options.is_local:  # what goes wrong here comes back as an exception; Beam's log would print it twice more
            logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        bound = read_spec(options.spec, options.data)
        plan = make_plan(bound, options.data)
        pool = None if options.dry_run or options.is_beam_dry_run else _find_pool(options, plan)
        settings = pool[0] if pool else _read_list(options, make_build_settings(options, plan))
        if pool is None:
            _try_tools(bound, settings)
            _warn_of_budget(options, plan)
        pipeline = None if options.dry_run or pool else _make_pipeline(options, plan.spec)
    except GristmillError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        if options.dry_run:
            print(_describe_plan(options, bound, plan, settings))
            return 0
        if pool is not None:
            _assemble(options, plan, *pool)
        else:
            assert pipeline is not None  # made above, where a wrong flag is told from a failed build
            _build(options, pipeline, plan, settings, started)
    except GristmillError as error:
        print(_WHILE_RUNNING.sub("", str(error)), file=sys.stderr)
        return 1
    except RuntimeError as error:  # what a worker process raised arrives as text
        found = _WORKER_ERROR.match(str(error))
        if found is None:
            raise
        print(found["message"], file=sys.stderr)
        return 1
    if options.is_beam_dry_run:
        print(f"job for {options.runner} built, not submitted (--dry_run=True)")
    else:
        _print_summary(settings)
    return 0


def read_spec(path: str, data_root: str) -> Bound[MixSpec]:
    """Return a spec whose every name is known; its places are for the plan to look at.

    Python files of measures are run, as only that shows what they declare.

    Raises:
        SpecError: The file is no spec, or names a measure or rule set that does not exist; all that is wrong with it,
            places too.
    """
    measures = known_measures()
    known = KnownNames(
        measures={name: bounds(measure) for name, measure in measures.items() if not is_label(measure)},
        labels={name: _LABEL_FORMS.get(name, str) for name, measure in measures.items() if is_label(measure)},
        rule_sets={
            name: {
                "": [rule.measure for rule in rules.rules],
                **{each: [rule.measure for rule in variant_rule_set(name, each)] for each in variants_of(name)},
            }
            for name, rules in known_rule_sets().items()
        },
        edits=known_editors(),
        of_evaluations=(*(measure.name for measure in EVALUATION_MEASURES), Evaluations.name),
        of_file=partial(declared_measures, data_root=data_root),
    )
    return bind_file(
        MixSpec,
        path,
        check=partial(name_problems, known=known),
        check_refused=partial(place_problems, data_root=data_root),
    )


def make_build_settings(options: BuildOptions, plan: Plan, tokenizer: TokenizerEntry | None = None) -> BuildSettings:
    """Return what the workers need for a plan.

    Args:
        options: The command line.
        plan: The plan.
        tokenizer: What is known of the tokenizer; None: it is loaded, and what encodes is proven.

    Raises:
        SpecError: A rule, a model or the tokenizer is not what it should be.
    """
    spec = plan.spec
    num_bands = spec.dedupe.fuzzy.num_bands if spec.dedupe.fuzzy else 1
    try:
        return make_settings(
            spec,
            output=options.output,
            data_root=options.data,
            tokenizer=tokenizer or _describe_tokenizer(spec, options.data),
            num_ranges=num_hash_ranges(plan, MATCH_RECORD.itemsize),
            num_band_ranges=num_hash_ranges(plan, num_bands * BAND_RECORD.itemsize),
            num_shingle_ranges=num_hash_ranges(plan, _SHINGLE_BYTES),
            num_repeat_ranges=num_hash_ranges(plan, _REPEAT_BYTES),
            num_units=len(plan.units),
            num_alike_ranges=_num_alike_ranges(plan),
            num_rounds=options.rounds,
        )
    except ValueError as error:
        raise SpecError(f"{options.spec}: {error}") from error


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


def _num_alike_ranges(plan: Plan) -> int:
    """Return into how many ranges what is alike goes; 1 where it fits in one place, which takes the fewest steps."""
    return 1 if plan.estimated_documents <= _MAX_IN_ONE_PLACE else num_hash_ranges(plan, _ALIKE_BYTES)


def _describe_tokenizer(spec: MixSpec, data_root: str) -> TokenizerEntry:
    """Load the tokenizer once here, so that what would fail on every worker is refused at once."""
    file = read_tokenizer(expand(spec.tokenizer.file, data_root))
    encoder = TextEncoder(file, spec.tokenizer.eos, spec.tokenizer.backend)
    if encoder.fallback:
        log.warning("%s: tokenizing with %s, which is slow: %s", file.uri, encoder.name, encoder.fallback)
    fims = {source.name: source.fim for source in spec.sources if source.fim}
    return TokenizerEntry(
        name=PurePosixPath(spec.tokenizer.file).name,
        digest=file.digest,
        vector=encoder.vector_digest(),
        vocab_size=encoder.vocab_size,
        eos_id=encoder.eos_id,
        special_ids=encoder.definition.special_ids,
        fim_ids={name: sentinel_ids(encoder.definition, fim, name) for name, fim in fims.items()},
    )


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


def _print_summary(settings: BuildSettings) -> None:
    folder = settings.uri("mixes", settings.spec.name)
    place = join(folder, "manifest.json")
    manifest = parse_manifest(read_bytes(place), place)
    for line in _summary(manifest):
        print(line)
    encoders = sorted({unit["encoder"] for unit in json.loads(read_bytes(join(folder, "units.json")))})
    ledger = join(folder, "ledger.json")
    failed = _failures(parse_ledger(read_bytes(ledger), ledger))
    if failed:
        print(f"\nnot read: {failed}; the report names the shards")
    print(f"\nmix     {folder}\nreport  {join(folder, 'report.html')}\ntokens  by {', '.join(encoders)}")


def _failures(ledger: Ledger) -> str:
    """Return how many records of all sources are no document, by reason; empty where there are none."""
    found: Counter[str] = Counter()
    for source in ledger.sources:
        found.update({reason: count.documents for reason, count in source.failed.items()})
    reasons = ", ".join(f"{reason} {number:,}" for reason, number in found.most_common())
    return f"{found.total():,} records ({reasons})" if found else ""


def _summary(manifest: Manifest) -> Iterator[str]:
    has_repeats = any(source.tokens > source.available_tokens for source in manifest.sources)
    repeats = ", each counted as often as it is seen" if has_repeats else ""
    yield f"mix '{manifest.name}': {manifest.tokens:,} tokens of {manifest.documents:,} documents{repeats}"
    yield ""
    width = max(len(source.name) for source in manifest.sources)
    yield f"{'source':<{width}}  {'tokens':>15}  {'wanted':>15}  {'available':>15}  {'epochs':>7}  {'text':>9}"
    for source in manifest.sources:
        epochs = source.tokens / source.available_tokens if source.available_tokens else 0.0
        yield (
            f"{source.name:<{width}}  {source.tokens:>15,}  {source.wanted_tokens:>15,}  "
            f"{source.available_tokens:>15,}  {epochs:>7.2f}  {format_bytes(source.bytes):>9}"
        )


if __name__ == "__main__":
    sys.exit(main())
