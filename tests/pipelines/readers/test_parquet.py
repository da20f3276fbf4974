"""Parquet: columns of every kind, rows that fail alone, damage and bombs."""

import datetime as dt
import io
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.documents import Failure
from pipelines.readers import ReadSettings, ShardReader
from tests.pipelines.readers.making import flipped, parquet, read_bytes

_TEXTS = [f"text {number} ü " * (number % 5 + 1) for number in range(300)]


def test_rows_are_documents_and_other_columns_metadata(tmp_path: Path) -> None:
    data = parquet({"url": ["u", None], "id": ["a", None], "text": ["x\ny", ""], "n": [1, 2]})
    assert read_bytes(tmp_path, "a.parquet", data).documents == [
        {
            "id": "a",
            "text": "x\ny",
            "row": 0,
            "byte_offset": -1,
            "byte_length": -1,
            "metadata": '{"url":"u","n":1}',
        },
        {
            "id": "shard#1",
            "text": "",
            "row": 1,
            "byte_offset": -1,
            "byte_length": -1,
            "metadata": '{"url":null,"n":2}',
        },
    ]


def test_metadata_holds_what_json_can_hold_and_leaves_bytes_out(tmp_path: Path) -> None:
    columns = {
        "text": ["t"],
        "float": [1.5],
        "nan": [float("nan")],
        "flag": [True],
        "list": [["a", "b"]],
        "struct": [{"k": 1, "inner": [2]}],
        "date": [dt.date(2024, 1, 2)],
        "time": pa.array([dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)], pa.timestamp("ns", "UTC")),
        "price": [Decimal("1.20")],
        "large": pa.array(["l"], pa.large_string()),
        "coded": pa.array(["c"]).dictionary_encode(),
        "nothing": pa.nulls(1),
        "bytes": [b"\xff"],
        "bytes_within": [[b"\xff"]],
    }
    (document,) = read_bytes(tmp_path, "a.parquet", parquet(columns)).documents
    assert json.loads(document["metadata"]) == {
        "float": 1.5,
        "nan": None,
        "flag": True,
        "list": ["a", "b"],
        "struct": {"k": 1, "inner": [2]},
        "date": "2024-01-02",
        "time": "2024-01-02 03:04:05.000000000Z",
        "price": "1.20",
        "large": "l",
        "coded": "c",
        "nothing": None,
    }


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
def test_every_string_column_reads_the_same(tmp_path: Path, kind: pa.DataType, compression: str) -> None:
    data = parquet({"text": pa.array(_TEXTS).cast(kind)}, compression=compression, row_group_size=70)
    outcome = read_bytes(tmp_path, "a.parquet", data)
    assert outcome.texts == _TEXTS
    assert [document["row"] for document in outcome.documents] == list(range(len(_TEXTS)))


def test_integer_ids_become_strings(tmp_path: Path) -> None:
    data = parquet({"id": [17, None], "text": ["a", "b"]})
    assert [document["id"] for document in read_bytes(tmp_path, "a.parquet", data).documents] == ["17", "shard#1"]


def test_ids_of_another_type_stay_metadata(tmp_path: Path) -> None:
    (document,) = read_bytes(tmp_path, "a.parquet", parquet({"id": [1.5], "text": ["a"]})).documents
    assert (document["id"], document["metadata"]) == ("shard#0", '{"id":1.5}')


