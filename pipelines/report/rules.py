"""The rules of a source: what each drops on its own, how its measure spreads, and which documents lie at its limit."""

from collections.abc import Sequence

from pages.figures import count, measured, share
from pages.markup import Markup, element, foreign, join, passage
from pages.tables import fold, key, table
from pipelines.report.charts import histogram
from pipelines.report.data import Borderline, RuleData, SourceData, Spread

_MAX_EXCERPT_CHARACTERS = 300
_MAX_WHOLE = 10**15  # larger numbers are not written out


def rules_with_limits(source: SourceData) -> Markup:
    """Return the rules of a source, their limits in words and what they dropped."""
    if not source.rules:
        return element("p", "This source has no rules.", class_="note")
    lost = {loss.reason: loss.count.documents for loss in source.losses if loss.station == "rules"}
    columns = (("rule", "name"), ("fail it", "number"), ("fail only it", "number"), ("dropped under it", "number"))
    rows = [
        (
            join(foreign(rule.reason), element("small", foreign(rule.measure), ": ", foreign(rule.limit))),
            share(rule.dropped.documents, rule.judged),
            share(rule.only.documents, rule.judged),
            count(lost.get(rule.reason, 0)),
        )
        for rule in source.rules
    ]
    words = (
        "Of the documents judged, the share that fails the rule and the share that fails no other; a document is "
        "counted once, under the first that it fails."
    )
    return join(table("Rules and their limits", columns, rows), element("p", words, class_="note"))


def rules_each(source: SourceData) -> Markup:
    """Return, folded, how the measure of each rule spreads and the documents nearest to its limit."""
    folds = [_fold(rule) for rule in source.rules if rule.spread is not None and rule.spread.documents]
    if not folds:
        return element("p", "No rule of this source limits a number.", class_="note")
    return element("div", *folds, class_="samples")


def _fold(rule: RuleData) -> Markup:
    assert rule.spread is not None
    quiet = f"{rule.limit} · {share(rule.dropped.documents, rule.judged)} fail it"
    summary = join(element("b", foreign(rule.reason)), element("span", foreign(quiet), class_="quiet"))
    sides = [(True, "Just outside the limit"), (False, "Just inside")]
    return fold(
        summary,
        key(("before", "judged"), ("after", "within the limit")),
        _drawing(rule, rule.spread),
        *(_side(title, [each for each in rule.borderline if each.dropped == dropped]) for dropped, title in sides),
    )


def _drawing(rule: RuleData, spread: Spread) -> Markup:
    return histogram(
        spread.documents,
        spread.within,
        label=lambda place: _edge(spread, place),
        title=f"How {rule.measure} spreads",
        description=f"Documents judged, and those within the limit: {rule.limit}.",
        lowest="0 or less",
    )


def _edge(spread: Spread, place: int) -> str:
    edge = spread.edge(place)
    return count(int(edge)) if 1_000 <= edge < _MAX_WHOLE else f"{edge:.3g}"


def _side(title: str, documents: Sequence[Borderline]) -> Markup:
    if not documents:
        return join()
    return join(element("h4", title), *(_document(each) for each in documents))


def _document(document: Borderline) -> Markup:
    place = join(foreign(document.shard), f", row {count(document.row)}")
    return element(
        "article",
        element(
            "p",
            element("b", measured(document.value)),
            " ",
            element("code", foreign(document.id)),
            element("span", place, class_="quiet"),
        ),
        passage(document.excerpt, max_characters=_MAX_EXCERPT_CHARACTERS) if document.excerpt else join(),
    )


def edits_of(source: SourceData) -> Markup:
    """Return what span edits took from the kept documents of a source."""
    if not source.edits:
        return element("p", "Nothing was edited.", class_="note")
    columns = (("reason", "name"), ("documents", "number"), ("share of kept", "number"), ("bytes fewer", "number"))
    rows = [
        (
            foreign(edit.reason),
            count(edit.count.documents),
            share(edit.count.documents, source.kept.documents),
            count(edit.count.bytes),
        )
        for edit in source.edits
    ]
    return table("Span edits", columns, rows)
