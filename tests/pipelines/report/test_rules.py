"""The rules of a source in the report."""

import math
from dataclasses import replace

from mixes.ledger import Count
from pipelines.report.data import Borderline, Edit, RuleData, Spread
from pipelines.report.rules import edits_of, rules_each, rules_with_limits
from tests.pages.parsed_page import parse
from tests.pipelines.report.report_builder import make_empty_source, make_source


def borderline(*, dropped: bool, value: float, id: str) -> Borderline:  # noqa: A002 - the field's name
    return Borderline(
        dropped=dropped, value=value, distance=0, order=0, id=id, shard="a.jsonl", row=1_234, excerpt="<b>x</b>"
    )


SHORT = RuleData(
    reason="num_words_min",
    measure="num_words",
    limit="at least 50",
    judged=1_000,
    dropped=Count(documents=100, bytes=9),
    only=Count(documents=25, bytes=3),
    spread=Spread(edges="octaves", documents={-1: 3, 61: 90, 64: 907}, within={64: 900}),
    borderline=(borderline(dropped=True, value=49, id="out"), borderline(dropped=False, value=50, id="in")),
)
UNUSED = RuleData(reason="license_not_among", measure="license", limit="one of MIT", judged=1_000)


def test_rules_are_listed_with_what_each_drops_alone_and_what_is_counted_under_it() -> None:
    source = make_source(shape={("rules", "num_words_min"): 0.1}, rules=(SHORT, UNUSED))
    assert parse(rules_with_limits(source)).tables["Rules and their limits"][1:] == [
        ["num_words_minnum_words: at least 50", "10.0\u202f%", "2.5\u202f%", "1,000"],
        ["license_not_amonglicense: one of MIT", "0\u202f%", "0\u202f%", "0"],
    ]


def test_source_without_rules_says_so() -> None:
    assert parse(rules_with_limits(make_empty_source())).text == "This source has no rules."
    assert parse(rules_each(make_empty_source())).text == "No rule of this source limits a number."


def test_each_rule_shows_its_spread_and_the_documents_at_its_limit() -> None:
    page = parse(rules_each(make_source(rules=(SHORT, UNUSED))))
    assert page.text.index("Just outside the limit") < page.text.index("out") < page.text.index("Just inside")
    assert "0 or less: 3 read, 0 kept" in page.text
    assert "40 to under 48: 90 read, 0 kept" in page.text
    assert "64 to under 80: 907 read, 900 kept" in page.text
    assert "<b>x</b>" in page.text
    assert "license" not in page.text


def test_edges_of_bins_are_where_values_fall() -> None:
    octaves = Spread(edges="octaves", documents={}, within={})
    assert [octaves.edge(place) for place in (-1, 0, 4, 40, 41, 44)] == [0.0, 2**-10, 2**-9, 1.0, 1.25, 2.0]
    assert Spread(edges="share", documents={}, within={}).edge(10) == 0.25


def test_a_spread_of_the_largest_numbers_has_edges_and_labels() -> None:
    largest = 4 * (1023 + 10) + 3  # where infinity falls too
    spread = Spread(edges="octaves", documents={largest: 5, 4 * 64: 1}, within={})
    assert (spread.edge(largest), spread.edge(largest + 1)) == (1.75 * 2.0**1023, math.inf)
    page = parse(rules_each(make_source(rules=(replace(SHORT, spread=spread),))))
    assert "1.57e+308 to under inf: 5 read, 0 kept" in page.text
    assert "1.8e+16 to under 2.25e+16: 1 read, 0 kept" in page.text


def test_edits_are_counted_and_those_that_add_bytes_are_negative() -> None:
    edits = (
        Edit(reason="c4_policy", count=Count(documents=3, bytes=1_200)),
        Edit(reason="email", count=Count(documents=2, bytes=-40)),
    )
    source = replace(make_source(), edits=edits)
    rows = parse(edits_of(source)).tables["Span edits"][1:]
    assert [[row[0], row[1], row[3]] for row in rows] == [
        ["c4_policy", "3", "1,200"],
        ["email", "2", "\N{MINUS SIGN}40"],
    ]
    assert parse(edits_of(replace(source, edits=()))).text == "Nothing was edited."
