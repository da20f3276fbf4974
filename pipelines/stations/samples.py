"""Samples: the lost documents that the report shows of each source, with what was kept instead."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.earlier import read_measured
from pipelines.plan import Unit
from pipelines.report.data import Judgement, Sample, Survivor
from pipelines.settings import BuildSettings
from pipelines.stations.fingerprints import DOCUMENT_MASK, UNIT_SHIFT
from pipelines.stations.lost import SAMPLES, LostDocument
from pipelines.stations.measure import measures_uri
from pipelines.storage import open_stored


def choose_samples(
    settings: BuildSettings, lost: Sequence[Iterable[LostDocument]], units: Mapping[int, Unit]
) -> list[tuple[Sample, ...]]:
    """Return what is shown of each source: at most SAMPLES for each reason, those of the smallest digest.

    Args:
        settings: The build's settings.
        lost: The lost documents that the units of each source chose.
        units: The units of the build by ordinal.
    """
    chosen = [_choose(each) for each in lost]
    survivors = _find_survivors(settings, units, [each for of_source in chosen for each in of_source])
    return [tuple(_sample(each, survivors) for each in of_source) for of_source in chosen]


def _choose(lost: Iterable[LostDocument]) -> list[LostDocument]:
    shown: Counter[tuple[str, str]] = Counter()
    chosen: list[LostDocument] = []
    for each in sorted(lost, key=lambda each: (not each.excerpt, each.order, each.shard, each.row)):
        shown[each.station, each.reason] += 1
        if shown[each.station, each.reason] <= SAMPLES:
            chosen.append(each)
    return chosen


def _sample(lost: LostDocument, survivors: Mapping[int, Survivor]) -> Sample:
    judgement = None
    if lost.measure is not None and lost.value is not None and lost.limit is not None:
        judgement = Judgement(measure=lost.measure, value=lost.value, limit=lost.limit)
    return Sample(
        station=lost.station,
        reason=lost.reason,
        id=lost.id,
        shard=lost.shard,
        row=lost.row,
        excerpt=lost.excerpt,
        detail=lost.detail,
        judgement=judgement,
        survivor=survivors.get(lost.survivor) if lost.survivor is not None else None,
    )


def _find_survivors(
    settings: BuildSettings, units: Mapping[int, Unit], lost: Iterable[LostDocument]
) -> dict[int, Survivor]:
    """Return source and id of the survivors that lost documents name, read from the measures of their units."""
    wanted: dict[int, list[int]] = {}
    for each in lost:
        if each.survivor is not None:
            wanted.setdefault(each.survivor >> UNIT_SHIFT, []).append(each.survivor)
    found: dict[int, Survivor] = {}
    for ordinal, references in wanted.items():
        if ordinal >= settings.num_units:  # of an earlier mix
            earlier = settings.earlier_units[ordinal - settings.num_units]
            source, ids = earlier.source, read_measured(earlier, ["id"]).column("id")
        else:
            unit = units[ordinal]
            with open_stored(measures_uri(settings, unit)) as stream:
                table = pq.read_table(stream, columns=["id", "failure"])
            source = settings.sources[unit.source].name
            ids = table.filter(pc.is_null(table.column("failure"))).column("id")
        for reference in references:
            found[reference] = Survivor(source=source, id=ids[reference & DOCUMENT_MASK].as_py())
    return found
