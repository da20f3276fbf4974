"""The plan of a build: every default resolved, every glob expanded, every unit and file name fixed.

Planning lists files and reads the tokenizer and the models, never text. What cannot work is refused here,
before hours are spent.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from filters.duplicates import minhash, normalize, shingles
from mixes.demand import Demand
from mixes.manifest import TokenizerEntry
from mixes.spec.demands import estimated_wants
from mixes.spec.mix import MixSpec
from mixes.spec.sampling import AUTO, planned_share, sampled_shards
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.binding import Bound
from mixes.typed_yaml.canonical import canonical_json
from pipelines.listing import Shard, list_shards, missing_files

MEASURES_FORMAT = 1
"""Raised when the bytes of a measures file change for the same input."""
REPEATS_FORMAT = 1
"""Raised when a paragraph or an anchor of the same text changes."""
SIGNATURES_FORMAT = 1
"""Raised when the bytes of a file of signatures change for the same input."""
TOKENS_FORMAT = 3
"""Raised when the bytes of a part, its index or the record of a unit's parts change for the same input."""

BYTES_PER_TOKEN = 4.2  # of English web text under a vocabulary of 100,000; only for estimates
_EXPANSION = {
    ".gz": 3.1,
    ".zst": 3.3,
    ".zstd": 3.3,
    ".bz2": 3.8,
    ".xz": 4.0,
    ".parquet": 2.6,
}  # text bytes over stored bytes
_WARC_EXPANSION = 0.35  # most of a page is markup
_TOKENS_PER_DOCUMENT = 250  # few, so that ranges come out small rather than large
_RANGE_BYTES = 64e6
_UNITS_A_SOURCE = 64  # where a source has enough for so many: more workers than one machine mostly has
_MIN_UNIT_BYTES = 1 << 23  # a unit costs 75 ms beside what its texts cost, which here take seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The shards that one worker reads in one go; the Beam element of the whole road."""

    ordinal: int  # over all units of the build, in the order of sources and shard names
    source: int  # index of the source in the spec
    name: str  # digest of the shards' names, sizes and versions: where its measures lie
    shards: tuple[Shard, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """One source with every number resolved."""

    name: str
    num_shards: int  # that are read
    stored_bytes: int  # of those
    unread: tuple[Shard, ...]  # beyond the source's sample
    estimated_text_bytes: int  # from stored bytes alone
    estimated_tokens: int  # likewise
    sample: float  # share of its documents that are looked at
    wanted_tokens: int
    max_epochs: float

    @property
    def sampled_tokens(self) -> int:
        """Return the estimated tokens of the documents that are looked at, before anything is dropped."""
        return int(self.estimated_tokens * self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is known before the first document is read."""

    spec: MixSpec  # with the samples resolved
    sources: tuple[SourcePlan, ...]
    units: tuple[Unit, ...]

    @property
    def stored_bytes(self) -> int:
        """Return the stored bytes of all shards."""
        return sum(source.stored_bytes for source in self.sources)

    @property
    def estimated_documents(self) -> float:
        """Return about how many documents there are, rather too many than too few."""
        return sum(source.estimated_tokens for source in self.sources) / _TOKENS_PER_DOCUMENT


def make_plan(bound: Bound[MixSpec], data_root: str) -> Plan:
    """Expand the globs of a spec, choose the shards that are read, and group them into units.

    Raises:
        SpecError: A pattern or name matches nothing, or two sources would read one file: all that is so.
    """
    spec = bound.value
    listing = list_shards(spec, data_root)
    problems = [*listing.problems, *missing_files(spec, data_root)]
    if problems:
        raise bound.errors(problems)
    sources: list[SourcePlan] = []
    units: list[Unit] = []
    for index, (source, found) in enumerate(zip(spec.sources, listing.shards, strict=True)):
        is_read = sampled_shards([shard.name for shard in found], spec.seed, source.sample.shards)
        shards = [shard for shard, chosen in zip(found, is_read, strict=True) if chosen]
        for group in _group(shards, unit_bytes(sum(max(shard.size, 0) for shard in shards), spec.units.max_bytes)):
            units.append(Unit(ordinal=len(units), source=index, name=_unit_name(group), shards=tuple(group)))
        text_bytes = sum(estimated_text_bytes(shard) for shard in shards)
        tokens = int(text_bytes / BYTES_PER_TOKEN)
        sources.append(
            SourcePlan(
                name=source.name,
                num_shards=len(shards),
                stored_bytes=sum(max(shard.size, 0) for shard in shards),
                unread=tuple(shard for shard, chosen in zip(found, is_read, strict=True) if not chosen),
                estimated_text_bytes=int(text_bytes),
                estimated_tokens=tokens,
                sample=1.0,
                wanted_tokens=0,
                max_epochs=source.most_epochs,
            )
        )
    sources = _divide(spec, sources)
    return Plan(spec=_resolve_samples(spec, sources), sources=tuple(sources), units=tuple(units))


def _divide(spec: MixSpec, plans: Sequence[SourcePlan]) -> list[SourcePlan]:
    """Return the plans of sources with the tokens wanted of each, and its sample."""
    wants = estimated_wants(spec, [plan.estimated_tokens for plan in plans], [None] * len(plans))
    return [
        replace(plan, wanted_tokens=sum(wanted), sample=_document_share(source, demand, wanted))
        for source, plan, (demand, wanted) in zip(spec.sources, plans, wants, strict=True)
    ]


def _document_share(source: SourceSpec, demand: Demand, wanted: Sequence[int]) -> float:
    """Return the share of a source's documents to look at: `auto` goes by the split that needs most of what it has."""
    if source.sample.documents != AUTO:
        return source.sample.share
    if not any(wanted):
        return 1.0  # nobody knows yet how many are wanted
    leaves = zip(demand.splits or (demand,), wanted, strict=True)
    return max(planned_share(tokens, leaf.available, source.sample.head_room) for leaf, tokens in leaves if tokens)


def _resolve_samples(spec: MixSpec, plans: Sequence[SourcePlan]) -> MixSpec:
    """Return a spec in which every sample is a number."""
    sources = tuple(
        replace(source, sample=replace(source.sample, documents=plan.sample))
        for source, plan in zip(spec.sources, plans, strict=True)
    )
    return replace(spec, sources=sources)


def unit_bytes(stored_bytes: int, max_bytes: int) -> int:
    """Return how many stored bytes of a source go into one unit: of a small one less, so that workers can share it.

    Sizes double, so that a source that grows a little keeps its units. Neither workers nor other sources count: equal
    inputs give equal parts.
    """
    shared = 1 << (stored_bytes // _UNITS_A_SOURCE).bit_length()
    return min(max(shared, _MIN_UNIT_BYTES), max_bytes)


def _group(shards: Sequence[Shard], max_bytes: int) -> list[list[Shard]]:
    """Group neighbours so that a unit holds at most `max_bytes`, or a single larger shard."""
    groups: list[list[Shard]] = []
    size = 0
    for shard in shards:
        shard_bytes = max(shard.size, 0)
        if not groups or size + shard_bytes > max_bytes:
            groups.append([])
            size = 0
        groups[-1].append(shard)
        size += shard_bytes
    return groups


def _unit_name(shards: Sequence[Shard]) -> str:
    return digest_of([[shard.name, shard.uri, shard.size, shard.version] for shard in shards])


def estimated_text_bytes(shard: Shard) -> float:
    """Return about how many bytes of text a shard holds, by its name and size alone."""
    name = shard.name.lower()
    if ".warc" in name and ".wet" not in name:
        return shard.size * _WARC_EXPANSION * (_EXPANSION[".gz"] if name.endswith(".gz") else 1.0)
    return max(shard.size, 0) * _EXPANSION.get(os.path.splitext(name)[1], 1.0)


def digest_of(value: object) -> str:
    """Return 16 hex digits that name a value made of strings, numbers, lists and mappings."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:16]


def num_hash_ranges(plan: Plan, document_bytes: int) -> int:
    """Return into how many hash ranges the match station splits: a power of two, each range of bounded size.

    Args:
        plan: The plan, whose documents are estimated.
        document_bytes: What each of them sends into the ranges.
    """
    needed = plan.estimated_documents * document_bytes / _RANGE_BYTES
    return max(8, 1 << max(0, int(needed) - 1).bit_length())


def measures_fingerprint(
    spec: MixSpec, source: SourceSpec, group_fingerprints: Sequence[str], editor_fingerprints: Sequence[str]
) -> str:
    """Return the digest of all settings that can change a byte of a source's measures."""
    return digest_of(
        {
            "format": MEASURES_FORMAT,
            "max_document_bytes": spec.reading.max_document_bytes,
            "reader": [source.format, source.text_field, source.id_field, source.html],
            "measures": list(group_fingerprints),
            "edits": list(editor_fingerprints),
            **_sample_identity(spec, source),
        }
    )


def signatures_fingerprint(spec: MixSpec, source: SourceSpec, editor_fingerprints: Sequence[str]) -> str:
    """Return the digest of all settings that can change a byte of a source's signatures."""
    fuzzy, normalized = spec.dedupe.fuzzy, spec.dedupe.normalized
    return digest_of(
        {
            "format": SIGNATURES_FORMAT,
            "max_document_bytes": spec.reading.max_document_bytes,
            "reader": [source.format, source.text_field, source.id_field, source.html],
            "edits": list(editor_fingerprints),
            "normalized": [normalized, normalize.VERSION] if normalized else None,
            "url": list(source.fields.url) if spec.dedupe.url else None,
            "shingles": [fuzzy.shingles, fuzzy.ngram, shingles.VERSION] if fuzzy else None,
            "signatures": [fuzzy.num_bands * fuzzy.num_rows, minhash.VERSION] if fuzzy else None,
            **_sample_identity(spec, source),
        }
    )


def repeats_fingerprint(spec: MixSpec, source: SourceSpec, editor_fingerprints: Sequence[str]) -> str:
    """Return the digest of all settings that can change what is known of the repeats of a source."""
    paragraphs, substrings = spec.dedupe.paragraphs, spec.dedupe.substrings
    return digest_of(
        {
            "format": REPEATS_FORMAT,
            "max_document_bytes": spec.reading.max_document_bytes,
            "reader": [source.format, source.text_field, source.id_field, source.html],
            "edits": list(editor_fingerprints),
            "paragraphs": [paragraphs.lines, paragraphs.min_characters, paragraphs.min_words] if paragraphs else None,
            "substrings": [substrings.min_bytes] if substrings else None,
            **_sample_identity(spec, source),
        }
    )


def tokens_fingerprint(
    spec: MixSpec, source: SourceSpec, editor_fingerprints: Sequence[str], tokenizer: TokenizerEntry
) -> str:
    """Return the digest of all settings that can change a byte of a source's parts, given the documents kept."""
    repeats, fim = spec.repeated_ngrams, source.fim
    return digest_of(
        {
            "format": TOKENS_FORMAT,
            "seed": spec.seed,
            "tokenizer": [tokenizer.digest, tokenizer.vector, spec.tokenizer.eos],
            "fim": [fim.rate, fim.spm_rate, list(tokenizer.fim_ids[source.name])] if fim else None,
            "max_tokens": spec.parts.max_tokens,
            "max_document_bytes": spec.reading.max_document_bytes,
            "reader": [source.format, source.text_field, source.id_field, source.html],
            "edits": list(editor_fingerprints),
            "repeated_ngrams": [repeats.max_period, repeats.min_repeats] if repeats else None,
            **_sample_identity(spec, source),
        }
    )


def _sample_identity(spec: MixSpec, source: SourceSpec) -> dict[str, object]:
    """Return what tells one sample of documents from another; nothing where all are looked at, whatever the seed."""
    return {} if source.sample.share == 1 else {"sample": [spec.seed, source.sample.share]}


def format_bytes(size: float) -> str:
    """Return a number of bytes with a decimal unit: '1.9 MB'."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(size) < 1000 or unit == "TB":
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable: the loop ends at TB")
