"""What tokenizing left of a unit: its parts, what it dropped, and the record of both that lies beside the parts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mixes.files import FileDigest
from mixes.parts import INDEX_SUFFIX, KEY_ROW, KEYS_SUFFIX, TOKENS_SUFFIX, PartSummary, restore_keys
from pipelines.settings import BuildSettings
from pipelines.storage import has_size, open_stored, publish


class UnitPart(NamedTuple):
    """One part of a unit."""

    stem: str  # below the output
    summary: PartSummary
    split: int  # of its source, 0 where that is not divided


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTokens:
    """What tokenizing left of a unit; stored beside its parts, written last."""

    parts: tuple[UnitPart, ...]
    dropped: tuple[tuple[int, str], ...]  # (document number in the unit, reason)
    token_lengths: dict[int, int]  # log2 of tokens of a kept document -> documents
    backend: str  # the library that encoded it and its version; a record alone


def are_whole(tokens: UnitTokens, settings: BuildSettings) -> bool:
    """Return True when every part that an earlier build recorded is still there in its size."""
    return all(
        has_size(settings.uri(stem + suffix), file.size)
        for stem, summary, _ in tokens.parts
        for suffix, file in ((TOKENS_SUFFIX, summary.token_file), (INDEX_SUFFIX, summary.index_file))
    )


def restore_key_files(tokens: UnitTokens, settings: BuildSettings) -> None:
    """Write the key files of parts that somebody removed, from the indexes."""
    for stem, summary, _ in tokens.parts:
        place = settings.uri(stem)
        if not has_size(place + KEYS_SUFFIX, summary.documents * KEY_ROW.itemsize):
            with open_stored(place + INDEX_SUFFIX) as index:
                restore_keys(place, index, publish=publish)


def dump_unit_tokens(tokens: UnitTokens) -> bytes:
    """Return the stored form: JSON."""
    parts = [{"stem": stem, "split": split, **_part_body(summary)} for stem, summary, split in tokens.parts]
    body = {"parts": parts, "dropped": tokens.dropped, "token_lengths": tokens.token_lengths, "backend": tokens.backend}
    return json.dumps(body, sort_keys=True).encode() + b"\n"


def _part_body(summary: PartSummary) -> dict[str, Any]:
    return {
        "documents": summary.documents,
        "tokens": summary.tokens,
        "bytes": summary.bytes,
        "token_file": [summary.token_file.size, summary.token_file.digest],
        "index_file": [summary.index_file.size, summary.index_file.digest],
    }


def parse_unit_tokens(data: bytes) -> UnitTokens:
    """Return what `dump_unit_tokens` stored."""
    body = json.loads(data)
    return UnitTokens(
        parts=tuple(UnitPart(part["stem"], _part_summary(part), part["split"]) for part in body["parts"]),
        dropped=tuple((document, reason) for document, reason in body["dropped"]),
        token_lengths={int(length): count for length, count in body["token_lengths"].items()},
        backend=body["backend"],
    )


def _part_summary(body: Mapping[str, Any]) -> PartSummary:
    token_size, token_digest = body["token_file"]
    index_size, index_digest = body["index_file"]
    return PartSummary(
        documents=body["documents"],
        tokens=body["tokens"],
        bytes=body["bytes"],
        token_file=FileDigest(size=token_size, digest=token_digest),
        index_file=FileDigest(size=index_size, digest=index_digest),
    )
