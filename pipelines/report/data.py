"""What the report shows: plain counted facts of a built mix, filled in by the assemble station."""

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mixes import ledger
from mixes.ledger import Count, add_up

READ = "read"
"""The station whose losses are failures; those of every other station are drops."""

BORDERLINE = 10
"""Documents that are shown on each side of a limit."""

SHARE_BINS = 40
LEAST_EXPONENT = -10
"""Bins of the histograms of measures; see `Spread`."""

STATIONS = (READ, *ledger.STATIONS)
"""Where a document can be lost, in the order of the road."""

LOST_AT = {
    READ: "failed to read",
    "forget": "forgotten",
    "sample": "set aside, beyond the sample",
    "rules": "dropped by rules",
    "match": "dropped by match",
    "tokenize": "dropped by tokenize",
}
"""What each station did to the documents that it lost, in words; the station's name is also the class of its colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one station dropped, or failed to read, for one reason."""

    station: str
    reason: str
    count: Count

    def __post_init__(self) -> None:
        _check_station(self.station)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a rule measured on a document and the limit that it broke, in words ("at most 0.3")."""

    measure: str
    value: float
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """The document that was kept instead of a duplicate."""

    source: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One lost document, shown with the reason.

    `excerpt` is the beginning of its text (of a failed record: its bytes, decoded with replacement) and may
    hold any Unicode, markup included. `detail` says more about a failure; it is empty where there is nothing to say.
    """

    station: str
    reason: str
    id: str
    shard: str
    row: int
    excerpt: str
    detail: str = ""
    judgement: Judgement | None = None
    survivor: Survivor | None = None

    def __post_init__(self) -> None:
        _check_station(self.station)


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedShard:
    """A shard that was cut or corrupt, and what became of the documents before the damage."""

    shard: str
    reason: str
    """`truncated` or `corrupt`."""
    detail: str
    documents_before: int
    policy: str
    """`fail`, `quarantine` or `keep`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingShard:
    """A shard with records that are no documents, or that was set aside; how many there are by reason."""

    shard: str
    reasons: Mapping[str, int]

    @property
    def records(self) -> int:
        """Return how many there are."""
        return sum(self.reasons.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Borderline:
    """A document whose measure lies close to a limit, on the one side or the other."""

    dropped: bool
    """Whether it fails the rule."""
    value: float
    distance: float
    """From the limit."""
    order: int
    """Decides between equal distances: the top half of the text's digest."""
    id: str
    shard: str
    row: int
    excerpt: str

    @property
    def place(self) -> tuple[float, int, str, int]:
        """Return what it is sorted by, nearest to the limit first."""
        return self.distance, self.order, self.shard, self.row


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A histogram of a measure over the documents that were judged.

    Bins of a `share` are SHARE_BINS of equal width over [0, 1]; those of `octaves` are four to each doubling, from
    2**LEAST_EXPONENT up, and bin -1 for 0 and below.
    """

    edges: str
    documents: Mapping[int, int]
    within: Mapping[int, int]
    """Those that do not fail the rule."""

    def edge(self, place: int) -> float:
        """Return the lower edge of a bin; the lowest bins also hold what lies below them, the highest infinity."""
        if self.edges == "share":
            return place / SHARE_BINS
        if place // 4 + LEAST_EXPONENT >= sys.float_info.max_exp:
            return math.inf
        return math.ldexp(1 + (place % 4) / 4, place // 4 + LEAST_EXPONENT) if place >= 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleData:
    """One rule of a source: the reason it gives, its limit in words ("at most 0.3"), and what it does on its own."""

    reason: str
    measure: str
    limit: str
    judged: int = 0
    """Documents of the source that were judged."""
    dropped: Count = field(default_factory=Count)
    """Those that fail it, whatever else they fail."""
    only: Count = field(default_factory=Count)
    """Those that fail nothing else."""
    spread: Spread | None = None
    borderline: tuple[Borderline, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What span edits took from kept documents for one reason."""

    reason: str
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitData:
    """One split of a source, as the manifest names it."""

    name: str
    parts: int
    stored_bytes: int
    wanted_tokens: int
    tokens: int
    available_tokens: int
    held_out_tokens: int

    @property
    def epochs(self) -> float:
        """Return how often what is not held out is seen."""
        return self.tokens / self.available_tokens if self.available_tokens else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceData:
    """One source, from its shards to its place in the mix.

    Lengths are histograms: bin b counts the documents of 2**b to 2**(b+1) - 1 bytes (or tokens), bin -1 the empty ones.
    Languages map a label to documents.
    """

    name: str
    shards: int
    parts: int
    stored_bytes: int
    """Bytes of the source's parts on disk."""

    read: Count
    losses: tuple[Loss, ...]
    kept: Count
    """Survivors of every station; read = kept + losses."""
    left_over: Count
    """Survivors that the token budget did not take even once."""
    in_mix: Count
    """What the token stream holds, repeats counted."""

    planned_tokens: int
    """Tokens that it was planned to have once, by the stored bytes of its shards and before anything was dropped."""
    wanted_tokens: int
    tokens: int
    """Tokens in the built mix, repeats counted."""
    available_tokens: int
    """Tokens of all survivors that are not held out, once each."""
    epochs: float

    read_lengths: Mapping[int, int]
    kept_lengths: Mapping[int, int]
    kept_token_lengths: Mapping[int, int]
    read_languages: Mapping[str, int]
    kept_languages: Mapping[str, int]

    held_out: Count = field(default_factory=Count)
    """Survivors that are held out for validation."""
    held_out_tokens: int = 0
    splits: tuple[SplitData, ...] = ()
    """Its splits, where it is divided."""
    edits: tuple[Edit, ...] = ()
    """Bytes that span edits removed from kept documents; `kept` counts what they left."""
    rules: tuple[RuleData, ...] = ()
    samples: tuple[Sample, ...] = ()
    damaged_shards: tuple[DamagedShard, ...] = ()
    failing_shards: tuple[FailingShard, ...] = ()

    @property
    def different(self) -> Count:
        """Documents in the mix, each counted once, however often it is seen."""
        return self.kept - self.left_over - self.held_out

    @property
    def failed(self) -> Count:
        """Records that could not be read as documents."""
        return add_up(loss.count for loss in self.losses if loss.station == READ)

    @property
    def dropped(self) -> Count:
        """Documents that a station took out."""
        return add_up(loss.count for loss in self.losses if loss.station != READ)

    @property
    def edited_bytes(self) -> int:
        """Bytes that span edits removed from kept documents; below 0 where replacements are longer than what went."""
        return sum(edit.count.bytes for edit in self.edits)

    @property
    def balances(self) -> bool:
        """Whether read = kept + dropped + failed, in documents, and in bytes with those that edits removed."""
        return self.read == self.kept + self.dropped + self.failed + Count(bytes=self.edited_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """A built mix and all its sources, in the order of the manifest."""

    name: str
    fingerprint: str
    seed: int
    tokenizer: str
    asked_tokens: int
    """What the spec asks for; more than is wanted where sources fell short and the mix was shrunk."""
    wanted_tokens: int
    tokens: int
    documents: int
    """Documents of the token stream, repeats counted."""
    bytes: int
    """UTF-8 bytes of those documents."""
    sources: tuple[SourceData, ...]


def in_order(losses: Iterable[Loss]) -> list[Loss]:
    """Return one loss for each station and reason, in the order of the road, the most documents of a station first."""
    totals: dict[tuple[str, str], Count] = {}
    for loss in losses:
        key = (loss.station, loss.reason)
        totals[key] = totals.get(key, Count()) + loss.count
    merged = [Loss(station=station, reason=reason, count=count) for (station, reason), count in totals.items()]
    return sorted(merged, key=lambda loss: (STATIONS.index(loss.station), -loss.count.documents, loss.reason))


def _check_station(station: str) -> None:
    if station not in STATIONS:
        raise ValueError(f"station {station!r}: wanted one of {', '.join(STATIONS)}")
