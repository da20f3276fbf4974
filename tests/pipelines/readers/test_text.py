"""Plain text: one document a file."""

from pathlib import Path

import pytest

from pipelines.documents import Failure
from pipelines.readers import ReadSettings
from tests.pipelines.readers.making import COMPRESS, read_bytes


def test_a_file_is_one_document_named_as_its_shard(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.txt", "One.\n\nTwo: ü\0\n".encode())
    assert outcome.documents == [
        {
            "id": "shard",
            "text": "One.\n\nTwo: ü\0\n",
            "row": 0,
            "byte_offset": 0,
            "byte_length": 15,
            "metadata": "{}",
        }
    ]
    assert outcome.reader is not None
    assert outcome.reader.text_bytes == 15


def test_an_empty_file_holds_no_document(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.txt", b"")
    assert (outcome.documents, outcome.failures, outcome.damage) == ([], [], None)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, "a.txt", b"\xef\xbb\xbfabc").texts == ["abc"]


def test_bytes_that_are_not_utf8_fail_with_their_place(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.txt", b"abc\xff")
    detail = "byte 3 is not UTF-8"
    assert outcome.failures == [Failure(row=0, byte_offset=0, byte_length=4, reason="bad_utf8", detail=detail)]


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False), (5_000, False)])
def test_the_limit_itself_fits(tmp_path: Path, size: int, fits: bool) -> None:
    outcome = read_bytes(tmp_path, "a.txt.gz", COMPRESS[".gz"](b"x" * size), ReadSettings(max_document_bytes=100))
    assert len(outcome.documents) == fits
    assert [(failure.reason, failure.byte_length) for failure in outcome.failures] == (
        [] if fits else [("too_large", size)]
    )


def test_a_damaged_file_is_no_document(tmp_path: Path) -> None:
    outcome = read_bytes(tmp_path, "a.txt.gz", COMPRESS[".gz"](b"some text" * 100)[:-3])
    assert (outcome.documents, outcome.failures) == ([], [])
    assert outcome.damage is not None
    assert outcome.damage.reason == "truncated"


def test_html_is_extracted_where_the_source_says_so(tmp_path: Path) -> None:
    data = b"<html><body><p>Hello</p><script>x</script></body></html>"
    assert read_bytes(tmp_path, "a.txt", data, ReadSettings(html=True)).texts == ["Hello"]
