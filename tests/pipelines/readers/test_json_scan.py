"""The kernel for JSON lines says what the parser says, wherever it says anything; usual lines it takes itself."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from pipelines.documents import Failure
from pipelines.readers import ReadSettings
from pipelines.readers.batches import Document
from pipelines.readers.json_scan import BLANK, DOCUMENT, OTHER, PADDING, find_lines, scan_lines
from pipelines.readers.jsonl import read_jsonl
from tests.filters.texts import bundled_texts
from tests.pipelines.readers.making import one_by_one

_NAME = "shard.jsonl"
_STRINGS = st.text(max_size=12) | st.sampled_from(["text", "id", "a", '\U0001f600é\n\t"\\', "x" * 70, "é" * 9])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_STRINGS, inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.lists(
    st.tuples(st.sampled_from(["text", "text", "id", "url", "", "é", "n\\"]) | _STRINGS, _VALUES), max_size=5
)
_RAW = (
    '{"text":"\\ud83d\\ude00\\u0041\\u00e9\\u20ac"}',
    '{"text":"\\ud83d"}',
    '{"text":"\\ude00\\ud83d"}',
    '{"text":"a","x":"\\ud800"}',
    '{"text":"\\u12"}',
    '{"text":"a\tb"}',
    '{"text":"a"} x',
    '{"text":"a"}}',
    '{"text":"a",}',
    '{"text":"a" "id":1}',
    '{"text":"a","n":01}',
    '{"text":"a","n":-}',
    '{"text":"a","n":1.}',
    '{"text":"a","n":1e}',
    '{"text":"a","n":-0.0e+7,"m":[ ],"o":{ },"p":[1 , {"q" : [ ] } ]}',
    '{"text":"a","n":[1,]}',
    '{"text":"a","n":{"b":1,}}',
    '{"text":"a","n":{"b"}}',
    '{"text":"a","n":[}',
    '{"text":"a","n":truE}',
    '{"text":"a","n":nul}',
    '{"text":"a","id":-0}',
    '{"text":"a","id":1.0}',
    '{"text":"a","id":""}',
    '{"text":"a","id":"","id":7}',
    '{"text":"a","id":7,"id":""}',
    '{"text":"a","id":"b\\n"}',
    '{"text":"a","b":1,"b":2}',
    '{"text":"a","\\u0062":1,"b":2}',
    '{"\\u0074ext":"a"}',
    '{"text":"a","d":' + "[" * 70 + "]" * 70 + "}",
    '{"text":"a","d":' + "[" * 300 + "]" * 300 + "}",
    '{"text":"a",' + ",".join(f'"k{k}":{k}' for k in range(80)) + "}",
    "[]",
    "{}",
    "{",
    '"text"',
    " \r\t",
    "",
    "\x0b",
    '\ufeff{"text":"a"}',
)


def _written(fields: list[tuple[str, Any]], *, is_ascii: bool, spaces: str) -> bytes:
    pairs = (
        f"{json.dumps(key, ensure_ascii=is_ascii)}{spaces}:{json.dumps(value, ensure_ascii=is_ascii)}"
        for key, value in fields
    )
    return f"{spaces}{{{f'{spaces},'.join(pairs)}{spaces}}}{spaces}".encode(errors="surrogatepass")


_LINES = st.builds(_written, _FIELDS, is_ascii=st.booleans(), spaces=st.sampled_from(["", " ", "\t", "\r"]))


def _records(data: bytes, *, by_parser: bool) -> list[Document | Failure]:
    """Return what is read of some lines in the order of their rows, by the parser alone or as a build does."""
    extract = str if by_parser else None  # where texts are HTML, the kernel is not asked
    records = one_by_one(read_jsonl(iter([data]), _NAME, ReadSettings(), extract))
    return sorted(records, key=lambda record: record.row)


def _check(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    assert _records(data, by_parser=False) == _records(data, by_parser=True)


@examples(max_examples=300)
@given(st.lists(_LINES, min_size=1, max_size=4))
def test_any_object_is_read_as_the_parser_reads_it(lines: list[bytes]) -> None:
    _check(lines)


@examples(max_examples=300)
@given(st.sampled_from(_RAW).map(str.encode), st.data())
def test_a_line_with_a_byte_changed_is_read_as_the_parser_reads_it(line: bytes, data: st.DataObject) -> None:
    if line:
        place = data.draw(st.integers(0, len(line) - 1))
        byte = data.draw(st.sampled_from(b'"\\{}[],:0-.eux \t\x00\x1f\x7f\x80\xc3\xed\xf0\xff'))
        line = line[:place] + bytes([byte]) + line[place + data.draw(st.integers(0, 1)) :]
    _check([b'{"text":"before"}', line, b'{"text":"after"}'])


@pytest.mark.parametrize("line", _RAW)
def test_odd_lines_are_read_as_the_parser_reads_them(line: str) -> None:
    _check([b'{"text":"before","id":"b"}', line.encode(), b'{"text":"after"}'])
    _check([line.encode()])


@examples(max_examples=300)
@given(st.binary(max_size=30))
def test_bytes_that_are_no_utf8_are_never_taken(text: bytes) -> None:
    line = b'{"text":"' + text.replace(b"\n", b"") + b'"}'
    _check([b"", line])


def test_usual_lines_are_taken_by_the_kernel() -> None:
    texts = [*bundled_texts()[:200], "", "\U0001f600 \ud7ff\ue000\uffff"]
    for is_ascii in (False, True):
        records = [
            {"id": f"d{k}", "text": text, "url": "https://a.example/é", "n": [k, 2.5]} for k, text in enumerate(texts)
        ]
        block = "".join(json.dumps(each, ensure_ascii=is_ascii) + "\n" for each in records).encode() + bytes(PADDING)
        scan = scan_lines(block, 0, ("text", "id"), _NAME, 1 << 26)
        assert (scan.lines["kind"] == DOCUMENT).all()
        ends = scan.offsets[1]
        assert [scan.texts[ends[k] : ends[k + 1]].tobytes().decode() for k in range(len(texts))] == texts


def test_lines_blanks_and_places() -> None:
    block = b'{"text":"a"}\n \n\nno\n{"text":"b"}' + bytes(PADDING)
    scan = scan_lines(block, 41, ("text", "id"), "n", 10)
    assert scan.lines["kind"].tolist() == [DOCUMENT, BLANK, BLANK, OTHER, DOCUMENT]
    assert scan.ids.tobytes() == b"n#41n#45"
    assert scan.metadata.tobytes() == b"{}{}"
    for name in ("start", "length"):
        assert np.array_equal(scan.lines[name], find_lines(block)[name])


def test_a_text_beyond_the_limit_is_left_to_the_parser() -> None:
    block = b'{"text":"abc"}\n{"text":"abcd"}\n' + bytes(PADDING)
    assert scan_lines(block, 0, ("text", "id"), "n", 3).lines["kind"].tolist() == [DOCUMENT, OTHER]
