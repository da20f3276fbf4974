"""Quantiles: from the documents that are left to the values at which quantiles divide each source, exactly.

    units ─▶ bytes by bin ─▶ the bin of each quantile ─▶ bytes by value, of those bins ─▶ the values

What is sent of a unit is at most 16 bytes a document, twice; a source's bins are added up in one place, and its values.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import apache_beam as beam
from apache_beam.pvalue import AsSingleton, PCollection
from apache_beam.transforms.combiners import ToList

from mixes.spec.demands import quantiles_of
from mixes.splits import (
    BIN_BYTES,
    KEY_BYTES,
    Boundary,
    add_up,
    find_boundaries,
    find_thresholds,
    weigh_bins,
    weigh_keys,
)
from pipelines.settings import BuildSettings
from pipelines.settled import settle_unit
from pipelines.spill import Block, GroupBlocks, read_blocks
from pipelines.stations.fingerprints import unpack
from pipelines.stations.judge import KEPT
from pipelines.stations.splits import Thresholds, number_keys, split_columns

_Grouped: TypeAlias = tuple[int, dict[str, Any]]  # Beam gives lists or lazy iterables
_Blocks: TypeAlias = tuple[int, Iterable[Block]]
_Boundaries: TypeAlias = dict[int, tuple[Boundary, ...]]
_BLOCK = tuple[int, bytes]


class FindThresholds(beam.PTransform[Any, Any]):
    """From units with all that goes of them to one mapping: the thresholds of each source that quantiles divide."""

    def __init__(self, settings: BuildSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, units: PCollection[_Grouped]) -> PCollection[Thresholds]:
        """Lay the road: `units` as they are grouped for tokenizing."""
        settings = self._settings
        boundaries = (
            units
            | "WeighBins" >> beam.ParDo(_WeighBins(settings)).with_output_types(_BLOCK)
            | "GatherBins" >> GroupBlocks(settings.spill_folder)
            | "FindBoundaries" >> beam.Map(_find_boundaries, settings)
            | "AllBoundaries" >> ToList()
            | "BoundariesBySource" >> beam.Map(dict)
        )
        thresholds: PCollection[Thresholds] = (
            units
            | "WeighValues" >> beam.ParDo(_WeighValues(settings), AsSingleton(boundaries)).with_output_types(_BLOCK)
            | "GatherValues" >> GroupBlocks(settings.spill_folder)
            | "FindThresholds" >> beam.Map(_find_thresholds, AsSingleton(boundaries))
            | "AllThresholds" >> ToList()
            | "ThresholdsBySource" >> beam.Map(dict)
        )
        return thresholds


class _WeighBins(beam.DoFn):
    """Send the bytes of the kept documents of a unit by bin, keyed by its source."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings

    def process(self, element: _Grouped) -> Iterator[tuple[int, bytes]]:
        for source, keys, sizes in _kept_numbers(element, self._settings):
            yield source, weigh_bins(keys, sizes).tobytes()


class _WeighValues(beam.DoFn):
    """Send the bytes of the kept documents of a unit by value, of those in the bins of its source's quantiles."""

    def __init__(self, settings: BuildSettings) -> None:
        self._settings = settings

    def process(self, element: _Grouped, boundaries: _Boundaries) -> Iterator[tuple[int, bytes]]:
        for source, keys, sizes in _kept_numbers(element, self._settings):
            yield source, weigh_keys(keys, sizes, boundaries[source]).tobytes()


def _kept_numbers(element: _Grouped, settings: BuildSettings) -> Iterator[tuple[int, Any, Any]]:
    """Yield source, keys and sizes of the documents that are left of a unit, if quantiles divide its source."""
    _, grouped = element
    (unit,) = grouped["units"]
    source = settings.spec.sources[unit.source]
    if quantiles_of(source):
        settled = settle_unit(unit, grouped, settings, split_columns(source))
        is_kept = settled.judged.codes == KEPT
        keys = number_keys(settled.judged, settled.clusters, source)
        yield unit.source, keys[is_kept], settled.judged.edited_bytes[is_kept]


def _find_boundaries(element: _Blocks, settings: BuildSettings) -> tuple[int, tuple[Boundary, ...]]:
    source, blocks = element
    bins = add_up(unpack(read_blocks(blocks), BIN_BYTES))
    return source, find_boundaries(bins, quantiles_of(settings.spec.sources[source]))


def _find_thresholds(element: _Blocks, boundaries: _Boundaries) -> tuple[int, tuple[int, ...]]:
    source, blocks = element
    return source, find_thresholds(boundaries[source], add_up(unpack(read_blocks(blocks), KEY_BYTES)))
