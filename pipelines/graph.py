"""The road as one Beam graph: units in, one built mix out. The stations' work is in `pipelines/stations`.

Elements are units, packed blocks of fixed-size records, and names of files; never a text.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection, TaggedOutput
from apache_beam.transforms.combiners import ToList

from mixes.errors import DataError
from mixes.spec.demands import quantiles_of
from pipelines.encoding.definition import read_tokenizer
from pipelines.encoding.encoder import TextEncoder
from pipelines.encoding.proof import trust
from pipelines.garbage import spare_what_is_loaded
from pipelines.matching import MatchDocuments
from pipelines.plan import SourcePlan, Unit
from pipelines.pool import store_pool
from pipelines.progress import Marks
from pipelines.repeating import FindRepeats
from pipelines.settings import BuildSettings
from pipelines.settled import settle_unit
from pipelines.spill import GroupBlocksTogether
from pipelines.splitting import FindThresholds
from pipelines.stations.assemble import assemble, check_failures
from pipelines.stations.bands import digest_blocks
from pipelines.stations.judge import KEPT, judge_unit
from pipelines.stations.ranks import document_ranks, rank_columns
from pipelines.stations.reading import files_of_unit
from pipelines.stations.results import UnitResult, load_results
from pipelines.stations.splits import Thresholds, divide_unit, split_columns
from pipelines.stations.texts import make_files
from pipelines.stations.tokens import TOKEN_COLUMNS, tokenize_unit, tokens_name, tokens_uri
from pipelines.stations.verdicts import VERDICT_COLUMNS, apply_tokens, leave_verdicts
from pipelines.tools import Tools

_COUNTS: Final = "counts"
_Counts: TypeAlias = TaggedOutput[Literal["counts"], tuple[int, int, dict[str, int]]]
"""Source, records read and records failed by reason of one unit, beside the blocks."""


class BuildMix(beam.PTransform[Any, Any]):
    """From the units of a plan to the name of the built mix's manifest."""

    def __init__(self, settings: BuildSettings, planned: Sequence[SourcePlan]) -> None:
        """Take the settings and what was planned of each source."""
        super().__init__()
        self._settings = settings
        self._planned = planned

    def expand(self, units: PCollection[Unit]) -> PCollection[str]:
        """Lay the whole road."""
        built: PCollection[str] = (
            units
            | "BuildParts" >> BuildParts(self._settings)
            | "GatherUnits" >> ToList()
            | "AssembleMix" >> beam.ParDo(_AssembleMix(self._settings, self._planned))
        )
        return built


class BuildParts(beam.PTransform[Any, Any]):
    """From the units of a plan to a UnitResult each: the road up to the cut."""

    def __init__(self, settings: BuildSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, units: PCollection[Unit]) -> PCollection[UnitResult]:
        """Lay the road; the labels are the names of the stations."""
        settings = self._settings
        measured = units | "MeasureUnits" >> beam.ParDo(_MeasureUnit(settings))
        judge = beam.ParDo(_JudgeUnit(settings)).with_output_types(tuple[int, bytes])
        judged = measured | "JudgeUnits" >> judge.with_outputs(_COUNTS, main="blocks")
        admitted = (
            judged[_COUNTS] | "GatherCounts" >> ToList() | "CheckFailures" >> beam.ParDo(_CheckFailures(settings))
        )
        keyed = units | "KeyUnits" >> beam.Map(_key_unit).with_output_types(tuple[int, Unit])
        duplicates = {"units": keyed, "digests": judged["blocks"]} | "MatchDocuments" >> MatchDocuments(settings)
        known = {"units": keyed, "duplicates": duplicates}
        if settings.spec.dedupe.looks_inside:
            known |= {"repeats": dict(known) | "FindRepeats" >> FindRepeats(settings)}
        settled = known | "GatherVerdicts" >> GroupBlocksTogether(settings.spill_folder)
        by_quantiles = any(quantiles_of(source) for source in settings.spec.sources)
        thresholds: Any = {}  # Any: what Beam takes for a mapping that is made on the way
        if by_quantiles:
            thresholds = AsSingleton(settled | "FindThresholds" >> FindThresholds(settings))
        built: PCollection[UnitResult] = settled | "TokenizeUnits" >> beam.ParDo(
            _TokenizeUnit(settings), AsSingleton(admitted), thresholds
        )
        return built


