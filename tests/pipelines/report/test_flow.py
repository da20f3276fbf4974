"""The flow: its branches account for every document, whatever the number of reasons."""

import pytest

from mixes.ledger import Count, add_up
from pages.markup import Markup
from pipelines.report.data import Loss, SourceData
from pipelines.report.flow import MAX_REASONS, document_flow
from tests.pages.parsed_page import parse
from tests.pipelines.report.report_builder import make_empty_source, make_source

ROWS = "What became of the documents read"


def flow_of(source: SourceData) -> Markup:
    return document_flow(source.read, source.kept, source.left_over, source.losses)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_rows_give_the_numbers_of_the_source() -> None:
    source = make_source(
        shape={("read", "bad_json"): 0.01, ("rules", "short"): 0.2, ("match", "copy"): 0.1}, epochs=0.5
    )
    rows = {row[0]: row[1] for row in parse(flow_of(source)).tables[ROWS]}
    assert rows == {
        "outcome": "documents",
        "kept": "6,900",
        "in the mix, each counted once": "3,450",
        "left over by the budget": "3,450",
        "failed to read": "100",
        "bad_json": "100",
        "dropped by rules": "2,000",
        "short": "2,000",
        "dropped by match": "1,000",
        "copy": "1,000",
    }


def test_branches_account_for_every_document() -> None:
    shape = {("rules", f"reason_{place}"): 0.001 * (place + 1) for place in range(30)} | {("read", "bad_json"): 0.02}
    parsed = parse(flow_of(make_source(shape=shape)))
    rows = parsed.tables[ROWS][1:]
    headings = ("kept", "failed to read", "dropped by rules")
    assert sum(number(row[1]) for row in rows if row[0] in headings) == 10_000
    assert sum(number(row[1]) for row in rows if row[0] not in headings) == 10_000
    assert [tag for tag, _ in parsed.tags].count("path") == len(rows) - len(headings)


def test_reasons_beyond_the_bound_share_a_branch_and_are_all_in_a_table() -> None:
    losses = [
        Loss(station="rules", reason=f"r{place:02d}", count=Count(documents=100 - place, bytes=1))
        for place in range(40)
    ]
    total = add_up(loss.count for loss in losses)
    parsed = parse(document_flow(total, Count(), Count(), losses))
    assert [row[:2] for row in parsed.tables[ROWS]][-1] == ["26 other reasons", f"{sum(range(61, 87)):,}"]
    assert len(parsed.tables["All reasons"]) == 41


@pytest.mark.parametrize("reasons", [MAX_REASONS, MAX_REASONS + 1])
def test_a_single_reason_is_never_called_other(reasons: int) -> None:
    losses = [Loss(station="match", reason=f"r{place}", count=Count(documents=9, bytes=9)) for place in range(reasons)]
    parsed = parse(document_flow(Count(documents=999, bytes=999), Count(), Count(), losses))
    assert "other" not in "".join(row[0] for row in parsed.tables[ROWS])


def test_failures_always_have_a_branch_of_their_own() -> None:
    drops = {("rules", f"reason_{place}"): 0.02 for place in range(MAX_REASONS + 5)}
    failures = {("read", "bad_json"): 0.0002, ("read", "bad_utf8"): 0.0001}
    rows = {row[0]: row[1] for row in parse(flow_of(make_source(shape=drops | failures))).tables[ROWS]}
    assert (rows["bad_json"], rows["bad_utf8"], rows["5 other reasons"]) == ("2", "1", "1,000")


def test_reason_that_took_nothing_has_no_row() -> None:
    ten = Count(documents=10, bytes=10)
    parsed = parse(document_flow(ten, ten, Count(), [Loss(station="rules", reason="unused", count=Count())]))
    assert [row[0] for row in parsed.tables[ROWS]] == ["outcome", "kept", "in the mix, each counted once"]


def test_nothing_kept_and_all_left_over_have_no_branch_into_the_mix() -> None:
    ten = Count(documents=10, bytes=10)
    everything = [Loss(station="read", reason="bad_json", count=ten)]
    assert "in the mix" not in parse(document_flow(ten, Count(), Count(), everything)).text
    assert "in the mix" not in parse(document_flow(ten, ten, ten, [])).text


def test_source_of_which_nothing_was_read_says_so() -> None:
    assert parse(flow_of(make_empty_source())).text == "No document was read."
