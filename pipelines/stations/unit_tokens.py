"""What tokenizing left of a unit: its parts and what it dropped, a record that lies beside the parts."""

from dataclasses import dataclass
from typing import NamedTuple

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
