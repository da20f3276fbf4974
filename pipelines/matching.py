"""The road's middle: from digests and signatures of all units to what goes of each for the sake of which other.

    digests ─▶ equal texts ─▶ bands of the others ─▶ candidates ─▶ shingles, by leader ─▶ pairs that are alike ─┐
                    │                └──────▶ equal forms and URLs ────────────────────────────────────────────┤
                    └─▶ survivors that went since ◀────────────────────────────────────────── survivors ◀──────┘

All is grouped by hash or by unit. The last choice of survivors sees the pairs that are alike in one place, at about 90
bytes a pair, or, where that would be too many, by ranges of what is connected (`connecting`).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, TypeAlias

import apache_beam as beam
import numpy as np
from apache_beam.pvalue import PCollection, TaggedOutput
from numpy.typing import NDArray

from filters.duplicates.candidates import BAND_RECORD, PAIR, find_candidates
from filters.duplicates.minhash import SKETCH_BITS, max_sketch_distance
from filters.duplicates.survivors import DROPPED, EQUAL_RECORD, keep_components, keep_verified
from mixes.spec.dedupe import Fuzzy
from pipelines.connecting import SplitByComponent
from pipelines.earlier import EarlierUnit, kept_documents, read_measured
from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.spill import Block, GroupBlocks, GroupBlocksTogether, read_blocks
from pipelines.stations.bands import band_blocks, digest_blocks, equal_blocks, find_equal
from pipelines.stations.fingerprints import FUZZY, MATCH_RECORD, document_of, split_by, unit_of, unpack
from pipelines.stations.judge import KEPT, digest_column, judge_unit
from pipelines.stations.match import cluster_blocks, find_exact_duplicates, redirect
from pipelines.stations.ranks import document_ranks, rank_columns
from pipelines.stations.verify import REQUEST, pair_blocks, request_blocks, shingle_blocks, verify_pairs

_EQUAL: Final = "equal"
_REQUESTS: Final = "requests"
_COPIES: Final = "copies"
_EqualBlock: TypeAlias = TaggedOutput[Literal["equal"], tuple[int, bytes]]
_RequestBlock: TypeAlias = TaggedOutput[Literal["requests"], tuple[int, bytes]]
_CopyBlock: TypeAlias = TaggedOutput[Literal["copies"], tuple[int, bytes]]
_Blocks: TypeAlias = tuple[int, Iterable[Block]]
_Grouped: TypeAlias = tuple[int, dict[str, Any]]  # Beam gives lists or lazy iterables
_NUM_SAFE_RANKS: Final = 1  # that of documents of earlier mixes
_BLOCK: Final = tuple[int, bytes]


class MatchDocuments(beam.PTransform[Any, Any]):
    """From units, and blocks of MATCH_RECORDs by hash range, to blocks of DUPLICATE_RECORDs by unit."""

    def __init__(self, settings: BuildSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, inputs: Any) -> PCollection[tuple[int, bytes]]:  # noqa: ANN401  (Beam warns of a mapping)
        """Lay the road: `units` keyed by their ordinals, `digests` keyed by hash range."""
        settings = self._settings
        units, digests = inputs["units"], inputs["digests"]
        if settings.earlier:
            earlier = units.pipeline | "EarlierUnits" >> beam.Create(list(settings.earlier_units)) | beam.Reshuffle()
            sent = earlier | "SendEarlier" >> beam.FlatMap(_send_earlier, settings).with_output_types(_BLOCK)
            digests = (digests, sent) | "AddEarlierDigests" >> beam.Flatten()
            keyed = earlier | "KeyEarlier" >> beam.Map(_key_earlier).with_output_types(tuple[int, Any])
            units = (units, keyed) | "AddEarlierUnits" >> beam.Flatten()
        find_exact = beam.FlatMap(_find_exact).with_output_types(_BLOCK)
        exact = (
            digests
            | "GatherDigests" >> GroupBlocks(settings.spill_folder)
            | "FindExactDuplicates" >> find_exact.with_outputs(_COPIES, main="by_survivor")
        )
        dropped = exact["by_survivor"]
        if settings.signs:
            later = self._match_others(units, exact[_COPIES])
            dropped = (
                {"exact": dropped, "dropped": later}
                | "GatherSurvivors" >> GroupBlocksTogether(settings.spill_folder)
                | "Redirect" >> beam.FlatMap(_redirect).with_output_types(_BLOCK)
            )
        clusters: PCollection[tuple[int, bytes]] = (
            dropped
            | "GatherClusters" >> GroupBlocks(settings.spill_folder)
            | "CountClusters" >> beam.FlatMap(_count_clusters, settings.num_units).with_output_types(_BLOCK)
        )
        return clusters

    def _match_others(
        self, units: PCollection[tuple[int, Unit | EarlierUnit]], copies: PCollection[tuple[int, bytes]]
    ) -> PCollection[tuple[int, bytes]]:
        """Return what goes of the documents that are no copies, as blocks of DROPPED by unit."""
        settings = self._settings
        send = beam.ParDo(_SendUnit(settings)).with_output_types(_BLOCK)
        sent = (
            {"units": units, "copies": copies}
            | "GatherCopies" >> GroupBlocksTogether(settings.spill_folder)
            | "SendUnits" >> send.with_outputs(_EQUAL, main="bands")
        )
        equal = (
            sent[_EQUAL]
            | "GatherEqual" >> GroupBlocks(settings.spill_folder)
            | "FindEqual" >> beam.FlatMap(_find_equal).with_output_types(_BLOCK)
        )
        alike = {"equal": equal}
        if settings.spec.dedupe.fuzzy is not None:
            alike["pairs"] = self._find_pairs(units, sent["bands"], settings.spec.dedupe.fuzzy)
        if settings.num_alike_ranges > 1:
            alike = alike | "SplitByComponent" >> SplitByComponent(settings)
        dropped: PCollection[tuple[int, bytes]] = (
            alike
            | "GatherAlike" >> GroupBlocksTogether(settings.spill_folder)
            | "ChooseSurvivors" >> beam.ParDo(_ChooseSurvivors(settings)).with_output_types(_BLOCK)
        )
        return dropped

    def _find_pairs(
        self, units: PCollection[tuple[int, Unit | EarlierUnit]], bands: PCollection[tuple[int, bytes]], fuzzy: Fuzzy
    ) -> PCollection[tuple[int, bytes]]:
        """Return the pairs that are alike, as blocks of PAIRs of one key."""
        settings = self._settings
        find = beam.ParDo(_FindCandidates(settings)).with_output_types(_BLOCK)
        found = (
            bands
            | "GatherBands" >> GroupBlocks(settings.spill_folder)
            | "FindCandidates" >> find.with_outputs(_REQUESTS, main="pairs")
        )
        shingles = (
            {"units": units, "requests": found[_REQUESTS]}
            | "GatherRequests" >> GroupBlocksTogether(settings.spill_folder)
            | "SendShingles" >> beam.ParDo(_SendShingles(settings)).with_output_types(_BLOCK)
        )
        pairs: PCollection[tuple[int, bytes]] = (
            {"pairs": found["pairs"], "shingles": shingles}
            | "GatherShingles" >> GroupBlocksTogether(settings.spill_folder)
            | "VerifyPairs" >> beam.FlatMap(_verify, fuzzy).with_output_types(_BLOCK)
        )
        return pairs


class _SendUnit(beam.DoFn):
    """Send bands and normal forms of the documents of a unit that are no copies of others."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings

    def process(self, element: _Grouped) -> Iterator[tuple[int, bytes] | _EqualBlock]:
        _, grouped = element
        (unit,) = grouped["units"]
        if isinstance(unit, EarlierUnit):
            is_kept = kept_documents(unit)
            ranks = np.zeros(len(is_kept), np.uint64)
        else:
            judged = judge_unit(unit, self._settings, columns=rank_columns(self._settings))
            is_kept = judged.codes == KEPT
            ranks = document_ranks(unit, judged, self._settings)
        is_kept[document_of(unpack(read_blocks(grouped["copies"]), DROPPED)["reference"])] = False
        for block in equal_blocks(unit, self._settings, ranks, is_kept):
            yield TaggedOutput(_EQUAL, block)
        if self._settings.spec.dedupe.fuzzy is not None:
            yield from band_blocks(unit, self._settings, ranks, is_kept)


