"""Telling: all parts of an explanation, put together."""

from dataclasses import replace

from mixes.errors import GristmillError
from pipelines.explaining.built import BuiltMix
from pipelines.explaining.differences import compare_words
from pipelines.explaining.explanation import Edit, Explanation, Measured, Place, Texts, Tokens, Verdict
from pipelines.explaining.fates import Fate, find_cluster, find_fate, find_survivor
from pipelines.explaining.limits import edits_of, measures_of
from pipelines.explaining.originals import read_original, read_tokens_text
from pipelines.explaining.places import find_tokens
from pipelines.explaining.records import Record
from pipelines.settings import rules_of
from pipelines.stations.repeats import EDIT_REASONS


def explain(mix: BuiltMix, record: Record) -> Explanation:
    """Return all there is to say of a record. That its texts are not at hand is said, not raised.

    Raises:
        DataError: A file that the build left cannot be read.
    """
    fate = find_fate(record)
    if record.number is None:
        return _of_no_document(mix, record, fate)
    tokens = find_tokens(mix, record) if fate.verdict.kept else None
    is_measured = fate.verdict.station != "sample"
    source = mix.source(record.unit.source)
    measures = measures_of(record, rules_of(mix.spec, source), source.split_measure) if is_measured else ()
    edits = (*edits_of(record), *_repeats(mix, record, tokens))
    texts, texts_missing = _texts(mix, record, fate, tokens)
    size = record.row["bytes"]
    return Explanation(
        mix=mix.name,
        place=_place(record),
        bytes=size,
        edited_bytes=size - sum(edit.bytes for edit in edits),
        digest=record.row["digest"].hex(),
        verdict=_with_other_failures(fate.verdict, measures),
        measures=measures,
        edits=edits,
        cluster=find_cluster(mix, record, fate),
        tokens=tokens,
        texts=texts,
        texts_missing=texts_missing,
    )


def _of_no_document(mix: BuiltMix, record: Record, fate: Fate) -> Explanation:
    return Explanation(
        mix=mix.name,
        place=_place(record),
        bytes=record.row["bytes"],
        edited_bytes=None,
        digest=None,
        verdict=fate.verdict,
        measures=(),
        edits=(),
        cluster=None,
        tokens=None,
        texts=None,
        texts_missing=None,
    )


def _repeats(mix: BuiltMix, record: Record, tokens: Tokens | None) -> tuple[Edit, ...]:
    """Return what a kept document lost because others have it too: what span edits left and its tokens lack."""
    if tokens is None:
        return ()
    lost = record.row["bytes"] - sum(edit.bytes for edit in edits_of(record)) - tokens.bytes
    dedupe = mix.spec.dedupe
    reasons = [
        reason
        for reason, wanted in zip(EDIT_REASONS, (dedupe.paragraphs, dedupe.substrings), strict=True)
        if wanted is not None
    ]
    return (Edit(reason=" or ".join(reasons), bytes=lost),) if lost else ()


def _place(record: Record) -> Place:
    shard, row = record.shard, record.row
    damage = shard["damage"]
    return Place(
        source=record.unit.source,
        id=record.id,
        shard=shard["name"],
        row=row["row"],
        byte_offset=_known(row["byte_offset"]),
        byte_length=_known(row["byte_length"]),
        shard_digest=shard["digest"],
        shard_bytes=shard["stored_bytes"],
        shard_damage=f"{damage['reason']}: {damage['detail']}" if damage else None,
    )


def _known(number: int) -> int | None:
    return None if number < 0 else number


def _with_other_failures(verdict: Verdict, measures: tuple[Measured, ...]) -> Verdict:
    """Return a verdict with the reasons of rules that it does not name itself."""
    failed = [limit.reason for measure in measures for limit in measure.limits if not limit.passed]
    also = tuple(dict.fromkeys(reason for reason in failed if reason != verdict.reason))
    return Verdict(kept=verdict.kept, station=verdict.station, reason=verdict.reason, detail=verdict.detail, also=also)


def _texts(mix: BuiltMix, record: Record, fate: Fate, tokens: Tokens | None) -> tuple[Texts | None, str | None]:
    """Return what the shards tell, and why they do not tell all."""
    texts: Texts | None = None
    try:
        original = read_original(mix, record)
        texts = Texts(excerpt=original.excerpt, spans=original.spans, repeats=None, difference=None)
        if tokens is not None and tokens.bytes != len(original.edited.encode()):
            texts = replace(texts, repeats=compare_words(original.edited, read_tokens_text(mix, tokens)))
        if fate.survivor is not None and not fate.verdict.kept:
            survivor = read_original(*find_survivor(mix, fate.survivor))
            texts = replace(texts, difference=compare_words(original.edited, survivor.edited))
    except GristmillError as error:
        return texts, str(error)
    return texts, None
