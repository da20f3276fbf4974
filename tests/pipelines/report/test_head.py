"""The head: key figures, the balance, and the box of what needs a look."""

from dataclasses import replace

from mixes.ledger import Count
from pipelines.report.data import DamagedShard, FailingShard
from pipelines.report.head import MAX_SHARDS, attention, balance, exact_balance, masthead
from tests.pages.parsed_page import parse
from tests.pipelines.report.report_builder import make_empty_source, make_large_report, make_source

CUT = DamagedShard(
    shard="a/0.jsonl.gz", reason="truncated", detail="no trailer", documents_before=412, policy="quarantine"
)


def test_head_names_the_mix_and_gives_its_key_figures() -> None:
    data = make_large_report()
    text = parse(masthead(data)).text
    for found in ("smoke", data.fingerprint, "seed1234", "dolma2.json.gz", "2.00 billion", "4.43 million"):
        assert found in text
    assert f"{data.tokens:,} of 2,000,000,000 wanted" in text


def test_balance_gives_the_sum_in_numbers() -> None:
    source = make_source(shape={("read", "bad_json"): 0.1, ("rules", "short"): 0.2})
    assert parse(balance([source, source])).text == (
        "The ledger balances: 20,000 read = 14,000 kept + 4,000 dropped + 2,000 failed, "
        "in documents and in bytes, for every source."
    )


def test_one_missing_byte_is_told_with_the_source() -> None:
    wrong = make_source("code")
    wrong = replace(wrong, read=wrong.read + Count(bytes=1))
    parsed = parse(balance([make_source("web"), wrong]))
    assert parsed.text.startswith("The ledger does not balance for code: 20,000 read against")
    assert parsed.classes("p") == ["balance wrong"]


def test_exact_balance_has_documents_and_bytes_of_each_source() -> None:
    source = make_source()
    rows = parse(exact_balance([source])).tables["The balance of each source"][1:]
    counts = (source.read, source.kept, source.dropped, source.failed)
    assert rows == [
        ["wiki", "documents", *(f"{number.documents:,}" for number in counts), ""],
        ["", "bytes", *(f"{number.bytes:,}" for number in counts), "0"],
    ]


def test_damaged_shards_and_failures_are_told_in_a_box() -> None:
    source = make_source(shape={("read", "bad_json"): 0.01, ("read", "bad_utf8"): 0.02}, damaged_shards=[CUT])
    parsed = parse(attention([source, make_source("fine")]))
    assert parsed.tags[0][1]["class"] == "attention"
    assert "wiki a/0.jsonl.gztruncated: no trailer; 412 documents before the damage; policy quarantine" in parsed.text
    assert parsed.tables["Records that failed"][1:] == [
        ["wiki", "300", "3.0\u202f%", parsed.tables["Records that failed"][1][3], "bad_utf8 200bad_json 100"]
    ]


def test_damaged_shards_beyond_the_bound_are_counted() -> None:
    source = replace(make_empty_source(), damaged_shards=(CUT,) * (MAX_SHARDS + 23))
    parsed = parse(attention([source]))
    assert "123 damaged shards" in parsed.text
    assert parsed.text.endswith("and 23 more")
    assert [tag for tag, _ in parsed.tags].count("li") == MAX_SHARDS + 1


def test_shards_with_records_that_failed_are_named_those_with_the_most_first() -> None:
    failing = (
        FailingShard(shard="a/<0>.jsonl.gz", reasons={"bad_json": 2}),
        FailingShard(shard="a/1.jsonl.gz", reasons={"bad_utf8": 200, "damaged_shard": 98}),
    )
    source = replace(make_source(shape={("read", "bad_json"): 0.03}), failing_shards=failing)
    assert parse(attention([source])).text.endswith(
        "wiki a/1.jsonl.gzbad_utf8 200damaged_shard 98wiki a/<0>.jsonl.gzbad_json 2"
    )
    many = replace(source, failing_shards=failing[:1] * (MAX_SHARDS + 3))
    assert parse(attention([many])).text.endswith("and 3 shards more: see shards.json")


def test_documents_in_the_mix_are_told_with_and_without_repeats() -> None:
    once = make_large_report()
    seen = sum(source.different.documents for source in once.sources)
    assert f"{seen:,} different ones, each counted as often as it is seen; " in parse(masthead(once)).text
    assert " of text, each seen once" in parse(masthead(replace(once, documents=seen))).text


def test_mix_without_failures_has_no_box() -> None:
    parsed = parse(attention([make_source()]))
    assert parsed.text == "Nothing failed: every record of every shard was read."
    assert [tag for tag, _ in parsed.tags] == ["p"]