def test_a_null_text_costs_its_row(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.parquet", parquet({"text": ["a", None, "c"]}))
    assert outcome.texts == ["a", "c"]
    detail = "column 'text' is null"
    assert outcome.failures == [Failure(row=1, byte_offset=-1, byte_length=-1, reason="no_text", detail=detail)]


@pytest.mark.parametrize(("column", "reason"), [("body", "no_text"), ("n", "text_not_string")])
def test_without_a_text_column_every_row_fails(tmp_path: Path, column: str, reason: str) -> None:
    outcome = read_bytes(tmp_path, "a.parquet", parquet({"n": [1, 2]}), ReadSettings(text_field=column))
    assert outcome.documents == []
    assert outcome.reasons == [reason, reason]


def test_a_file_of_bytes_alone_has_no_text_either(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.parquet", parquet({"text": [b"a", b"b", b"c"]}))
    assert outcome.reasons == ["text_not_string"] * 3
    assert outcome.damage is None


def test_a_column_that_stands_twice_is_no_text(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    assert read_bytes(tmp_path, "a.parquet", buffer.getvalue()).reasons == ["text_not_string"]


def test_no_rows_are_no_documents(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.parquet", parquet({"text": pa.array([], pa.string())}))
    assert (outcome.documents, outcome.failures, outcome.damage) == ([], [], None)


def _with_bad_utf8(text: list[bytes], url: list[bytes]) -> bytes:
    def array(values: list[bytes]) -> pa.Array:
        return pa.array(values, pa.binary()).view(pa.string())

    return parquet({"text": array(text), "url": array(url)})


def test_strings_that_are_not_utf8_cost_their_rows(tmp_path: Path) -> None:
    data = _with_bad_utf8([b"a", b"\xff", b"c", b"d"], [b"u", b"u", b"\xff", b"u"])
    outcome = read_bytes(tmp_path, "a.parquet", data)
    assert outcome.texts == ["a", "d"]
    assert [(failure.row, failure.reason) for failure in outcome.failures] == [(1, "bad_utf8"), (2, "bad_utf8")]


@pytest.mark.parametrize(("limit", "fits"), [(4, True), (3, False)])
def test_the_limit_itself_fits(tmp_path: Path, limit: int, fits: bool) -> None:
    outcome = read_bytes(tmp_path, "a.parquet", parquet({"text": ["éé"]}), ReadSettings(max_document_bytes=limit))
    assert outcome.reasons == ([] if fits else ["too_large"])


def test_a_row_group_with_a_giant_page_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.readers.parquet._PAGE_BYTES", 5_000)
    texts = ["a", "b" * 6_000, "c", "d"]
    data = parquet({"text": texts}, row_group_size=2, use_dictionary=False)
    outcome = read_bytes(tmp_path, "a.parquet", data, ReadSettings(max_document_bytes=100))
    assert outcome.texts == ["c", "d"]
    assert [(failure.row, failure.reason) for failure in outcome.failures] == [(0, "too_large"), (1, "too_large")]


def test_a_value_that_a_dictionary_repeats_is_expanded_a_few_rows_at_a_time(tmp_path: Path) -> None:
    text = "x" * (8 << 20)
    data = parquet({"text": pa.DictionaryArray.from_arrays(pa.array([0] * 40), pa.array([text]))}, compression="zstd")
    assert len(data) < 100_000
    before = pa.total_allocated_bytes()
    peak = 0
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    num_documents = 0
    for batch in ShardReader(str(path), "shard", ReadSettings()):
        assert isinstance(batch, pa.RecordBatch)
        num_documents += batch.num_rows
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert num_documents == 40
    assert peak < 200 << 20


def test_more_rows_than_bytes_can_hold_are_a_bomb(tmp_path: Path) -> None:
    data = parquet({"text": pa.nulls(30_000, pa.string())})
    outcome = read_bytes(tmp_path, "a.parquet", data, ReadSettings(max_ratio=10))
    assert outcome.failures == []
    assert outcome.damage is not None
    assert outcome.damage.detail.startswith("a bomb: 30,000 rows in ")


def test_a_nested_column_of_endless_lists_is_a_bomb(tmp_path: Path) -> None:
    data = parquet({"text": ["a"], "list": [[0] * 200_000]})
    outcome = read_bytes(tmp_path, "a.parquet", data)
    assert outcome.damage is not None
    assert "bomb" in outcome.damage.detail


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_file_cut_anywhere_is_damaged(tmp_path: Path, compression: str) -> None:
    data = parquet({"id": ["a", "b"], "text": ["one", "two"]}, compression=compression)
    for cut in range(len(data)):
        outcome = read_bytes(tmp_path, "a.parquet", data[:cut])
        assert outcome.documents == []
        assert outcome.damage is not None
        assert outcome.damage.reason == "truncated"


def test_something_else_is_corrupt(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.parquet", b'{"text":"a"}\n' * 5)
    assert outcome.damage is not None
    assert outcome.damage.reason == "corrupt"


@pytest.mark.parametrize("checksum", [False, True])
def test_changed_bytes_never_raise(tmp_path: Path, checksum: bool) -> None:
    columns = {"id": [str(n) for n in range(60)], "text": _TEXTS[:60], "list": [[n] * (n % 3) for n in range(60)]}
    data = parquet(columns, compression="zstd", row_group_size=20, write_page_checksum=checksum)
    for damaged in flipped(data, 300):
        outcome = read_bytes(tmp_path, "a.parquet", damaged)
        if outcome.damage is None:
            assert len(outcome.documents) + len(outcome.failures) == 60
        else:
            assert outcome.damage.reason in ("corrupt", "truncated")


def test_a_change_within_a_page_with_a_checksum_is_damage(tmp_path: Path) -> None:
    data = parquet({"text": _TEXTS}, compression="none", write_page_checksum=True, use_dictionary=False)
    place = data.index(b"text 200")
    outcome = read_bytes(tmp_path, "a.parquet", data[:place] + b"T" + data[place + 1 :])
    assert outcome.damage is not None
    assert outcome.damage.reason == "corrupt"
