"""The ledger of a built mix: what became of every document read, to the document and to the byte.

    documents, bytes            read = failed + dropped by each station for each reason + kept (+ edited bytes)
    documents, bytes, tokens    kept = the sum of its splits' kept, where it is divided; else it is its own only split
    documents, bytes, tokens    in the mix = whole epochs x (kept - held out) + prefix, for each split
    documents, bytes, tokens    left over = kept - held out - prefix where there is no whole epoch, else nothing

Bytes of a document are the UTF-8 bytes of its text: as it was read where it was dropped, after span edits where it was
kept. Bytes of a failed or forgotten record are its bytes in the shard. Reasons are lower case and never change once
released.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mixes.errors import MixError
from mixes.records import Signed, bind, decode, encode

FORMAT = "gristmill-ledger/3"
FILE_NAME = "ledger.json"
STATIONS = ("forget", "sample", "rules", "match", "tokenize")
"""The stations that drop documents, in the order of the road."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A number of documents or failed records, and their bytes."""

    documents: int = 0
    bytes: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(documents=self.documents + other.documents, bytes=self.bytes + other.bytes)

    def __sub__(self, other: "Count") -> "Count":
        return Count(documents=self.documents - other.documents, bytes=self.bytes - other.bytes)


def add_up(counts: Iterable[Count]) -> Count:
    """Return the sum of counts; of none, nothing."""
    return sum(counts, Count())


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCount:
    """A number of documents, the UTF-8 bytes of their texts, and their tokens with one EOS each."""

    documents: int = 0
    bytes: int = 0
    tokens: int = 0

    def __sub__(self, other: "TokenCount") -> "TokenCount":
        return TokenCount(
            documents=self.documents - other.documents,
            bytes=self.bytes - other.bytes,
            tokens=self.tokens - other.tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitLedger:
    """What the token budget made of the documents of one split, or of a source that is not divided.

    Attributes:
        name: the name in the manifest: source/split, or the source.
        kept: documents in the parts, each once.
        held_out: those that are held out for validation.
        whole_epochs: how many times all others are in the mix.
        prefix: those that are in the mix once more.
        in_mix: what the token stream holds, every epoch counted.
        left_over: documents not held out that the token budget did not take even once.
    """

    name: str
    kept: TokenCount
    held_out: TokenCount
    whole_epochs: int
    prefix: TokenCount
    in_mix: TokenCount
    left_over: TokenCount


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLedger:
    """What became of the documents of one source.

    Attributes:
        name: the source.
        read: records found in its shards.
        failed: records that are no document, by reason.
        dropped: documents dropped, by station (all of `STATIONS`) and reason.
        kept: documents in the parts, each once.
        edited_bytes: bytes that span edits took from kept documents, less those that they put there; below 0 where
            marks such as `|||EMAIL_ADDRESS|||` are longer than what they stand for.
        splits: what became of those that were kept, in the order of the manifest.
    """

    name: str
    read: Count
    failed: dict[str, Count]
    dropped: dict[str, dict[str, Count]]
    kept: TokenCount
    edited_bytes: Signed
    splits: tuple[SplitLedger, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The ledger of a mix: its name and its sources, in the order of the manifest."""

    format: str = FORMAT
    name: str
    sources: tuple[SourceLedger, ...]


def balance(ledger: Ledger) -> None:
    """Check every equation of the ledger, for each source, in documents, bytes and tokens.

    Raises:
        MixError: the first that does not hold, with its source, all of its terms and the difference.
    """
    for source in ledger.sources:
        place = f"ledger of {ledger.name!r}: source {source.name!r}"
        _check_names(place, source)
        for unit in ("documents", "bytes"):
            terms = _outcomes(source, unit) | ({"edited": source.edited_bytes} if unit == "bytes" else {})
            _require_sum(place, unit, "read", getattr(source.read, unit), terms)
        for unit in ("documents", "bytes", "tokens"):
            splits = {split.name: getattr(split.kept, unit) for split in source.splits}
            _require_sum(place, unit, "kept", getattr(source.kept, unit), splits)
        for split in source.splits:
            _balance_split(f"ledger of {ledger.name!r}: {split.name!r}", split)


def _balance_split(place: str, split: SplitLedger) -> None:
    for unit in ("documents", "bytes", "tokens"):
        kept, held_out, prefix = (getattr(each, unit) for each in (split.kept, split.held_out, split.prefix))
        seen = {f"{split.whole_epochs} whole epochs": split.whole_epochs * (kept - held_out), "prefix": prefix}
        _require_sum(place, unit, "in_mix", getattr(split.in_mix, unit), seen)
        taken = {"prefix": prefix} if split.whole_epochs == 0 else {"whole epochs": kept - held_out}
        outcomes = {"held_out": held_out, **taken, "left_over": getattr(split.left_over, unit)}
        _require_sum(place, unit, "kept", kept, outcomes)


def dump(ledger: Ledger) -> bytes:
    """Return the one form of a ledger on disk: canonical JSON, which `parse` takes.

    Raises:
        MixError: it does not balance, or nobody could read it.
    """
    data = encode(ledger)
    parse(data, f"ledger of {ledger.name!r}")
    return data


def parse(data: bytes, place: str) -> Ledger:
    """Return the ledger that `dump` wrote.

    Args:
        data: the content of the file.
        place: its name, for messages.

    Raises:
        MixError: the format is another one, a key or type is wrong, or it does not balance.
    """
    record = decode(data, place)
    if record.get("format") != FORMAT:
        raise MixError(f"{place}: found the format {record.get('format')!r}, wanted {FORMAT!r}; build the mix again")
    ledger = bind(Ledger, record, place)
    balance(ledger)
    return ledger


def _outcomes(source: SourceLedger, unit: str) -> dict[str, int]:
    """Return what became of the records read, by station: failed, each of STATIONS, kept."""
    terms = {"failed": _total(source.failed, unit)}
    terms |= {station: _total(source.dropped[station], unit) for station in STATIONS}
    return terms | {"kept": getattr(source.kept, unit)}


def _total(counts: Mapping[str, Count], unit: str) -> int:
    return sum(getattr(count, unit) for count in counts.values())


def _require_sum(place: str, unit: str, name: str, found: int, terms: Mapping[str, int]) -> None:
    total = sum(terms.values())
    if found != total:
        listed = " + ".join(f"{term} {number:,}" for term, number in terms.items())
        raise MixError(
            f"{place}: {unit}: found {name} {found:,}, but {listed} = {total:,}; {abs(found - total):,} "
            f"{'lost' if found > total else 'too many'}; nothing is published, report it as a bug"
        )


def _check_names(place: str, source: SourceLedger) -> None:
    if set(source.dropped) != set(STATIONS):
        raise MixError(f"{place}: dropped: found the stations {sorted(source.dropped)}, wanted {sorted(STATIONS)}")
    for reason in [*source.failed, *(reason for reasons in source.dropped.values() for reason in reasons)]:
        if not re.fullmatch("[a-z][a-z0-9_]*", reason):
            raise MixError(f"{place}: found the reason {reason!r}, wanted lower case, digits and underscores")
