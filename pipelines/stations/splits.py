"""Splits: divide the documents of a unit by a measure of its source."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mixes.spec.amounts import Splits
from mixes.spec.known_names import CLUSTER_SIZE
from mixes.spec.source import SourceSpec
from mixes.splits import split_numbers, value_keys
from pipelines.stations.judge import JudgedUnit, measure_column
from pipelines.stations.verdicts import Clusters

Thresholds = Mapping[int, Sequence[int]]
"""For each source that quantiles divide, by its place in the spec, the keys that begin its splits."""


def split_columns(source: SourceSpec) -> list[str]:
    """Return the columns of measures that dividing a source needs."""
    measure = source.split_measure
    return [] if measure is None or measure == CLUSTER_SIZE else [measure]


def divide_unit(
    judged: JudgedUnit, clusters: Clusters, source: SourceSpec, thresholds: Sequence[int]
) -> NDArray[np.int64]:
    """Return the split of each document, shape (num_documents,): its place among the source's, 0 where it has none.

    Args:
        judged: The unit with `split_columns`.
        clusters: Which of its documents duplicates made one.
        source: Its source.
        thresholds: The keys at which quantiles divide; not looked at where something else does.
    """
    splits = source.splits
    if source.split_measure is None:
        return np.zeros(len(judged.codes), np.int64)
    if splits is not None and splits.limits is None and splits.quantiles is None:
        return _by_labels(measure_column(judged.table, splits.measure), splits)
    if splits is not None and splits.limits is not None:
        thresholds = value_keys(np.array(splits.limits, np.float64)).tolist()
    return split_numbers(number_keys(judged, clusters, source), thresholds)


def number_keys(judged: JudgedUnit, clusters: Clusters, source: SourceSpec) -> NDArray[np.uint64]:
    """Return the keys of the numbers that divide a unit, shape (num_documents,); see `mixes.splits`."""
    if source.split_measure == CLUSTER_SIZE:
        return value_keys(clusters.sizes)
    return value_keys(measure_column(judged.table, source.split_measure or ""))


def _by_labels(labels: pa.ChunkedArray, splits: Splits) -> NDArray[np.int64]:
    others = next(place for place, split in enumerate(splits.into) if split.among is None)
    place_of = {label: place for place, split in enumerate(splits.into) for label in split.among or ()}
    found = labels.cast(pa.string()).combine_chunks().dictionary_encode()
    places = np.array([*(place_of.get(label, others) for label in found.dictionary.to_pylist()), others], np.int64)
    divided: NDArray[np.int64] = places[found.indices.fill_null(len(places) - 1).to_numpy(zero_copy_only=False)]
    return divided
