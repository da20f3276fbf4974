"""JSON lines against the standard library's parser, and at every edge of a line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipelines.documents import Failure
from pipelines.readers import ReadSettings
from pipelines.readers.batches import Document
from pipelines.readers.json_scan import PADDING
from pipelines.readers.jsonl import blocks_of_lines, read_jsonl
from tests.pipelines.readers.making import jsonl, one_by_one, read_bytes, some_rows

_SETTINGS = ReadSettings()


def _read(data: bytes, piece_bytes: int = 1 << 20, settings: ReadSettings = _SETTINGS) -> list[Document | Failure]:
    pieces = (data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes))
    return sorted(one_by_one(read_jsonl(pieces, "s", settings, None)), key=lambda record: record.row)


def _one(line: bytes, settings: ReadSettings = _SETTINGS) -> Document | Failure:
    (record,) = _read(line + b"\n", settings=settings)
    return record


def _reason(line: bytes) -> str:
    record = _one(line)
    assert isinstance(record, Failure), record
    return record.reason


def _slow_twin(line: bytes, row: int) -> tuple[str, str, Any] | str | None:
    """Return id, text and metadata of a line, or the reason why it is no document, or None where it is blank."""
    if not line.strip():
        return None
    try:
        fields = json.loads(line.decode(), parse_constant=_refuse)
    except ValueError:
        return "bad_json"
    if not isinstance(fields, dict):
        return "bad_json"
    if any("\ud800" <= character <= "\udfff" for character in json.dumps(fields, ensure_ascii=False)):
        return "lone_surrogate"
    text = fields.pop("text", None)
    if text is None:
        return "no_text"
    if not isinstance(text, str):
        return "text_not_string"
    identity = fields.get("id")
    if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
        return f"s#{row}", text, fields
    del fields["id"]
    return str(identity), text, fields


def _refuse(constant: str) -> None:
    raise ValueError(constant)


_CHARACTERS = st.characters(exclude_categories=()) | st.sampled_from('\n\\"\0\x7f\u2028😀\ud800\udc00')
_STRINGS = st.text(_CHARACTERS, max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | _STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_STRINGS, inner, max_size=3),
    max_leaves=5,
)
_OBJECTS = st.fixed_dictionaries(
    {}, optional={"text": _STRINGS | _VALUES, "id": _VALUES, "url": _VALUES, "ü\n": _VALUES}
)
_ENCODED = st.builds(
    lambda value, escape, space: json.dumps(value, ensure_ascii=escape, separators=(f",{space}", f":{space}")),
    _OBJECTS | _VALUES,
    st.booleans(),
    st.sampled_from(["", " ", "\t "]),
).filter(lambda line: not any("\ud800" <= character <= "\udfff" for character in line))
_BROKEN = st.builds(lambda line, cut: line[: cut % (len(line) + 1)], _ENCODED, st.integers(0, 1000))
_LINES = st.lists(_ENCODED | _BROKEN | st.sampled_from(["", " ", "\t\r", "{}", '{"text":"a"} x', "NaN"]), max_size=6)


@examples(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(_LINES, st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.integers(1, 50))
def test_records_agree_with_the_standard_library(
    lines: list[str], newline: bytes, ends_with_newline: bool, piece_bytes: int
) -> None:
    encoded = [line.encode() for line in lines]
    data = newline.join(encoded) + (newline if ends_with_newline else b"")
    records = iter(_read(data, piece_bytes))
    for row, line in enumerate(encoded):
        expected = _slow_twin(line, row)
        if expected is None:
            continue
        record = next(records)
        if isinstance(expected, str):
            assert isinstance(record, Failure)
            assert (record.reason, record.row) == (expected, row)
        else:
            assert isinstance(record, Document)
            assert (record.id.decode(), record.text.decode(), json.loads(record.metadata)) == expected
            assert record.row == row
            stored = data[record.byte_offset : record.byte_offset + record.byte_length]
            assert stored.rstrip(b"\r") == line.rstrip(b"\r")
    assert next(records, None) is None


@examples(max_examples=300)
@given(st.binary(max_size=60), st.integers(1, 20))
def test_no_bytes_raise_and_what_is_not_utf8_is_no_document(data: bytes, piece_bytes: int) -> None:
    for record in _read(data, piece_bytes):
        if isinstance(record, Document):
            data[record.byte_offset : record.byte_offset + record.byte_length].decode()


@examples(max_examples=200)
@given(st.binary(max_size=80), st.integers(1, 20), st.integers(1, 30))
def test_lines_are_those_of_a_plain_split(data: bytes, piece_bytes: int, max_bytes: int) -> None:
    pieces = (data[start : start + piece_bytes] for start in range(0, len(data), piece_bytes))
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    found: list[bytes | int] = []
    for block in blocks_of_lines(pieces, max_bytes):
        if isinstance(block, int):
            found.append(block)
        else:
            assert block.endswith(bytes(PADDING))
            lines = block[:-PADDING].split(b"\n")
            found += lines if lines[-1] else lines[:-1]
    assert len(found) == len(expected)
    for line, wanted in zip(found, expected, strict=True):
        assert line == (wanted if isinstance(line, bytes) else len(wanted))
        assert isinstance(line, bytes) or line > max_bytes
        assert len(wanted) <= max(max_bytes, 2 * piece_bytes) or line == len(wanted)


def test_documents_carry_id_text_place_and_the_other_fields(tmp_path: Path) -> None:
    data = b'{"id":"a","text":"x\\ny","source":"s","metadata":{"k": [1, 2.50]}}\n\n{"text":"z","id":17}\n'
    assert read_bytes(tmp_path, "a.jsonl", data).documents == [
        {
            "id": "a",
            "text": "x\ny",
            "row": 0,
            "byte_offset": 0,
            "byte_length": 65,
            "metadata": '{"source":"s","metadata":{"k": [1, 2.50]}}',
        },
        {"id": "17", "text": "z", "row": 2, "byte_offset": 67, "byte_length": 20, "metadata": "{}"},
    ]


@pytest.mark.parametrize(
    ("identity", "expected", "metadata"),
    [
        (b'"a"', b"a", b"{}"),
        (b'"\\u00e9"', "é".encode(), b"{}"),
        (b"12345678901234567890123", b"12345678901234567890123", b"{}"),
        (b"-4", b"-4", b"{}"),
        (b'""', b"s#0", b'{"id":""}'),
        (b"1.5", b"s#0", b'{"id":1.5}'),
        (b"null", b"s#0", b'{"id":null}'),
        (b"true", b"s#0", b'{"id":true}'),
        (b'["a"]', b"s#0", b'{"id":["a"]}'),
    ],
)
def test_ids_are_strings_or_integers_and_others_stay_fields(identity: bytes, expected: bytes, metadata: bytes) -> None:
    record = _one(b'{"text":"t","id":' + identity + b"}")
    assert isinstance(record, Document)
    assert (record.id, record.metadata) == (expected, metadata)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "bad_json"),
        (b"[1]", "bad_json"),
        (b"null", "bad_json"),
        (b'"text"', "bad_json"),
        (b'{"text":"a"}{"text":"b"}', "bad_json"),
        (b'{"text":"a\x01"}', "bad_json"),
        (b'{"text":"a","x":' + b"[" * 257 + b"]" * 257 + b"}", "bad_json"),
        (b'{"text":"a","x":' + b'{"y":[' * 129 + b"]}" * 129 + b"}", "bad_json"),
        (b'{"text":' + b"[" * 257 + b"]" * 257 + b"}", "bad_json"),
        (b'{"text":' + b"[" * 256 + b"]" * 256 + b"}", "text_not_string"),
        (b'{"text":"a","score":NaN}', "bad_json"),
        (b'{"text":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad_json"),
        (b'{"text":"a\xff"}', "bad_utf8"),
        (b'{"text":"a","url":"\xff"}', "bad_utf8"),
        (b'{"text":"a","id":"\xff"}', "bad_utf8"),
        (b'{"text":"a","\xff":1}', "bad_utf8"),
        (b'{"text":"\xed\xa0\x80"}', "bad_utf8"),
        (b"{}", "no_text"),
        (b'{"text":null}', "no_text"),
        (b'{"Text":"a"}', "no_text"),
        (b'{"text":1}', "text_not_string"),
        (b'{"text":["a"]}', "text_not_string"),
        (b'{"text":false}', "text_not_string"),
        (b'{"text":"\\ud800"}', "lone_surrogate"),
        (b'{"text":"\\udc00\\ud800"}', "lone_surrogate"),
        (b'{"text":"a","title":"\\ud83d"}', "lone_surrogate"),
    ],
)
def test_a_line_that_is_no_document_says_why(line: bytes, reason: str) -> None:
    assert _reason(line) == reason


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b'{"text":""}', ""),
        (b'{"text":"\\u0000"}', "\0"),
        (b'{"text":"\\ud83d\\ude00"}', "😀"),
        (b'{"text":"\\\\ud800"}', "\\ud800"),
        (b'{"text":"a","text":"b"}', "b"),
        (b'{"x":' + b"[" * 256 + b"]" * 256 + b',"y":"' + b'[\\"' * 300 + b'[","text":"a"}', "a"),
        (b'{"x":[' + b"[],{}," * 300 + b'0],"text":"a"}', "a"),
        (b' {"text" : "a"} \r', "a"),
    ],
)
def test_unusual_lines_are_documents(line: bytes, text: str) -> None:
    record = _one(line)
    assert isinstance(record, Document)
    assert record.text.decode() == text


def test_a_bad_line_costs_that_line(tmp_path: Path) -> None:
    rows = jsonl(some_rows(4)).splitlines(keepends=True)
    outcome = read_bytes(tmp_path, "a.jsonl", rows[0] + b"oops\n" + rows[1] + b"\n \n" + rows[2] + b"{}\n" + rows[3])
    assert [document["row"] for document in outcome.documents] == [0, 2, 5, 7]
    assert [(failure.row, failure.reason) for failure in outcome.failures] == [(1, "bad_json"), (6, "no_text")]
    assert outcome.failures[0].byte_offset == len(rows[0])
    assert outcome.failures[0].byte_length == 4
    assert outcome.damage is None


def test_failures_tell_nothing_of_the_text() -> None:
    for line in (b'{"text":"secret', b'{"text":["secret"]}', b'{"text":"secret\xff"}', b'{"text":"secret\\ud800"}'):
        record = _one(line)
        assert isinstance(record, Failure)
        assert "secret" not in record.detail


def test_only_line_feeds_end_lines() -> None:
    record = _one('{"text":"a\u2028b\u0085c"}'.encode())
    assert isinstance(record, Document)
    (first, second) = _read(b'{"text":"a"}\r{"text":"b"}\n{"text":"c"}\n')
    assert isinstance(first, Failure)
    assert isinstance(second, Document)


def test_a_byte_order_mark_is_allowed_at_the_beginning_alone() -> None:
    records = _read(b'\xef\xbb\xbf{"text":"a"}\n\xef\xbb\xbf{"text":"b"}\n')
    assert [type(record) for record in records] == [Document, Failure]


def test_other_field_names_can_hold_text_and_id() -> None:
    record = _one(b'{"text":1,"content":"a","uid":"u"}', ReadSettings(text_field="content", id_field="uid"))
    assert record == Document(b"u", b"a", 0, 0, 34, b'{"text":1}')


@pytest.mark.parametrize(("size", "fits"), [(20, True), (21, False)])
def test_the_text_limit_counts_utf8_bytes_and_fits_itself(size: int, fits: bool) -> None:
    record = _one(
        json.dumps({"text": "é" * (size // 2) + "x" * (size % 2)}).encode(), ReadSettings(max_document_bytes=20)
    )
    assert isinstance(record, Document if fits else Failure)


def test_a_line_beyond_the_limit_is_passed_over_and_counted() -> None:
    limit = ReadSettings(max_document_bytes=10).max_line_bytes
    head = b'{"text":"ok","x":"'

    def pieces() -> Iterator[bytes]:
        for filler in (limit - len(head) - 2, limit - len(head) - 1):
            yield head
            yield b"x" * filler
            yield b'"}\n'
        yield b'{"text":"after"}\n'

    fits, long, after = one_by_one(read_jsonl(pieces(), "s", ReadSettings(max_document_bytes=10), None))
    assert isinstance(fits, Document)
    assert isinstance(long, Failure)
    assert isinstance(after, Document)
    assert (long.row, long.reason, long.byte_length) == (1, "too_large", limit + 1)
    assert (after.row, after.byte_offset) == (2, 2 * limit + 3)


def test_html_in_the_text_field_is_extracted(tmp_path: Path) -> None:
    data = jsonl([{"id": "a", "text": "<p>One</p><p>Two</p>"}, {"id": "b", "text": "<a>" * 30_000}])
    outcome = read_bytes(tmp_path, "a.jsonl", data, ReadSettings(html=True))
    assert outcome.texts == ["One\n\nTwo"]
    assert outcome.reasons == ["bad_html"]
