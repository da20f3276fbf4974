"""What there is to say of one document; `dataclasses.asdict` of it is what `--json` prints."""

from dataclasses import dataclass
from typing import Literal

Value = float | int | str | None
"""A measure: a number, or a label; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record lies."""

    source: str
    id: str | None  # None for a record that is no document
    shard: str
    row: int
    byte_offset: int | None  # in the decompressed shard; None where the format has no such thing
    byte_length: int | None
    shard_digest: str  # SHA-256 of the shard as stored
    shard_bytes: int  # as stored
    shard_damage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One reason that a rule has for dropping a document."""

    reason: str
    wanted: str  # in words: "at least 50"
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure of the document, and the limits of its source's rules on it."""

    name: str
    value: Value
    limits: tuple[Limit, ...]
    divides: bool = False  # whether splits or upsampling of its source go by it

    @property
    def decides(self) -> bool:
        """Return whether anything of what becomes of the document depends on it."""
        return self.divides or bool(self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the document: kept, or dropped for the first of all reasons."""

    kept: bool
    station: str | None = None
    reason: str | None = None
    detail: str | None = None  # of a failed record
    also: tuple[str, ...] = ()  # reasons of rules that would have dropped it, had the verdict not


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Another document, named."""

    mix: str  # this one, or an earlier one that it was built against
    source: str
    id: str
    shard: str
    row: int
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The kept document that others were dropped for, and those others."""

    num_documents: int  # the kept one too
    survivor: Relative | None  # None where it is the document itself
    dropped: tuple[Relative, ...]  # other documents dropped for the same one, the first few


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Where the tokens of a kept document lie, and how often the mix sees them."""

    part: str  # below OUTPUT
    start: int
    length: int  # tokens with EOS
    bytes: int  # UTF-8 bytes of the text they stand for
    sampling_key: str  # 16 hex digits
    held_out_key: str  # of the source: what is held out for validation ends there,
    cut_key: str  # and the prefixes there
    whole_epochs: int
    held_out: bool
    in_prefix: bool
    times_seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What was taken from the text for one reason."""

    reason: str
    bytes: int  # lost; below 0 where replacements are longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span that went."""

    reason: str
    start: int  # bytes of the text as it was read
    end: int
    text: str
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a comparison: in both texts, or in one alone."""

    kind: Literal["same", "removed", "added"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What only the shards can tell."""

    excerpt: str  # the beginning of the text as it was read
    spans: tuple[Span, ...]
    repeats: tuple[Piece, ...] | None  # from the text after span edits to its tokens' text; None where none went
    difference: tuple[Piece, ...] | None  # from this text to the survivor's, both after span edits


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All there is to say of one document."""

    mix: str
    place: Place
    bytes: int  # UTF-8 bytes of the text as it was read; of a failed record, its bytes in the shard
    edited_bytes: int | None  # of the text after all edits
    digest: str | None  # BLAKE2b-128 of the text after span edits
    verdict: Verdict
    measures: tuple[Measured, ...]
    edits: tuple[Edit, ...]
    cluster: Cluster | None
    tokens: Tokens | None
    texts: Texts | None
    texts_missing: str | None  # why they are not at hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """A document that resembles another."""

    document: Relative
    estimate: float  # share of the signature's rows that agree
    jaccard: float  # n-grams in both over n-grams in either, counted
    containment: float  # n-grams in both over those of the document with fewer
