"""Our roads from shards to what stays: the stations of a build in one process, without Beam, timed one by one."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from numpy.typing import NDArray

from benchmarks.common.record import ROOT
from benchmarks.repeats import Road, run_paragraphs, run_substrings
from filters.columns import TextColumn
from filters.duplicates.candidates import BAND_RECORD, PAIR, find_candidates
from filters.duplicates.minhash import max_sketch_distance
from filters.duplicates.paragraphs import ParagraphSettings
from filters.duplicates.survivors import EQUAL_RECORD, keep_verified
from mixes.manifest import TokenizerEntry
from pipelines.garbage import spare_what_is_loaded
from pipelines.plan import Unit, make_plan, num_hash_ranges
from pipelines.progress import Marks
from pipelines.readers import ReadSettings, ShardReader
from pipelines.request import read_spec
from pipelines.settings import BuildSettings, make_settings
from pipelines.stations.bands import band_blocks, digest_blocks
from pipelines.stations.fingerprints import FUZZY, MATCH_RECORD, document_of, unit_of, unpack
from pipelines.stations.judge import KEPT, JudgedUnit, judge_unit
from pipelines.stations.match import find_exact_duplicates
from pipelines.stations.ranks import document_ranks
from pipelines.stations.reading import files_of_unit
from pipelines.stations.texts import edited_batches, make_files
from pipelines.stations.verify import REQUEST, pair_blocks, request_blocks, shingle_blocks, verify_pairs

LINES = ParagraphSettings(lines=True, min_characters=1)
"""Every line that is not blank, as dolma takes them."""
_SHINGLE_BYTES = 1_000


def write_spec(path: Path) -> None:
    """Write a spec of one source, a unit a shard, with near duplicates by the defaults; {data} holds `documents`."""
    spec = {
        "name": "duplicates",
        "tokens": 100_000,
        "tokenizer": {"file": str(ROOT / "data" / "tokenizer" / "dolma2.json.gz")},
        "units": {"max_bytes": 1},
        "dedupe": {"fuzzy": {}},
        "sources": [{"name": "documents", "documents": "{data}/documents/*.jsonl.gz", "proportion": 1.0}],
    }
    path.write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")


def fuzzy_road(data: Path, output: Path) -> dict[str, Any]:  # Any: JSON
    """Return CPU-seconds by station, and the ids of what stays of `data`/documents, in no particular order."""
    settings, units = _plan(data, output)
    spare_what_is_loaded()  # as a worker of a build does
    fuzzy = settings.spec.dedupe.fuzzy
    assert fuzzy is not None  # by write_spec
    seconds: dict[str, float] = {}
    with _timed(seconds, "digest and sign"):
        for unit in units:
            files = files_of_unit(unit, settings, groups=list)  # without measures, which no duplicate needs
            make_files(unit, settings, [], files, Marks(None, "measure", unit.ordinal))
    with _timed(seconds, "exact"):
        judged = [judge_unit(unit, settings, columns=["id"]) for unit in units]
        ranks = [document_ranks(unit, each, settings) for unit, each in zip(units, judged, strict=True)]
        is_kept = [each.codes == KEPT for each in judged]
        digests = _group(
            block
            for k, unit in enumerate(units)
            for block in digest_blocks(unit, settings, ranks[k], is_kept[k], judged[k].digests)
        )
        for blocks in digests.values():
            _drop(is_kept, find_exact_duplicates(unpack(blocks, MATCH_RECORD))["reference"])
    with _timed(seconds, "bands"):
        bands = _group(
            block for k, unit in enumerate(units) for block in band_blocks(unit, settings, ranks[k], is_kept[k])
        )
    with _timed(seconds, "candidates"):
        pairs, requests = _find_pairs(bands, settings, max_sketch_distance(fuzzy.min_jaccard))
    with _timed(seconds, "verify"):
        shingles = _group(
            block
            for unit in units
            if unit.ordinal in requests
            for block in shingle_blocks(unit, settings, unpack(requests[unit.ordinal], REQUEST))
        )
        alike = [np.zeros(0, PAIR)]
        for number, blocks in pairs.items():
            alike += verify_pairs(unpack(blocks, PAIR), partial(shingles.__getitem__, number), fuzzy)
    with _timed(seconds, "survivors"):
        _drop(is_kept, keep_verified(np.concatenate(alike), np.zeros(0, EQUAL_RECORD), FUZZY)["reference"])
    with _timed(seconds, "read again"):
        for unit in units:
            for _ in edited_batches(unit, settings, []):
                pass
    return {"seconds": seconds, "kept": _ids(judged, is_kept), "candidates": sum(map(_num_pairs, pairs.values()))}


def lines_road(data: Path) -> dict[str, Any]:  # Any: JSON
    """Return CPU-seconds of reading the shards and of finding every repeated line, and the bytes that go."""
    return _repeats_road(data, "lines")


def paragraphs_road(data: Path) -> dict[str, Any]:  # Any: JSON
    """Return the same of paragraphs, by the defaults."""
    return _repeats_road(data, "paragraphs")


def substrings_road(data: Path) -> dict[str, Any]:  # Any: JSON
    """Return the same of stretches of 500 bytes."""
    return _repeats_road(data, "substrings")


def _repeats_road(data: Path, kind: str) -> dict[str, Any]:  # Any: JSON
    seconds: dict[str, float] = {}
    with _timed(seconds, "read"):
        units = [_read(path) for path in sorted((data / "documents").glob("*.jsonl.gz"))]
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum([unit.num_documents for unit in units])])
    ranks = [np.arange(first[k], first[k + 1], dtype=np.uint64) for k in range(len(units))]
    road: Road
    with _timed(seconds, "match"):
        if kind == "substrings":
            road = run_substrings(units, ranks)
        else:
            road = run_paragraphs(units, ranks, LINES if kind == "lines" else ParagraphSettings())
    return {"seconds": seconds, "removed_bytes": road.removed}


def _plan(data: Path, output: Path) -> tuple[BuildSettings, tuple[Unit, ...]]:
    output.mkdir(parents=True)
    write_spec(output / "spec.yaml")
    bound = read_spec(str(output / "spec.yaml"), str(data))
    plan = make_plan(bound, str(data))
    spec = bound.value
    num_bands = spec.dedupe.fuzzy.num_bands if spec.dedupe.fuzzy else 1
    settings = make_settings(
        spec,
        output=str(output),
        data_root=str(data),
        tokenizer=TokenizerEntry(
            name="not used here",
            digest="0" * 64,
            vector="0" * 64,
            vocab_size=1,
            eos_id=0,
            special_ids=(),
            fim_ids={},
        ),
        num_ranges=num_hash_ranges(plan, MATCH_RECORD.itemsize),
        num_band_ranges=num_hash_ranges(plan, num_bands * BAND_RECORD.itemsize),
        num_shingle_ranges=num_hash_ranges(plan, _SHINGLE_BYTES),
        num_repeat_ranges=1,
        num_units=len(plan.units),
    )
    return settings, plan.units


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begin = time.process_time()
    yield
    seconds[name] = round(time.process_time() - begin, 3)


def _group(blocks: Iterable[tuple[int, bytes]]) -> dict[int, list[bytes]]:
    grouped: dict[int, list[bytes]] = {}
    for number, block in blocks:
        grouped.setdefault(number, []).append(block)
    return grouped


def _find_pairs(
    bands: dict[int, list[bytes]], settings: BuildSettings, max_distance: int
) -> tuple[dict[int, list[bytes]], dict[int, list[bytes]]]:
    """Return the candidates by the range where they meet, and what is asked of each unit for them."""
    found = [find_candidates(unpack(blocks, BAND_RECORD), max_distance) for blocks in bands.values()]
    pairs = _group(block for each in found for block in pair_blocks(each, settings.num_shingle_ranges))
    return pairs, _group(block for each in found for block in request_blocks(each, settings.num_shingle_ranges))


def _num_pairs(blocks: list[bytes]) -> int:
    return sum(len(block) for block in blocks) // PAIR.itemsize


def _drop(is_kept: list[NDArray[np.bool_]], references: NDArray[np.uint64]) -> None:
    for unit, kept in enumerate(is_kept):
        kept[document_of(references[unit_of(references) == unit])] = False


def _ids(judged: list[JudgedUnit], is_kept: list[NDArray[np.bool_]]) -> list[int]:
    return [
        int(name)
        for each, kept in zip(judged, is_kept, strict=True)
        for name in each.table.column("id").filter(pa.array(kept)).to_pylist()
    ]


def _read(path: Path) -> TextColumn:
    batches = [item for item in ShardReader(str(path), path.name, ReadSettings()) if isinstance(item, pa.RecordBatch)]
    texts = [batch.column("text") for batch in batches]
    return TextColumn.from_arrow(pa.concat_arrays([each.cast(pa.large_string()) for each in texts]))
