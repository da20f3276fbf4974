"""The head of the report: what the mix is, its key figures, whether it balances, and what needs a look."""

from collections.abc import Sequence

from mixes.ledger import Count, add_up
from pages import shell
from pages.figures import count, in_words, share, size, things
from pages.markup import Child, Markup, element, foreign, join
from pages.tables import part, table
from pipelines.report.data import READ, DamagedShard, ReportData, SourceData, in_order

MAX_SHARDS = 100
"""Shards listed for one thing that they have; beyond them they are counted."""


def masthead(data: ReportData) -> Markup:
    """Return the name of the mix, what it was made with, and its key figures."""
    read, kept, failed = _totals(data.sources)
    facts = (
        ("fingerprint", element("code", foreign(data.fingerprint))),
        ("seed", str(data.seed)),
        ("tokenizer", foreign(data.tokenizer)),
        ("sources", count(len(data.sources))),
    )
    figures = (
        ("tokens", in_words(data.tokens), join(count(data.tokens), " of ", count(data.wanted_tokens), " wanted")),
        ("documents in the mix", in_words(data.documents), _different(data)),
        ("documents read", in_words(read.documents), join(size(read.bytes), " of text")),
        ("kept", share(kept.documents, read.documents), join(things(kept.documents, "document"))),
        ("failed", in_words(failed.documents), join(_of_read(failed, read))),
    )
    return shell.masthead("Built mix", data.name, facts, figures, balance(data.sources))


def _different(data: ReportData) -> Markup:
    """Return what the documents of the token stream are: each counted as often as it is seen."""
    different = add_up(source.different for source in data.sources).documents
    text = size(data.bytes)
    if different == data.documents:
        return join(text, " of text, each seen once")
    return join(f"{count(different)} different ones, each counted as often as it is seen; ", text, " of text")


def balance(sources: Sequence[SourceData]) -> Markup:
    """Return whether every document read is accounted for, as a sentence with the numbers."""
    read, kept, failed = _totals(sources)
    dropped = add_up(source.dropped for source in sources)
    parts = f"{count(kept.documents)} kept + {count(dropped.documents)} dropped + {count(failed.documents)} failed"
    wrong = [source for source in sources if not source.balances]
    if not wrong:
        edited = sum(source.edited_bytes for source in sources)
        did = "took from" if edited > 0 else "added to"
        cut = f", with {count(abs(edited))} bytes that span edits {did} kept ones," if edited else ""
        sentence = f"{count(read.documents)} read = {parts}, in documents and{cut} in bytes, for every source."
        return element("p", element("b", "The ledger balances: "), sentence, class_="balance")
    names = join(*(join(", " if place else "", foreign(source.name)) for place, source in enumerate(wrong)))
    sentence = f": {count(read.documents)} read against {parts}."
    return element("p", element("b", "The ledger does not balance for ", names), sentence, class_="balance wrong")


def exact_balance(sources: Sequence[SourceData]) -> Markup:
    """Return read = kept + dropped + failed of each source, to the document and, with what edits removed, the byte."""
    columns = (
        ("source", "name"),
        ("", "text"),
        ("read", "number"),
        ("kept", "number"),
        ("dropped", "number"),
        ("failed", "number"),
        ("edited", "number"),
    )
    rows: list[Sequence[Child]] = []
    for source in sources:
        counts = (source.read, source.kept, source.dropped, source.failed)
        rows.append((foreign(source.name), "documents", *(count(number.documents) for number in counts), ""))
        rows.append(("", "bytes", *(count(number.bytes) for number in counts), count(source.edited_bytes)))
    return table("The balance of each source", columns, rows)


def attention(sources: Sequence[SourceData]) -> Markup:
    """Return what needs a look, damaged shards and records that failed, or a line that nothing does."""
    damaged, failed = _damaged_shards(sources), _failures(sources)
    parts = [content for content in (damaged, failed) if content is not None]
    if not parts:
        return element("p", "Nothing failed: every record of every shard was read.", class_="fine")
    return element("section", element("h2", "Needs a look"), *parts, id="attention", class_="attention")


def _damaged_shards(sources: Sequence[SourceData]) -> Markup | None:
    found = [(source.name, shard) for source in sources for shard in source.damaged_shards]
    if not found:
        return None
    items = [_damaged_shard(name, shard) for name, shard in found[:MAX_SHARDS]]
    beyond = len(found) - len(items)
    if beyond:
        items.append(element("li", f"and {count(beyond)} more", class_="quiet"))
    return part(things(len(found), "damaged shard"), element("ul", *items, class_="damaged"), wide=True)


def _damaged_shard(source: str, damaged: DamagedShard) -> Markup:
    found = join(foreign(damaged.reason), ": " if damaged.detail else "", foreign(damaged.detail))
    before = things(damaged.documents_before, "document") + " before the damage"
    return element(
        "li",
        element("p", foreign(source), " ", element("code", foreign(damaged.shard))),
        element("p", found, "; ", before, "; policy ", foreign(damaged.policy), class_="quiet"),
    )


def _failures(sources: Sequence[SourceData]) -> Markup | None:
    failed = add_up(source.failed for source in sources).documents
    if not failed:
        return None
    columns = (("source", "name"), ("records", "number"), ("share", "number"), ("bytes", "number"), ("reasons", "text"))
    rows = [
        (
            foreign(source.name),
            count(source.failed.documents),
            share(source.failed.documents, source.read.documents),
            size(source.failed.bytes),
            _failure_reasons(source),
        )
        for source in sources
        if source.failed.documents
    ]
    found = things(failed, "record") + " failed"
    return part(found, table("Records that failed", columns, rows), _failing_shards(sources), wide=True)


def _failing_shards(sources: Sequence[SourceData]) -> Markup:
    """Return the shards that hold the records that failed, those with the most first."""
    found = [(source.name, shard) for source in sources for shard in source.failing_shards]
    found.sort(key=lambda each: -each[1].records)
    items = [
        element(
            "li",
            element("p", foreign(source), " ", element("code", foreign(shard.shard))),
            element("p", _listed(sorted(shard.reasons.items(), key=lambda each: -each[1])), class_="quiet"),
        )
        for source, shard in found[:MAX_SHARDS]
    ]
    if len(found) > len(items):
        items.append(
            element("li", f"and {count(len(found) - len(items))} shards more: see shards.json", class_="quiet")
        )
    return element("ul", *items, class_="damaged")


def _failure_reasons(source: SourceData) -> Markup:
    losses = [loss for loss in in_order(source.losses) if loss.station == READ and loss.count.documents]
    return _listed([(loss.reason, loss.count.documents) for loss in losses])


def _listed(reasons: Sequence[tuple[str, int]]) -> Markup:
    items = (element("span", foreign(reason), f" {count(number)}") for reason, number in reasons)
    return element("span", *items, class_="listed")


def _of_read(failed: Count, read: Count) -> str:
    return f"{share(failed.documents, read.documents)} of what was read" if read.documents else "nothing was read"


def _totals(sources: Sequence[SourceData]) -> tuple[Count, Count, Count]:
    """Return what was read, kept and failed over all sources."""
    return (
        add_up(source.read for source in sources),
        add_up(source.kept for source in sources),
        add_up(source.failed for source in sources),
    )
