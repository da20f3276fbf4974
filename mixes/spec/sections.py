"""Sections of a mix spec that hold for all sources: tokenizer, reading, units, parts, language, repeated n-grams."""

from dataclasses import dataclass, field
from typing import Literal

from mixes.typed_yaml.fields import about

SOME, SOME_IN_WORDS = r"[\s\S]+", "text that is not empty"
SIZE_LIMIT = (1 << 31) - 1
"""Bytes of a text and tokens of a part, at most: Arrow's offsets and a part's sorting buffer are 32-bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """How text becomes tokens."""

    file: str = field(
        metadata=about(
            "a `tokenizer.json` of the `tokenizers` library, plain or gzipped; `{data}` is the data root", place=True
        )
    )
    eos: str = field(
        default="<|endoftext|>",
        metadata=about("the special token that ends each document", pattern=SOME, form=SOME_IN_WORDS),
    )
    backend: Literal["auto", "tokenizers", "gigatoken"] = field(
        default="auto",
        metadata=about(
            "the library that encodes; all give the same tokens. `auto`: the fastest that is there and proves itself "
            "equal to `tokenizers`, else that; see docs/tokenizing.md",
            late=True,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What to do about shards and records that cannot be read."""

    on_corrupt: Literal["fail", "quarantine", "keep"] = field(
        default="fail",
        metadata=about(
            "a shard that is cut or damaged: `fail` ends the build, `quarantine` sets all of its documents aside, "
            "`keep` keeps those before the damage"
        ),
    )
    max_failed: float = field(
        default=0.001,
        metadata=about(
            "share of a source's documents that may fail (bad JSON, no text, too large, in a damaged shard); "
            "above it the build fails",
            at_least=0,
            at_most=1,
        ),
    )
    max_document_bytes: int = field(
        default=67_108_864,
        metadata=about("UTF-8 bytes of a document's text; a longer one fails", at_least=1, at_most=SIZE_LIMIT),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """How work is cut."""

    max_bytes: int = field(
        default=67_108_864,
        metadata=about(
            "stored bytes, at most, of the shards that one worker reads in one go: fewer where the source has few; a "
            "larger shard stands alone",
            at_least=1,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The token files."""

    max_tokens: int = field(
        default=33_554_432,
        metadata=about(
            "tokens at which a part is closed; one part is sorted in memory", at_least=1, at_most=SIZE_LIMIT
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Language identification by fastText; needed where a rule names a `language_...` measure."""

    model: str = field(
        metadata=about("a fastText language model such as `lid.176.ftz`; `{data}` is the data root", place=True)
    )
    max_characters: int = field(
        default=2_000, metadata=about("characters at the beginning of a text that are looked at", at_least=1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedNgrams:
    """Drop documents with an n-gram of tokens repeated many times in a row (OLMo 2)."""

    max_period: int = field(
        default=13, metadata=about("longest n-gram looked at, in tokens", at_least=1, at_most=1_000)
    )
    min_repeats: int = field(
        default=32, metadata=about("copies in a row that drop a document", at_least=2, at_most=1_000_000)
    )
