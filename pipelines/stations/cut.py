"""Budget: choose what of each source's parts is held out and what is seen, to the document, by moving one number."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mixes.budget import plan_epochs
from mixes.cut import Cut, KeyFile, Prefix, find_below, find_cut, part_entry
from mixes.manifest import SourceEntry
from mixes.parts import KEYS_SUFFIX, PartSummary
from mixes.spec.amounts import Validation
from pipelines.settings import BuildSettings
from pipelines.stations.unit_tokens import UnitPart
from pipelines.storage import is_remote, read_range

_REQUESTS = 64
"""Reads of an object store that are under way at once."""

_NOTHING = Prefix(documents=0, tokens=0, bytes=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """A split of a source, or a source that is not divided: its parts, and what of them is held out for validation."""

    parts: tuple[UnitPart, ...]
    key: int  # of the first document of the source that is not held out
    fronts: tuple[Prefix, ...]  # what is held out of each part

    @property
    def tokens(self) -> int:
        """Return the tokens held out."""
        return sum(front.tokens for front in self.fronts)

    @property
    def available_tokens(self) -> int:
        """Return the tokens of one epoch: of all that is not held out."""
        return sum(part.summary.tokens for part in self.parts) - self.tokens


def hold_out(
    settings: BuildSettings, parts: Sequence[UnitPart], validation: Validation, num_splits: int
) -> list[HeldOut]:
    """Hold the first documents of a source out, and return its splits.

    Args:
        settings: The build's settings.
        parts: All parts of the source, in the order of the units; they hold every survivor once.
        validation: What is held out.
        num_splits: Splits of the source, 1 where it is not divided.
    """
    key, fronts = validation.end_key, tuple(_NOTHING for _ in parts)
    if key > 0:
        fronts = find_below(_key_files(settings, parts), key, num_threads=_num_threads(settings))
        if sum(front.tokens for front in fronts) > validation.max_tokens:
            key = _cut(settings, parts, validation.max_tokens).cut_key
            fronts = find_below(
                _key_files(settings, parts), key, num_threads=_num_threads(settings)
            )  # equal texts together
    return [
        HeldOut(
            parts=tuple(part for part in parts if part.split == split),
            key=key,
            fronts=tuple(front for part, front in zip(parts, fronts, strict=True) if part.split == split),
        )
        for split in range(num_splits)
    ]


def cut_to_budget(settings: BuildSettings, name: str, held_out: HeldOut, wanted_tokens: int) -> SourceEntry:
    """Return the manifest's entry of one split or source: its parts, and how much of each is seen.

    Args:
        settings: The build's settings.
        name: The name of the entry.
        held_out: The parts, and what is held out of them.
        wanted_tokens: Tokens wanted; 0 where none is available.
    """
    epochs = plan_epochs(wanted_tokens, held_out.available_tokens)
    cut = Cut(cut_key=held_out.key, prefixes=held_out.fronts)
    if epochs.rest_tokens > 0:
        cut = _cut(settings, held_out.parts, held_out.tokens + epochs.rest_tokens)
    entries = tuple(
        part_entry(part.stem, part.summary, front, through)
        for part, front, through in zip(held_out.parts, held_out.fronts, cut.prefixes, strict=True)
    )
    whole = epochs.whole_epochs

    def seen(count: str) -> int:
        epoch: int = sum(getattr(entry, count) - getattr(entry, f"held_out_{count}") for entry in entries)
        prefixes: int = sum(getattr(entry, f"prefix_{count}") for entry in entries)
        return whole * epoch + prefixes

    return SourceEntry(
        name=name,
        source=name.partition("/")[0],
        tokens=seen("tokens"),
        wanted_tokens=wanted_tokens,
        available_tokens=held_out.available_tokens,
        documents=seen("documents"),
        bytes=seen("bytes"),
        whole_epochs=whole,
        held_out_key=f"{held_out.key:016x}",
        cut_key=f"{cut.cut_key:016x}",
        parts=entries,
    )


def _cut(settings: BuildSettings, parts: Sequence[UnitPart], tokens: int) -> Cut:
    return find_cut(_key_files(settings, parts), tokens, num_threads=_num_threads(settings))


def _key_files(settings: BuildSettings, parts: Sequence[UnitPart]) -> list[KeyFile]:
    return [_key_file(settings.uri(part.stem + KEYS_SUFFIX), part.summary) for part in parts]


def _num_threads(settings: BuildSettings) -> int:
    return _REQUESTS if is_remote(settings.output) else 1


def _key_file(uri: str, summary: PartSummary) -> KeyFile:
    whole = Prefix(documents=summary.documents, tokens=summary.tokens, bytes=summary.bytes)
    return KeyFile(name=uri, whole=whole, read=partial(read_range, uri))
