"""Pages: an explanation for a person to read, at a terminal or in a file."""

import math
from collections.abc import Iterator, Sequence

from pages.figures import measured, things
from pages.terminal import aligned, indented, printable
from pipelines.explaining.explanation import (
    Cluster,
    Explanation,
    Like,
    Measured,
    Piece,
    Place,
    Relative,
    Span,
    Texts,
    Tokens,
    Value,
    Verdict,
)

_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"
_CONTEXT_CHARACTERS = 120  # around a change; what lies farther off is counted
_SHOWN_CHARACTERS = 2_000  # of one change or span
_NO_PREFIX = "0" * 16  # the key at which a prefix of nothing ends
_SHOWN_SPANS = 50
_MARKS = {"removed": ("[-", "-]", _RED), "added": ("{+", "+}", _GREEN)}
"""How wdiff writes what is in one text alone, and the colour it has at a terminal."""


def explanation_page(told: Explanation, *, coloured: bool, all_measures: bool = False) -> str:
    """Return what became of a document, line by line; escapes of terminals in the data are made visible.

    Args:
        told: What there is to say.
        coloured: Whether differences are coloured rather than marked.
        all_measures: Whether measures are shown that decide nothing.
    """
    return "\n".join(_lines(told, coloured=coloured, all_measures=all_measures))


def likes_page(name: str, likes: Sequence[Like]) -> str:
    """Return a table of the documents most like one."""
    if not likes:
        return f"{printable(name)}: no document has anything in common with it"
    rows = [("jaccard", "estimate", "contained", "document", "what became of it")]
    rows += [
        (
            f"{like.jaccard:.3f}",
            f"{like.estimate:.3f}",
            f"{like.containment:.3f}",
            _named(like.document),
            verdict_words(like.document.verdict),
        )
        for like in likes
    ]
    head = f"most like {printable(name)}: n-grams in both over n-grams in either, as the signature has it, and over"
    return "\n".join([f"{head} those of the shorter", "", *aligned(rows)])


def verdict_words(verdict: Verdict) -> str:
    """Return a verdict in a few words: 'dropped by match: exact_duplicate'."""
    if verdict.kept:
        return "kept"
    return f"{'failed at' if verdict.detail else 'dropped by'} {verdict.station}: {verdict.reason}"


def _lines(told: Explanation, *, coloured: bool, all_measures: bool) -> Iterator[str]:
    place, verdict = told.place, told.verdict
    yield f"{printable(place.id or f'{place.shard}#{place.row}')}: {verdict_words(verdict)}"
    if verdict.detail:
        yield f"  {printable(verdict.detail)}"
    if verdict.also:
        yield f"  {'fails' if verdict.kept else 'would fail'} too: {', '.join(verdict.also)}"
    yield from ("", f"source  {place.source}, in mix '{told.mix}'", *_place_lines(place), *_size_lines(told))
    if told.cluster:
        yield from ("", *_cluster_lines(told.cluster))
    if told.measures:
        yield from ("", "measures", *_measure_lines(told.measures, all_measures=all_measures))
    if told.tokens:
        yield from ("", *_token_lines(told.tokens))
    if told.texts:
        yield from _text_lines(told.texts, coloured=coloured)
    if told.texts_missing:
        yield from ("", f"texts are not at hand: {printable(told.texts_missing)}")


def _place_lines(place: Place) -> Iterator[str]:
    where = f"shard   {printable(place.shard)}, record {place.row:,}"
    if place.byte_offset is not None and place.byte_length is not None:
        end = place.byte_offset + place.byte_length
        where += f", bytes [{place.byte_offset:,}, {end:,}) when decompressed"
    yield where
    yield f"        {place.shard_bytes:,} bytes stored, sha256 {place.shard_digest}"
    if place.shard_damage:
        yield f"        damaged: {printable(place.shard_damage)}"


def _text_lines(texts: Texts, *, coloured: bool) -> Iterator[str]:
    yield from ("", "text", indented(printable(texts.excerpt)))
    if texts.spans:
        yield from ("", "what span edits take", *_span_lines(texts.spans, coloured=coloured))
    if texts.repeats is not None:
        yield from ("", "what others have too", *_difference_lines(texts.repeats, coloured=coloured))
    if texts.difference is not None:
        yield from ("", "from this text to the one kept", *_difference_lines(texts.difference, coloured=coloured))


def _size_lines(told: Explanation) -> Iterator[str]:
    if told.edited_bytes is None:
        yield f"record  {things(told.bytes, 'byte')}"
        return
    yield f"text    {things(told.bytes, 'byte')}, blake2b-128 {told.digest}"
    for edit in told.edits:
        yield f"        {edit.bytes:,} of them go: {edit.reason}"
    if told.edits:
        yield f"        {things(told.edited_bytes, 'byte')} are left"


