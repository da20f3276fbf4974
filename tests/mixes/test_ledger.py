"""The ledger: it balances to the document and to the byte, or says where it does not."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from mixes.errors import MixError
from mixes.ledger import Count, Ledger, SourceLedger, SplitLedger, TokenCount, balance, dump, parse

ALONE = SplitLedger(
    name="web",
    kept=TokenCount(documents=11, bytes=1190, tokens=400),
    held_out=TokenCount(documents=1, bytes=90, tokens=30),
    whole_epochs=0,
    prefix=TokenCount(documents=4, bytes=500, tokens=150),
    in_mix=TokenCount(documents=4, bytes=500, tokens=150),
    left_over=TokenCount(documents=6, bytes=600, tokens=220),
)
REPEATED = replace(
    ALONE, whole_epochs=2, in_mix=TokenCount(documents=24, bytes=2700, tokens=890), left_over=TokenCount()
)
EMPTY = SplitLedger(
    name="web/empty",
    kept=TokenCount(),
    held_out=TokenCount(),
    whole_epochs=0,
    prefix=TokenCount(),
    in_mix=TokenCount(),
    left_over=TokenCount(),
)
WEB = SourceLedger(
    name="web",
    read=Count(documents=20, bytes=2000),
    failed={"bad_json": Count(documents=1, bytes=7), "damaged_shard": Count(documents=1, bytes=93)},
    dropped={
        "forget": {},
        "sample": {},
        "rules": {"word_count_min": Count(documents=3, bytes=300), "language": Count(documents=2, bytes=200)},
        "match": {"exact_duplicate": Count(documents=2, bytes=200)},
        "tokenize": {},
    },
    kept=TokenCount(documents=11, bytes=1190, tokens=400),
    edited_bytes=10,
    splits=(ALONE,),
)
MATH = replace(WEB, name="math", splits=(replace(REPEATED, name="math/best"),))
LEDGER = Ledger(name="smoke", sources=(WEB, MATH))


def test_a_ledger_that_balances_passes() -> None:
    balance(LEDGER)
    balance(Ledger(name="empty", sources=()))


def test_marks_longer_than_what_they_stand_for_are_bytes_below_none() -> None:
    longer = replace(WEB, read=Count(documents=20, bytes=1970), edited_bytes=-20)
    assert parse(dump(Ledger(name="smoke", sources=(longer,))), "ledger.json").sources == (longer,)


def test_what_nobody_could_read_is_not_written() -> None:
    with pytest.raises(MixError, match=r"edited_bytes: found 9223372036854775808, wanted an integer in \[-2\*\*63"):
        dump(Ledger(name="smoke", sources=(replace(WEB, edited_bytes=2**63),)))


def test_a_source_without_documents_balances() -> None:
    empty = replace(
        WEB,
        read=Count(),
        failed={},
        dropped={"forget": {}, "sample": {}, "rules": {}, "match": {}, "tokenize": {}},
        kept=TokenCount(),
        edited_bytes=0,
        splits=(EMPTY,),
    )
    balance(Ledger(name="smoke", sources=(empty,)))


def test_a_ledger_is_read_as_it_was_written() -> None:
    data = dump(LEDGER)
    assert parse(data, "ledger.json") == LEDGER
    assert dump(parse(data, "ledger.json")) == data


def test_the_form_on_disk_never_changes() -> None:
    record = json.loads(dump(LEDGER))
    assert record["format"] == "gristmill-ledger/3"
    assert sorted(record["sources"][0]) == [
        "dropped",
        "edited_bytes",
        "failed",
        "kept",
        "name",
        "read",
        "splits",
    ]
    assert sorted(record["sources"][0]["splits"][0]) == [
        "held_out",
        "in_mix",
        "kept",
        "left_over",
        "name",
        "prefix",
        "whole_epochs",
    ]
    assert record["sources"][0]["dropped"]["rules"]["language"] == {"bytes": 200, "documents": 2}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"read": Count(documents=21, bytes=2000)},
            (
                "documents: found read 21, but failed 2 + forget 0 + sample 0 + rules 5 + match 2 + tokenize 0 + "
                "kept 11 = 20; 1 lost"
            ),
        ),
        (
            {"read": Count(documents=20, bytes=1990)},
            "bytes: found read 1,990, but failed 100 + forget 0 + sample 0 + rules 500 + match 200 + tokenize 0 ",
        ),
        (
            {"splits": (ALONE, replace(EMPTY, kept=TokenCount(tokens=3)))},
            "tokens: found kept 400, but web 400 + web/empty 3 = 403; 3 too many",
        ),
        ({"edited_bytes": 0}, "bytes: found read 2,000, but"),
        ({"failed": {}}, "documents: found read 20, but failed 0"),
        ({"dropped": {"rules": {}, "match": {}}}, "dropped: found the stations ['match', 'rules'], wanted"),
        ({"failed": {"Bad": Count()}}, "found the reason 'Bad', wanted lower case"),
    ],
)
def test_what_does_not_balance_is_named_with_source_station_and_difference(
    changes: dict[str, Any], message: str
) -> None:
    broken = Ledger(name="smoke", sources=(MATH, replace(WEB, **changes)))
    with pytest.raises(MixError, match=re.escape(f"ledger of 'smoke': source 'web': {message}")):
        balance(broken)
    with pytest.raises(MixError, match=re.escape(message)):
        dump(broken)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            replace(ALONE, in_mix=TokenCount(documents=4, bytes=500, tokens=151)),
            "tokens: found in_mix 151, but 0 whole epochs 0 + prefix 150 = 150; 1 lost",
        ),
        (
            replace(ALONE, left_over=TokenCount(documents=8, bytes=600, tokens=220)),
            "documents: found kept 11, but held_out 1 + prefix 4 + left_over 8 = 13; 2 too many",
        ),
        (  # what is seen whole leaves nothing over
            replace(REPEATED, left_over=ALONE.left_over),
            "documents: found kept 11, but held_out 1 + whole epochs 10 + left_over 6 = 17; 6 too many",
        ),
    ],
)
def test_a_split_that_does_not_balance_is_named(split: SplitLedger, message: str) -> None:
    with pytest.raises(MixError, match=re.escape(f"ledger of 'smoke': 'web': {message}")):
        balance(Ledger(name="smoke", sources=(replace(WEB, splits=(split,)),)))


def test_every_number_of_a_ledger_is_checked() -> None:
    data = dump(LEDGER).decode()
    for number in re.finditer(r'"(documents|bytes|tokens|edited_bytes|whole_epochs)": \d+', data):
        changed = f"{data[: number.end()]}9{data[number.end() :]}".replace(": 09", ": 9")
        with pytest.raises(MixError):
            parse(changed.encode(), "ledger.json")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"format": "gristmill-ledger/1"}', "ledger.json: found the format 'gristmill-ledger/1', wanted"),
        (b'{"format": "gristmill-ledger/3"}', "ledger.json: missing 'name', 'sources'"),
        (
            b'{"format": "gristmill-ledger/3", "name": "a", "sources": [{}]}',
            "ledger.json: sources[0]: missing 'name', 'read'",
        ),
    ],
)
def test_what_is_no_ledger_is_refused_with_its_place(data: bytes, message: str) -> None:
    with pytest.raises(MixError, match=f"^{re.escape(message)}"):
        parse(data, "ledger.json")


def test_counts_are_taken_from_counts() -> None:
    assert Count(documents=3, bytes=30) - Count(documents=1, bytes=7) == Count(documents=2, bytes=23)
    less = TokenCount(documents=3, bytes=30, tokens=9) - TokenCount(documents=1, bytes=7, tokens=2)
    assert less == TokenCount(documents=2, bytes=23, tokens=7)