def _key_unit(unit: Unit) -> tuple[int, Unit]:
    return unit.ordinal, unit


class _MeasureUnit(beam.DoFn):
    """Read the units of whose texts something is yet to be made, once each; every unit goes on as it came."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings
        self._tools = Tools(settings)

    def setup(self) -> None:
        spare_what_is_loaded()

    def process(self, unit: Unit) -> Iterator[Unit]:
        marks = Marks(self._settings.progress_folder, "measure", unit.ordinal)
        files = files_of_unit(unit, self._settings, partial(self._tools.groups, unit.source))
        missing = [each for each in files if not each.are_there()]
        if missing:
            make_files(unit, self._settings, self._tools.editors(unit.source), missing, marks)
        marks.finish()
        yield unit


class _JudgeUnit(beam.DoFn):
    """Send on what the rules leave standing, and the counts that the failure limit needs."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings

    def process(self, unit: Unit) -> Iterator[tuple[int, bytes] | _Counts]:
        judged = judge_unit(unit, self._settings, columns=rank_columns(self._settings))
        yield TaggedOutput(_COUNTS, (unit.source, judged.num_read, judged.failures))
        if self._settings.spec.dedupe.exact:
            ranks = document_ranks(unit, judged, self._settings)
            yield from digest_blocks(unit, self._settings, ranks, judged.codes == KEPT, judged.digests)


class _CheckFailures(beam.DoFn):
    """Stop the build before anything is tokenized when too many documents of a source failed."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings

    def process(self, counts: list[tuple[int, int, dict[str, int]]]) -> Iterator[bool]:
        check_failures(self._settings, counts)
        yield True


class _TokenizeUnit(beam.DoFn):
    """Leave the parts and the verdicts of each unit; their names go on. Waits until the failures were checked."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings
        self._encoder: TextEncoder | None = None
        self._tools = Tools(settings)

    def setup(self) -> None:
        settings = self._settings
        file = read_tokenizer(settings.tokenizer_file)
        if file.digest != settings.tokenizer.digest:
            raise DataError(f"{file.uri}: changed since the build began; leave it alone and run the command again")
        trust(settings.proofs)
        encoder = TextEncoder(file, settings.spec.tokenizer.eos, settings.spec.tokenizer.backend)
        if encoder.vector_digest() != settings.tokenizer.vector:
            raise DataError(
                f"{file.uri}: {encoder.library} on this worker encodes the stored strings otherwise than the machine "
                "that began the build; install the same version of tokenizers on all of them"
            )
        self._encoder = encoder

    def process(
        self, element: tuple[int, dict[str, Any]], _admitted: object, thresholds: Thresholds
    ) -> Iterator[UnitResult]:
        ordinal, grouped = element
        assert self._encoder is not None  # Beam calls setup() first
        marks = Marks(self._settings.progress_folder, "tokenize", ordinal)
        (unit,) = grouped["units"]  # Beam gives lists or lazy iterables
        source = self._settings.spec.sources[unit.source]
        columns = [*TOKEN_COLUMNS, *VERDICT_COLUMNS, *split_columns(source)]
        judged, clusters, repeats = settle_unit(unit, grouped, self._settings, columns)
        splits = divide_unit(judged, clusters, source, thresholds.get(unit.source, ()))
        editors = self._tools.editors(unit.source)
        name = tokens_name(judged, repeats, splits)  # before the codes of this station are added
        tokens = tokenize_unit(unit, judged, repeats, splits, self._settings, self._encoder, editors, marks)
        apply_tokens(judged, tokens)
        account = leave_verdicts(unit, judged, clusters, self._settings, name)
        marks.finish()
        yield UnitResult(ordinal=ordinal, unit=unit, account=account, tokens=tokens_uri(unit, name, self._settings))


class _AssembleMix(beam.DoFn):
    """Cut to the budget and publish manifest, ledger and report, once all units are there."""

    def __init__(self, settings: BuildSettings, planned: Sequence[SourcePlan]) -> None:
        self._settings = settings
        self._planned = planned

    def process(self, results: list[UnitResult]) -> Iterator[str]:
        results = sorted(results, key=lambda result: result.ordinal)
        sources = load_results(self._settings, results)
        store_pool(self._settings, [result.unit for result in results], sources)
        yield assemble(self._settings, sources, self._planned)
