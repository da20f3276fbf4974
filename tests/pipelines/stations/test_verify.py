"""Tests of verifying: the pairs that are alike, wherever their documents come from and whatever the order."""

import random
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from filters.duplicates.candidates import PAIR
from filters.duplicates.jaccard import jaccard
from filters.duplicates.shingles import Shingles
from mixes.spec.dedupe import Fuzzy
from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.stations import verify
from pipelines.stations.fingerprints import document_of, pack_reference, unit_of, unpack
from pipelines.stations.verify import REQUEST, leader_ranges, pair_blocks, request_blocks, shingle_blocks, verify_pairs

_NUM_UNITS, _NUM_DOCUMENTS = 3, 12


def _sets(unit: int) -> Shingles:
    chance = random.Random(unit)
    sets = [sorted(chance.sample(range(14), chance.randrange(1, 14))) for _ in range(_NUM_DOCUMENTS)]
    offsets = np.cumsum([0, *(len(each) for each in sets)])
    return Shingles(np.array([x for each in sets for x in each], np.uint32), offsets)


_SETS = [_sets(unit) for unit in range(_NUM_UNITS)]


def _unit(ordinal: int) -> Unit:
    return Unit(ordinal=ordinal, source=0, name=str(ordinal), shards=())


def _all_pairs() -> NDArray[np.void]:
    references = np.concatenate([pack_reference(unit, np.arange(_NUM_DOCUMENTS)) for unit in range(_NUM_UNITS)])
    return np.array(
        [(a, b, 0, 1) for i, a in enumerate(references.tolist()) for b in references.tolist()[i + 1 :]], PAIR
    )


def _is_alike(pair: NDArray[np.void], fuzzy: Fuzzy) -> bool:
    ends = [(int(unit_of(pair[name])), document_of(pair[name]).reshape(1)) for name in ("first", "second")]
    (unit, document), (other_unit, other) = ends
    share = jaccard(_SETS[unit], document, _SETS[other_unit], other)[0]
    sets = [set(_SETS[u].take(d).hashes.tolist()) for u, d in ends]
    contained = len(sets[0] & sets[1]) / min(len(each) for each in sets)
    return bool(share >= fuzzy.min_jaccard or (fuzzy.min_containment or 2) <= contained)


@pytest.mark.parametrize("num_ranges", [1, 8])
@pytest.mark.parametrize("fuzzy", [Fuzzy(min_jaccard=0.5), Fuzzy(min_jaccard=0.7, min_containment=0.9)])
def test_all_pairs_that_are_alike_are_found_and_no_others(
    num_ranges: int, fuzzy: Fuzzy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_: BuildSettings, unit: Unit, documents: NDArray[np.int64]) -> list[Shingles]:
        return [_SETS[unit.ordinal].take(part) for part in np.array_split(documents, 2) if len(part)]

    monkeypatch.setattr(verify, "read_shingles", read)
    pairs = _all_pairs()
    asked: dict[int, list[bytes]] = {}
    for half in (pairs[::2], pairs[1::2], pairs[::5]):  # found in several bands, by several workers
        for unit, block in request_blocks(half, num_ranges):
            asked.setdefault(unit, []).append(block)
    sent: dict[int, list[bytes]] = {}
    for unit, blocks in asked.items():
        # The settings are only handed on to the reader.
        for number, block in shingle_blocks(_unit(unit), None, unpack(blocks, REQUEST)):  # type: ignore[arg-type]
            sent.setdefault(number, []).append(block)
    found = []
    for number, block in pair_blocks(np.concatenate([pairs, pairs[::5]]), num_ranges):
        here = unpack([block], PAIR)
        assert (leader_ranges(here["first"].copy(), num_ranges) == number).all()
        for alike in verify_pairs(here, partial(sent.__getitem__, number), fuzzy):
            found += alike.tolist()
    assert sorted(found) == [pair.tolist() for pair in pairs if _is_alike(pair, fuzzy)]
