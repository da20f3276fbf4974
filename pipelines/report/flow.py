"""From read to mix: a drawing whose branches end at the rows of a table that counts them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mixes.ledger import Count, add_up
from pages.figures import count, share, size, things
from pages.markup import Child, Markup, element, foreign, join
from pages.tables import fold, scrolling, table
from pipelines.report.charts import Ribbon, flow
from pipelines.report.data import LOST_AT, READ, Loss, in_order

MAX_REASONS = 14
"""Reasons of drops with a branch of their own; those beyond are one branch a station, and rows of a table.

Failures always have their own: few reasons exist, and a small one is no less of a surprise.
"""

_TRUNK = 150.0  # pixels
_THINNEST = 1.25
_ROW, _HEADING_ROW = 24.0, 30.0

_NONE = Count()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    label: Child
    count: Count
    colour: str = ""  # empty: a heading, which has no branch
    title: str = ""

    def thickness(self, read: Count) -> float:
        return max(_THINNEST, _TRUNK * self.count.documents / read.documents) if self.colour else 0.0

    def height(self, read: Count) -> float:
        return max(_ROW, self.thickness(read) + 2) if self.colour else _HEADING_ROW


def document_flow(
    read: Count, kept: Count, left_over: Count, losses: Sequence[Loss], held_out: Count = _NONE
) -> Markup:
    """Return what became of all documents read, as a drawing with its table."""
    if not read.documents:
        return element("p", "No document was read.", class_="note")
    losses = [loss for loss in in_order(losses) if loss.count != Count()]
    rows = [*_kept_rows(kept, left_over, held_out), *_lost_rows(losses)]
    drawing = flow(
        _ribbons(rows, read),
        height=sum(row.height(read) for row in rows),
        title=f"What became of {things(read.documents, 'document')}",
        description="Each branch is as thick as its share of the documents read; the table beside it has the numbers.",
    )
    trunk = element("p", element("b", count(read.documents)), " read, ", size(read.bytes), class_="trunk-label")
    grid = element("div", element("div", trunk, drawing), _table(rows, read), class_="flow")
    merged = len(losses) > sum(row.colour in LOST_AT for row in rows)
    everything = _all_reasons(losses, read) if merged else join()
    return join(scrolling("From read to mix", grid), everything)


def _kept_rows(kept: Count, left_over: Count, held_out: Count) -> list[_Row]:
    rows = [_Row(label="kept", count=kept)]
    seen = kept - left_over - held_out
    if seen != Count():
        rows.append(_Row(label="in the mix, each counted once", count=seen, colour="in-mix", title="in the mix"))
    if held_out != Count():
        rows.append(_Row(label="held out for validation", count=held_out, colour="held-out", title="held out"))
    if left_over != Count():
        rows.append(_Row(label="left over by the budget", count=left_over, colour="left-over", title="left over"))
    return rows


def _lost_rows(losses: Sequence[Loss]) -> list[_Row]:
    """Return a heading for each station, its larger losses, and the rest of them as one row.

    `losses` lie in the order of the road.
    """
    drops = [loss for loss in losses if loss.station != READ]
    smaller = set(sorted(drops, key=lambda loss: -loss.count.documents)[MAX_REASONS:])
    rows = []
    for station, heading in LOST_AT.items():
        here = [loss for loss in losses if loss.station == station]
        others = [loss for loss in here if loss in smaller]
        if len(others) == 1:  # a row for it takes no more room than a row for "one other"
            others = []
        own = here[: len(here) - len(others)]  # the smaller ones lie last
        if here:
            rows.append(_Row(label=heading, count=add_up(loss.count for loss in here)))
        rows += [_Row(label=foreign(loss.reason), count=loss.count, colour=station, title=loss.reason) for loss in own]
        if others:
            words = f"{len(others)} other reasons"
            rows.append(_Row(label=words, count=add_up(loss.count for loss in others), colour=station, title=words))
    return rows


def _ribbons(rows: Sequence[_Row], read: Count) -> list[Ribbon]:
    ribbons = []
    top = 0.0
    for row in rows:
        height = row.height(read)
        if row.colour:
            words = (
                f"{row.title}: {things(row.count.documents, 'document')}, {share(row.count.documents, read.documents)}"
            )
            ribbons.append(Ribbon(row.thickness(read), top + height / 2, row.colour, words))
        top += height
    return ribbons


def _table(rows: Sequence[_Row], read: Count) -> Markup:
    names = (
        ("outcome", "name"),
        ("documents", "number"),
        ("share", "number"),
        ("bytes", "number"),
        ("share", "number"),
    )
    head = element("thead", element("tr", *(element("th", name, scope="col", class_=kind) for name, kind in names)))
    body = []
    for row in rows:
        cells = (element("td", cell, class_="number") for cell in _numbers(row.count, read))
        body.append(
            element(
                "tr",
                element("th", row.label, scope="row", class_="name"),
                *cells,
                class_=None if row.colour else "heading",
                style=f"height:{row.height(read):.2f}px",
            )
        )
    return element("table", head, element("tbody", *body), aria_label="What became of the documents read")


def _all_reasons(losses: Sequence[Loss], read: Count) -> Markup:
    columns = (
        ("reason", "name"),
        ("station", "text"),
        ("documents", "number"),
        ("share", "number"),
        ("bytes", "number"),
        ("share", "number"),
    )
    rows = [(foreign(loss.reason), loss.station, *_numbers(loss.count, read)) for loss in losses]
    return fold(f"All {len(losses)} reasons", table("All reasons", columns, rows))


def _numbers(part: Count, read: Count) -> tuple[Child, ...]:
    return (
        count(part.documents),
        share(part.documents, read.documents),
        size(part.bytes),
        share(part.bytes, read.bytes),
    )
