"""WARC and WET shards: which records are documents, and what comes of each."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.readers import ReadSettings
from tests.pipelines.readers.making import (
    Outcome,
    http_response,
    page,
    read,
    read_bytes,
    response,
    some_records,
    warc_record,
    wet_records,
)

_DATA = Path(__file__).parent / "data"
_EXAMPLE = "Example Domain\n\nThis domain is established to be used for illustrative examples in documents."


def _skipped(outcome: Outcome) -> dict[str, int]:
    assert outcome.reader is not None
    return outcome.reader.skipped


def _fields(document: dict[str, Any]) -> dict[str, Any]:
    fields = json.loads(document["metadata"])
    assert isinstance(fields, dict)
    return fields


def test_pages_are_documents_and_other_records_are_counted(tmp_path: Path) -> None:
    records = [*some_records(2), warc_record("request", b"GET /"), warc_record("nonsense", b"")]
    outcome = read_bytes(tmp_path, "a.warc", b"".join(records))
    assert outcome.texts == ["A page of some words, number 0.", "A page of some words, number 1."]
    assert [document["row"] for document in outcome.documents] == [1, 2]
    second = outcome.documents[1]
    assert second["id"] == "r1"
    assert second["byte_offset"] == len(records[0]) + len(records[1])
    assert second["byte_length"] == len(records[2]) - 4
    assert _fields(second) == {
        "url": "http://example.org/1",
        "date": "2024-01-01T00:00:00Z",
        "content_type": "text/html",
    }
    assert _skipped(outcome) == {"warcinfo_record": 1, "request_record": 1, "other_record": 1}
    assert (outcome.failures, outcome.damage) == ([], None)


_OTHERS = {"warcinfo_record": 2, "request_record": 2, "revisit_record": 1}


@pytest.mark.parametrize(
    ("file", "texts", "skipped"),
    [
        ("example.warc.gz", [_EXAMPLE], _OTHERS),
        ("example-bad-non-chunked.warc.gz", [_EXAMPLE], _OTHERS),
        ("example-resource.warc.gz", [_EXAMPLE], {"warcinfo_record": 2}),
        ("example-iana.org-chunked.warc", ["Internet Assigned"], {"warcinfo_record": 1, "request_record": 1}),
        ("post-test.warc.gz", [], {"content_type": 3, "request_record": 3}),
    ],
)
def test_archives_of_others_are_understood(file: str, texts: list[str], skipped: dict[str, int]) -> None:
    outcome = read(_DATA / f"warcio-{file}")
    assert [text[: len(start)] for text, start in zip(outcome.texts, texts, strict=True)] == texts
    assert _skipped(outcome) == skipped
    assert (outcome.failures, outcome.damage) == ([], None)


def test_an_archive_with_wrong_lengths_is_corrupt() -> None:
    outcome = read(_DATA / "warcio-example-trunc.warc")
    assert outcome.documents == []
    assert outcome.damage is not None
    assert (outcome.damage.reason, outcome.damage.byte_offset) == ("corrupt", 1197)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (response(b"x", Content_Type="image/png"), "content_type"),
        (response(b"x", Content_Type=""), "content_type"),
        (response(page("gone"), status="404 Not Found"), "http_status"),
        (response(page("part"), status="206 Partial Content"), "http_status"),
        (warc_record("response", b"1.2.3.4", WARC_Target_URI="dns:example.org", Content_Type="text/dns"), "not_http"),
        (warc_record("resource", b"x", Content_Type="application/pdf"), "content_type"),
        (warc_record("conversion", b"x"), "conversion_record"),
    ],
)
def test_records_that_are_no_pages_are_counted_by_reason(tmp_path: Path, record: bytes, reason: str) -> None:
    outcome = read_bytes(tmp_path, "a.warc", record)
    assert (outcome.documents, outcome.failures) == ([], [])
    assert _skipped(outcome) == {reason: 1}


def test_plain_text_is_kept_as_it_is(tmp_path: Path) -> None:
    record = response(b" a <b> \r\n caf\xe9\n", Content_Type="text/plain; charset=latin1")
    outcome = read_bytes(tmp_path, "a.warc", record)
    assert outcome.texts == [" a <b> \r\n café\n"]


def test_the_type_of_a_silent_server_is_the_crawlers(tmp_path: Path) -> None:
    block = b"HTTP/1.1 200 OK\r\n\r\n" + page("Some text of a page.")
    identified = {"WARC_Target_URI": "https://a.b/", "WARC_Identified_Payload_Type": "text/html"}
    outcome = read_bytes(tmp_path, "a.warc", warc_record("response", block, **identified))
    assert outcome.texts == ["Some text of a page."]


def test_metadata_tells_language_and_truncation(tmp_path: Path) -> None:
    block = http_response(page("Text of this page."), Content_Language="de")
    headers = {"WARC_Target_URI": "<http://a.b/>", "WARC_Truncated": "length"}
    (document,) = read_bytes(tmp_path, "a.warc", warc_record("response", block, **headers)).documents
    assert document["id"] == "shard#0"
    assert _fields(document) == {
        "url": "http://a.b/",
        "truncated": "length",
        "content_type": "text/html",
        "language": "de",
    }


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"<html>no head</html>", "bad_html"),
        (http_response(b"\x1f\x8b damaged", Content_Encoding="gzip"), "bad_html"),
        (http_response(b"x", Content_Encoding="compress"), "bad_html"),
        (http_response(b"<div>" * 30_000), "bad_html"),
        (http_response(b"x" * 300_001), "too_large"),
        (http_response(gzip.compress(b"x" * 300_001), Content_Encoding="gzip"), "too_large"),
    ],
)
def test_pages_that_cannot_be_read_fail_alone(tmp_path: Path, block: bytes, reason: str) -> None:
    bad = warc_record("response", block, WARC_Target_URI="http://a.b/")
    data = bad + response(page("The page after it."))
    outcome = read_bytes(tmp_path, "a.warc", data, ReadSettings(max_document_bytes=300_000))
    assert outcome.texts == ["The page after it."]
    (failure,) = outcome.failures
    assert (failure.row, failure.reason, failure.byte_length) == (0, reason, len(bad) - 4)


def test_a_large_file_that_is_no_page_is_not_too_large(tmp_path: Path) -> None:
    data = response(b"x" * 300_001, Content_Type="video/mp4")
    outcome = read_bytes(tmp_path, "a.warc", data, ReadSettings(max_document_bytes=1_000))
    assert _skipped(outcome) == {"content_type": 1}
    assert outcome.failures == []


def test_texts_of_wet_files_are_taken_as_they_are(tmp_path: Path) -> None:
    bad = warc_record("conversion", b"\xff")
    outcome = read_bytes(tmp_path, "a.warc.wet", b"".join([*wet_records(2), bad, *some_records(1)]))
    assert outcome.texts == ["Text 0 ü\n", "Text 1 ü\n"]
    assert [document["id"] for document in outcome.documents] == ["c0", "c1"]
    assert outcome.reasons == ["bad_utf8"]
    assert _skipped(outcome) == {"warcinfo_record": 1, "response_record": 1}
