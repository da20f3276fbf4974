"""Telling: the comparison of two mixes as a person reads it, line by line."""

import json
from collections.abc import Iterator, Sequence

from mixes.comparing.comparison import Comparison
from mixes.comparing.facts import Difference, SourceFigures
from pages.terminal import aligned, printable

_NOTHING = "-"
"""Shown where a mix does not have what the other has."""


def tell_comparison(found: Comparison) -> Iterator[str]:
    """Yield what two mixes, A and B, differ in."""
    names = [f"'{name}' {digest[:16]}" for name, digest in zip(found.names, found.digests, strict=True)]
    if found.equal:
        tokens = sum(each.tokens for each in found.sources[0].values())
        documents = sum(each.documents for each in found.sources[0].values())
        yield f"equal: mix {names[0]}, {tokens:,} tokens of {documents:,} documents"
        return
    yield f"A  {names[0]}"
    yield f"B  {names[1]}"
    for title, differences in (("mix", found.mix), ("settings", found.settings)):
        yield from _table(title, differences)
    yield from _source_lines(found.sources)
    yield from _document_lines(found)
    yield from _table("documents by what became of them, in the ledgers", found.reasons)


def _table(title: str, differences: Sequence[Difference]) -> Iterator[str]:
    if differences:
        rows = [("", "A", "B"), *((each.name, _value(each.first), _value(each.second)) for each in differences)]
        yield from ("", title, *(f"  {line}" for line in aligned(rows)))


def _value(value: object) -> str:
    """Return a setting as a person reads it, on one line."""
    if value is None:
        return _NOTHING
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, str) and value and value.isprintable():
        return value
    return printable(json.dumps(value, ensure_ascii=False, default=str))


def _source_lines(sources: Sequence[dict[str, SourceFigures]]) -> Iterator[str]:
    """Yield two lines for each source whose figures differ, one for each mix."""
    rows: list[tuple[str, ...]] = [("source", "", "tokens", "documents", "bytes", "epochs", "held out", "parts", "cut")]
    for name in dict.fromkeys(name for each in sources for name in each):
        if sources[0].get(name) != sources[1].get(name):
            rows += [_figures(name, side, each.get(name)) for side, each in zip("AB", sources, strict=True)]
    if len(rows) > 1:
        yield from ("", "sources", *(f"  {line}" for line in aligned(rows, right=range(2, 8))))


def _figures(name: str, side: str, figures: SourceFigures | None) -> tuple[str, ...]:
    if figures is None:
        return (name, side, *[_NOTHING] * 7)
    counts = (figures.tokens, figures.documents, figures.bytes)
    return (
        name,
        side,
        *(f"{count:,}" for count in counts),
        f"{figures.epochs:.4f}",
        f"{figures.held_out_documents:,}",
        f"{figures.parts:,}",
        figures.cut_key,
    )


def _document_lines(found: Comparison) -> Iterator[str]:
    columns = ("both", "only_first", "only_second", "seen_otherwise", "cut_otherwise")
    rows: list[tuple[str, ...]] = [("source", "in both", "only in A", "only in B", "seen otherwise", "cut otherwise")]
    rows += [(each.source, *(f"{getattr(each, name):,}" for name in columns)) for each in found.documents]
    yield from ("", f"documents, known by their {found.documents_known_by}")
    yield from (f"  {line}" for line in aligned(rows, right=range(1, 6)))
    for each in found.documents:
        for side, examples, number in (
            ("A", each.first_examples, each.only_first),
            ("B", each.second_examples, each.only_second),
        ):
            if examples:
                yield from ("", f"{each.source}, only in {side}: {len(examples)} of {number:,}")
                yield from (f"  {printable(one.id)}  ({printable(one.shard)}#{one.row})" for one in examples)
