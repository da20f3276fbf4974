"""Trial: the real stations on a sample of each source, in a temporary folder, in this process.

The documents that a sample takes of a source are copied and built as a source of their own, up to the cut.
"""

import os
import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import TypeAlias

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.combiners import ToList

from mixes.parts import INDEX_SUFFIX
from mixes.progress import Progress
from mixes.spec.mix import MixSpec
from mixes.spec.sampling import Sample
from mixes.typed_yaml.binding import Bound
from pipelines.estimating.copying import Copy, ShardTrial, chosen_shards, copy_source
from pipelines.estimating.rates import MEASURED, Rates
from pipelines.graph import BuildParts
from pipelines.listing import Shard
from pipelines.plan import Plan, Unit, make_plan
from pipelines.progress import Marks, ProgressDisplay, read_seconds
from pipelines.settings import BuildSettings
from pipelines.stations.reading import files_of_unit
from pipelines.stations.results import SourceResults, UnitResult, load_results
from pipelines.stations.texts import make_files
from pipelines.storage import remove
from pipelines.tools import Tools

_RESULTS = "results"
_MAX_UNIT_BYTES = 1 << 40

Prepare: TypeAlias = Callable[[Plan, str], BuildSettings]
"""Gives the settings of a build, for a plan and an output folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTrial:
    """What a sample of one source gave."""

    name: str
    num_shards: int  # of the plan
    planned_bytes: int  # stored bytes of those
    shards: tuple[ShardTrial, ...]
    document_share: float  # of the documents of those shards
    results: SourceResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What samples of all sources gave, and what they cost."""

    sources: tuple[SourceTrial, ...]
    rates: tuple[Rates, ...]  # of each source
    between_seconds: float  # CPU between the two readings and after them; of a small sample most of it is Beam's own


def try_sources(
    bound: Bound[MixSpec], plan: Plan, data_root: str, share: float, folder: str, prepare: Prepare
) -> Trial:
    """Run the stations on a sample of every source; shows progress.

    Args:
        bound: The spec.
        plan: Its plan.
        data_root: What `{data}` stands for.
        share: Of each source's documents, in (0, 1]; less is read where its shards are many or large.
        folder: An empty local folder.
        prepare: Gives the settings of a build.

    Raises:
        DataError: A shard or a model cannot be read.
    """
    indexes = range(len(plan.sources))
    stored_bytes = sum(max(shard.size, 0) for index in indexes for shard in chosen_shards(plan, index))
    with Progress("read", "MB", stored_bytes) as progress:
        copies = [copy_source(plan, index, share, Path(folder), progress.add) for index in indexes]
    spec = replace(
        plan.spec,
        units=replace(plan.spec.units, max_bytes=_MAX_UNIT_BYTES),
        reading=replace(plan.spec.reading, max_failed=1.0),
        sources=tuple(
            replace(source, documents=tuple(copy.path for copy in each), format="jsonl", html=False, sample=Sample())
            for source, (_, each) in zip(plan.spec.sources, copies, strict=True)
        ),
    )
    small = make_plan(replace(bound, value=spec), data_root)
    output = os.path.join(folder, "output")
    marks = _made(folder, "progress")
    settings = replace(prepare(small, output), progress_folder=marks, spill_folder=_made(folder, "spill"))
    with ProgressDisplay(marks, len(small.units)):
        measure_seconds = _measure(settings, small)
        started = time.process_time()
        results = _run(settings, small, folder)
        run_seconds = time.process_time() - started
    sources = load_results(settings, results)
    trials = tuple(
        SourceTrial(
            name=planned.name,
            num_shards=planned.num_shards,
            planned_bytes=planned.stored_bytes,
            shards=_with_tokens(settings, copied, found),
            document_share=document_share,
            results=found,
        )
        for planned, (document_share, copied), found in zip(plan.sources, copies, sources, strict=True)
    )
    tokenize_seconds = [0.0] * len(sources)
    for ordinal, seconds in read_seconds(os.path.join(folder, "progress"), "tokenize").items():
        tokenize_seconds[small.units[ordinal].source] += seconds
    spilled = _stored_bytes(Path(folder) / "spill") / max(1, sum(source.read.bytes for source in sources))
    return Trial(
        sources=trials,
        rates=tuple(
            _rates(settings, index, trial, copied, measure_seconds[index], tokenize_seconds[index], spilled)
            for index, (trial, (_, copied)) in enumerate(zip(trials, copies, strict=True))
        ),
        between_seconds=run_seconds - sum(tokenize_seconds),
    )


def _made(*names: str) -> str:
    path = os.path.join(*names)
    os.mkdir(path)
    return path