def _measure_lines(measures: Sequence[Measured], *, all_measures: bool) -> Iterator[str]:
    chosen = [each for each in measures if all_measures or each.decides]
    if chosen:
        rows = [(_mark(each), each.name, _value(each.value), _wanted(each)) for each in chosen]
        yield from (f"  {line}" for line in aligned(rows))
    if others := len(measures) - len(chosen):
        yield f"  and {others:,} more that decide nothing here: --all-measures shows them"


def _mark(measure: Measured) -> str:
    if not measure.limits:
        return ""
    return "ok" if all(limit.passed for limit in measure.limits) else "FAILS"


def _value(value: Value) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return printable(value)
    return "not a number" if math.isnan(value) else measured(value)


def _wanted(measure: Measured) -> str:
    if measure.limits:
        return f"wanted {', '.join(dict.fromkeys(limit.wanted for limit in measure.limits))}"
    return "divides its source" if measure.divides else ""


def _cluster_lines(cluster: Cluster) -> Iterator[str]:
    yield f"cluster of {things(cluster.num_documents, 'document')}"
    kept = "this one" if cluster.survivor is None else _named(cluster.survivor)
    yield f"  kept     {kept}" + ("" if cluster.survivor is None else f" ({verdict_words(cluster.survivor.verdict)})")
    for each in cluster.dropped:
        yield f"  dropped  {_named(each)} ({each.verdict.reason})"
    others = cluster.num_documents - len(cluster.dropped) - (1 if cluster.survivor is None else 2)
    if others > 0:
        yield f"  and {things(others, 'other')}"


def _named(document: Relative) -> str:
    return printable(f"{document.source} {document.id} ({document.shard}#{document.row})")


def _token_lines(tokens: Tokens) -> Iterator[str]:
    yield f"tokens  {tokens.part} [{tokens.start:,}, {tokens.start + tokens.length:,}), {tokens.length:,} with EOS"
    if tokens.held_out:
        yield f"        sampling key {tokens.sampling_key}, held out for validation below {tokens.held_out_key}"
        return
    side = "in" if tokens.in_prefix else "not in"
    prefix = "" if tokens.cut_key == _NO_PREFIX else f", {side} the prefix that ends at {tokens.cut_key}"
    yield f"        sampling key {tokens.sampling_key}{prefix}"
    yield f"        seen {things(tokens.times_seen, 'time')}" + _epochs(tokens)


def _epochs(tokens: Tokens) -> str:
    parts = [things(tokens.whole_epochs, "whole epoch")] if tokens.whole_epochs else []
    parts += ["the prefix"] if tokens.in_prefix else []
    return f": {' and '.join(parts)}" if parts else ""


def _span_lines(spans: Sequence[Span], *, coloured: bool) -> Iterator[str]:
    for span in spans[:_SHOWN_SPANS]:
        change = [Piece(kind="removed", text=span.text)]
        change += [Piece(kind="added", text=span.replacement)] if span.replacement else []
        yield f"  {span.reason}, bytes [{span.start:,}, {span.end:,})"
        yield from _difference_lines(change, coloured=coloured)
    if len(spans) > _SHOWN_SPANS:
        yield f"  and {len(spans) - _SHOWN_SPANS:,} more"


def _difference_lines(pieces: Sequence[Piece], *, coloured: bool) -> Iterator[str]:
    if all(piece.kind == "same" for piece in pieces):
        yield "  no difference"
        return
    shown = []
    for place, piece in enumerate(pieces):
        text = printable(piece.text)
        if piece.kind == "same":
            shown.append(_context(text, is_first=place == 0, is_last=place == len(pieces) - 1))
        else:
            before, after, colour = _MARKS[piece.kind]
            text = _shortened(text)
            shown.append(f"{colour}{text}{_PLAIN}" if coloured else f"{before}{text}{after}")
    yield indented("".join(shown))


def _context(text: str, *, is_first: bool, is_last: bool) -> str:
    """Return what is the same in both texts, far from changes only counted."""
    head = "" if is_first else text[:_CONTEXT_CHARACTERS]
    tail = "" if is_last else text[-_CONTEXT_CHARACTERS:]
    left_out = len(text) - len(head) - len(tail)
    return text if left_out <= _CONTEXT_CHARACTERS else f"{head} ... {left_out:,} characters ... {tail}".strip()


def _shortened(text: str) -> str:
    left_out = len(text) - _SHOWN_CHARACTERS
    return text if left_out <= 0 else f"{text[:_SHOWN_CHARACTERS]} ... {left_out:,} characters more"
