"""Tests of ids that are spelled alike, against the definition of Levenshtein's distance."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.explaining.spelling import MAX_DISTANCE, nearest_ids

IDS = st.text(alphabet="abé", max_size=9)


def distance(first: bytes, second: bytes) -> int:
    """Return how many bytes have to be put in, taken out or changed."""
    row = list(range(len(second) + 1))
    for count, byte in enumerate(first, 1):
        before = row
        row = [count]
        for place, other in enumerate(second, 1):
            row.append(min(before[place - 1] + (byte != other), before[place] + 1, row[-1] + 1))
    return row[-1]


@given(IDS, st.lists(IDS, max_size=12, unique=True))
def test_ids_within_the_distance_come_first_and_in_its_order(wanted: str, ids: list[str]) -> None:
    found = nearest_ids(wanted, [pa.array(ids, pa.string())], num_wanted=12)
    distances = {each: distance(each.encode(), wanted.encode()) for each in ids}
    near = sorted((rank, each) for each, rank in distances.items() if rank <= MAX_DISTANCE)
    assert [(distances[each], each) for each in found[: len(near)]] == near


def test_an_id_that_begins_alike_is_named_after_those_that_are_near() -> None:
    ids = pa.array(["web/2024/page-000017.html", "web/2025/x", "code-1", "web/2024/pag"])
    assert nearest_ids("web/2024/page", [ids]) == ["web/2024/pag", "web/2024/page-000017.html", "web/2025/x"]


def test_it_does_not_matter_how_the_ids_are_cut_nor_how_often_one_is_there() -> None:
    ids = [f"doc-{number:04d}" for number in range(500)] * 2
    whole = nearest_ids("doc-12345", [pa.array(ids)])
    assert whole == nearest_ids("doc-12345", [pa.array(ids[start : start + 7]) for start in range(0, 1_000, 7)])
    assert len(set(whole)) == 5


def test_no_id_gives_none() -> None:
    assert nearest_ids("a", []) == []
    assert nearest_ids("a", [pa.array([], pa.string())]) == []
    assert nearest_ids("zzzzzzzzzz", [pa.array(["abcdefghij"])]) == []