def _measure(settings: BuildSettings, plan: Plan) -> list[float]:
    """Leave all that is made of texts; return the CPU seconds of each source."""
    tools = Tools(settings)
    seconds = [0.0] * len(settings.sources)
    for unit in plan.units:
        editors = tools.editors(unit.source)
        _warm_up(unit, settings, tools)
        files = files_of_unit(unit, settings, partial(tools.groups, unit.source))
        started = time.process_time()
        make_files(unit, settings, editors, files, Marks(settings.progress_folder, "measure", unit.ordinal))
        seconds[unit.source] += time.process_time() - started
    return seconds


def _warm_up(unit: Unit, settings: BuildSettings, tools: Tools) -> None:
    """Measure the first document of a unit, and forget it: loading models and machine code grows with no text."""
    for shard in unit.shards:
        with open(shard.uri, "rb") as stream:
            first = stream.readline()
        if first:
            break
    uri = os.path.join(settings.output, "first.jsonl")
    os.makedirs(settings.output, exist_ok=True)
    Path(uri).write_bytes(first)
    alone = replace(unit, name="first", shards=(Shard(uri=uri, name="first", size=len(first), version=""),))
    files = files_of_unit(alone, settings, partial(tools.groups, unit.source))
    make_files(alone, settings, tools.editors(unit.source), files, Marks(None, "measure", unit.ordinal))
    for each in files:
        for made in each.uris:
            remove(made)


class _LeaveResults(beam.DoFn):
    """Write down where the units left what they gave."""

    def __init__(self, path: str) -> None:
        self._path = path

    def process(self, results: list[UnitResult]) -> None:
        Path(self._path).write_bytes(pickle.dumps(results))


def _run(settings: BuildSettings, plan: Plan, folder: str) -> list[UnitResult]:
    path = os.path.join(folder, _RESULTS)
    with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
        units = pipeline | "Units" >> beam.Create(list(plan.units))
        built = units | "BuildParts" >> BuildParts(settings)
        _ = built | "GatherResults" >> ToList() | "LeaveResults" >> beam.ParDo(_LeaveResults(path))
    results: list[UnitResult] = pickle.loads(Path(path).read_bytes())  # noqa: S301  (written a moment ago, by us)
    return results


def _with_tokens(settings: BuildSettings, copies: Sequence[Copy], results: SourceResults) -> tuple[ShardTrial, ...]:
    """Return the shards of a source with the tokens that are left of them, and how far documents differ."""
    shards, lengths, sizes = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros(0)]
    for stem, _, _ in results.parts:
        table = pq.read_table(settings.uri(stem + INDEX_SUFFIX), columns=["shard", "length", "bytes"])
        shards.append(np.array([int(PurePath(name).stem) for name in table.column("shard").to_pylist()], np.int64))
        lengths.append(table.column("length").to_numpy().astype(np.float64))
        sizes.append(table.column("bytes").to_numpy().astype(np.float64))
    shard, length, size = (np.concatenate(each) for each in (shards, lengths, sizes))
    tokens_a_byte = length.sum() / sum(copy.shard.sampled_bytes for copy in copies)
    # Of a document that is dropped, the difference is all that its size would give.
    beyond_dropped = (length - tokens_a_byte * size) ** 2 - (tokens_a_byte * size) ** 2
    tokens, residuals = (
        np.bincount(shard, weights=each, minlength=len(copies)).tolist() for each in (length, beyond_dropped)
    )
    return tuple(
        replace(
            copy.shard,
            tokens=int(tokens[number]),
            residual_squares=max(0.0, tokens_a_byte**2 * copy.shard.sampled_squares + residuals[number]),
        )
        for number, copy in enumerate(copies)
    )


def _rates(
    settings: BuildSettings,
    index: int,
    trial: SourceTrial,
    copies: Sequence[Copy],
    measure_seconds: float,
    tokenize_seconds: float,
    spilled: float,
) -> Rates:
    source = settings.sources[index]
    text = sum(shard.text_bytes for shard in trial.shards) / 1e6
    sampled = max(1, sum(shard.sampled_bytes for shard in trial.shards))
    kept = trial.results.kept.bytes / 1e6

    def stored(folder: str) -> float:
        return _stored_bytes(Path(settings.uri(folder))) / sampled

    return Rates(
        read=sum(copy.seconds for copy in copies) / text if text else MEASURED.read,
        measure=measure_seconds / (sampled / 1e6),
        match=MEASURED.match,
        tokenize=tokenize_seconds / kept if kept else MEASURED.tokenize,
        measures=stored(source.measures_folder),
        signatures=stored(source.signatures_folder),
        repeats=stored(source.repeats_folder),
        verdicts=stored(source.verdicts_folder) + stored(source.clusters_folder),
        shuffle=spilled,
        origin="this sample, on this machine",
    )


def _stored_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
