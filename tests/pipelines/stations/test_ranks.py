"""Tests of ranks: sources first, then what is preferred, then length, then the id."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.spec.dedupe import Dedupe
from pipelines.plan import Unit
from pipelines.stations.ranks import document_ranks, rank_columns

_Row = tuple[float, int, int]  # preferred measure, bytes, id key


def _ranks(rows: list[_Row], prefer: str | None, source: int = 0) -> list[int]:
    table = pa.table({"score": [row[0] for row in rows], "id_key": pa.array([row[2] for row in rows], pa.uint64())})
    judged = SimpleNamespace(codes=np.zeros(len(rows)), table=table, edited_bytes=np.array([row[1] for row in rows]))
    build = SimpleNamespace(spec=SimpleNamespace(dedupe=Dedupe(prefer=prefer)))
    unit = Unit(ordinal=0, source=source, name="", shards=())
    # Only what ranks look at.
    return [int(rank) for rank in document_ranks(unit, judged, build)]  # type: ignore[arg-type]


def test_the_longer_comes_first_and_then_the_smaller_id() -> None:
    rows = [(0.0, 10, 1 << 60), (0.0, 11, 1 << 61), (0.0, 10, 1 << 59), (0.0, 0, 0), (0.0, 1 << 31, 9)]
    assert np.argsort(_ranks(rows, None)).tolist() == [4, 1, 2, 0, 3]


def test_what_is_preferred_comes_before_what_is_longer_and_no_number_last() -> None:
    rows = [(0.5, 10, 0), (0.51, 1, 0), (-3.0, 99, 0), (float("nan"), 100, 0), (0.0, 5, 0)]
    assert np.argsort(_ranks(rows, "score")).tolist() == [1, 0, 4, 2, 3]


def test_sources_come_before_all_else_and_earlier_mixes_before_them() -> None:
    best, worst = (9.0, 1 << 31, 0), (-9.0, 0, 2**64 - 1)
    for prefer in (None, "score"):
        assert 0 < _ranks([best], prefer)[0] < _ranks([worst], prefer)[0] < _ranks([best], prefer, source=1)[0]
        assert _ranks([worst], prefer, source=4_094)[0] < 2**64
    with pytest.raises(ValueError, match="at most 4,095 sources"):
        _ranks([best], None, source=4_095)


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_lengths_keep_their_order_to_one_in_two_thousand(first: int, second: int) -> None:
    ranks = _ranks([(0.0, first, 0), (0.0, second, 0)], None)
    if first > second:
        assert ranks[0] <= ranks[1]
    if first > second * 1.001 + 1:
        assert ranks[0] < ranks[1]


def test_only_what_is_preferred_is_asked_of_the_measures() -> None:
    for prefer, columns in ((None, []), ("score", ["score"])):
        build = SimpleNamespace(spec=SimpleNamespace(dedupe=Dedupe(prefer=prefer)))
        assert rank_columns(build) == columns  # type: ignore[arg-type]