class _FindCandidates(beam.DoFn):
    """Find the candidates of one range of bands; they go where their leader's pairs meet, and call shingles there."""

    def __init__(self, settings: BuildSettings) -> None:
        self._num_ranges = settings.num_shingle_ranges
        fuzzy = settings.spec.dedupe.fuzzy
        by_jaccard_alone = fuzzy is not None and fuzzy.min_containment is None
        self._max_distance = max_sketch_distance(fuzzy.min_jaccard) if fuzzy and by_jaccard_alone else SKETCH_BITS

    def process(self, element: _Blocks) -> Iterator[tuple[int, bytes] | _RequestBlock]:
        _, blocks = element
        pairs = find_candidates(unpack(read_blocks(blocks), BAND_RECORD), self._max_distance)
        yield from pair_blocks(pairs, self._num_ranges)
        for block in request_blocks(pairs, self._num_ranges):
            yield TaggedOutput(_REQUESTS, block)


class _SendShingles(beam.DoFn):
    """Send the shingles that are asked of a unit."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings

    def process(self, element: _Grouped) -> Iterator[tuple[int, bytes]]:
        _, grouped = element
        (unit,) = grouped["units"]
        requests = unpack(read_blocks(grouped["requests"]), REQUEST)
        if len(requests):
            yield from shingle_blocks(unit, self._settings, requests)


class _ChooseSurvivors(beam.DoFn):
    """Choose those that stay from all documents that are alike, or a range of them; others are keyed by their units."""

    def __init__(self, settings: BuildSettings) -> None:
        fuzzy = settings.spec.dedupe.fuzzy
        by_components = fuzzy is not None and fuzzy.clusters == "components"
        self._keep: Callable[..., NDArray[np.void]] = keep_components if by_components else keep_verified

    def process(self, element: _Grouped) -> Iterator[tuple[int, bytes]]:
        _, grouped = element
        pairs = unpack(read_blocks(grouped.get("pairs", ())), PAIR)
        equal = unpack(read_blocks(grouped["equal"]), EQUAL_RECORD)
        dropped = self._keep(pairs, equal, FUZZY, _NUM_SAFE_RANKS)
        yield from split_by(dropped, unit_of(dropped["reference"]))


def _key_earlier(unit: EarlierUnit) -> tuple[int, EarlierUnit]:
    return unit.ordinal, unit


def _send_earlier(unit: EarlierUnit, settings: BuildSettings) -> Iterator[tuple[int, bytes]]:
    """Send the digests of what an earlier mix kept, as if they were of this build and before all others."""
    digests = digest_column(read_measured(unit, ["digest"]).column("digest"))
    ranks = np.zeros(len(digests), np.uint64)
    yield from digest_blocks(unit, settings, ranks, kept_documents(unit), digests)


def _find_exact(element: _Blocks) -> Iterator[tuple[int, bytes] | _CopyBlock]:
    """Find equal texts of one hash range; what goes is keyed by its survivor's unit, and as copies by its own."""
    _, blocks = element
    dropped = find_exact_duplicates(unpack(read_blocks(blocks), MATCH_RECORD))
    yield from split_by(dropped, unit_of(dropped["survivor"]))
    for block in split_by(dropped, unit_of(dropped["reference"])):
        yield TaggedOutput(_COPIES, block)


def _find_equal(element: _Blocks) -> Iterator[tuple[int, bytes]]:
    _, blocks = element
    equal = find_equal(unpack(read_blocks(blocks), EQUAL_RECORD))
    if len(equal):
        yield 0, equal.tobytes()


def _verify(element: _Grouped, fuzzy: Fuzzy) -> Iterator[tuple[int, bytes]]:
    _, grouped = element
    pairs = unpack(read_blocks(grouped["pairs"]), PAIR)
    for alike in verify_pairs(pairs, lambda: read_blocks(grouped["shingles"]), fuzzy):
        if len(alike):
            yield 0, alike.tobytes()


def _redirect(element: _Grouped) -> Iterator[tuple[int, bytes]]:
    _, grouped = element
    exact, dropped = (unpack(read_blocks(grouped[name]), DROPPED) for name in ("exact", "dropped"))
    settled = redirect(exact, dropped)
    yield from split_by(settled, unit_of(settled["survivor"]))


def _count_clusters(element: _Blocks, num_units: int) -> Iterator[tuple[int, bytes]]:
    _, blocks = element
    yield from cluster_blocks(unpack(read_blocks(blocks), DROPPED), num_units)
