"""The section `dedupe` of a mix spec: what a duplicate is, and which document of several stays."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from mixes.typed_yaml.checks import refuse
from mixes.typed_yaml.fields import FoundProblem, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzy:
    """Near duplicates: candidates by MinHash, each verified by what its shingles have in common."""

    shingles: Literal["words", "characters"] = field(
        default="words", metadata=about("what n-grams are made of, in lower case; words are those between whitespace")
    )
    ngram: int = field(
        default=5,
        metadata=about(
            "words or characters of an n-gram; a document of fewer has one of all it has", at_least=1, at_most=1_000
        ),
    )
    num_bands: int = field(
        default=14,
        metadata=about(
            "bands of a signature: two documents are candidates where all rows of a band agree",
            at_least=1,
            at_most=256,
        ),
    )
    num_rows: int = field(
        default=8,
        metadata=about(
            "rows of a band: candidates at Jaccard similarity J with the chance 1 - (1 - J^num_rows)^num_bands",
            at_least=1,
            at_most=64,
        ),
    )
    min_jaccard: float = field(
        default=0.8,
        metadata=about(
            "n-grams that both have over those that either has, from which on they are alike", above=0, at_most=1
        ),
    )
    min_containment: float | None = field(
        default=None,
        metadata=about(
            "candidates are alike, too, where this share of the n-grams of the shorter is in both; `null`: never",
            above=0,
            at_most=1,
        ),
    )
    clusters: Literal["verified", "components"] = field(
        default="verified",
        metadata=about(
            "`verified`: a document goes where a kept one is its like; `components`: all that chains of likes connect "
            "is one cluster"
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraphs:
    """Paragraphs or lines that recur across the corpus: the first copy stays, the others are cut out."""

    lines: bool = field(
        default=False, metadata=about("each line is a paragraph of its own; otherwise blank lines separate them")
    )
    min_characters: int = field(
        default=50, metadata=about('shorter ones are never touched: menus, braces, "Read more"', at_least=1)
    )
    min_words: int = field(default=1, metadata=about("likewise, in words", at_least=1))
    max_removed: float = field(
        default=0.8, metadata=about("a document that loses more than this share of its bytes goes", above=0, at_most=1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Substrings:
    """Stretches of text that recur anywhere in the corpus, byte for byte: the first copy of each stays."""

    min_bytes: int = field(default=500, metadata=about("bytes of a stretch, at least", at_least=8, at_most=10_000))
    max_removed: float = field(
        default=0.8, metadata=about("a document that loses more than this share of its bytes goes", above=0, at_most=1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dedupe:
    """Which duplicates are dropped: of the earliest source one stays, the preferred, then the longest."""

    exact: bool = field(default=True, metadata=about("drop documents whose text is equal to another's, in any source"))
    normalized: Literal["words"] | None = field(
        default=None,
        metadata=about(
            "drop documents whose text is equal to another's when only its words count: in lower case, without "
            "punctuation and with single spaces; texts without a word are left alone"
        ),
    )
    url: bool = field(
        default=False,
        metadata=about(
            "drop documents whose URL, in its canonical form, is another's; the places are those of a source's `fields`"
        ),
    )
    fuzzy: Fuzzy | None = field(default=None, metadata=about("drop near duplicates; `{}` takes the defaults"))
    paragraphs: Paragraphs | None = field(
        default=None,
        metadata=about("cut out paragraphs that an earlier document has too; `{}` takes the defaults"),
    )
    substrings: Substrings | None = field(
        default=None, metadata=about("cut out stretches that stand elsewhere too; `{}` takes the defaults")
    )
    against: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "earlier mixes, `OUTPUT/mixes/<name>` each: what is alike to a document that one of them kept is dropped; "
            "they need signatures of the same settings",
            place=True,
        ),
    )
    prefer: str | None = field(
        default=None,
        metadata=about("measure of which the highest value stays among duplicates of one source, before the longest"),
    )

    @property
    def looks_inside(self) -> bool:
        """Return whether parts of documents are duplicates, too."""
        return self.paragraphs is not None or self.substrings is not None

    def __post_init__(self) -> None:
        refuse(self._exact_problems())

    def _exact_problems(self) -> Iterator[FoundProblem]:
        """Yield what needs equal texts to be dropped, where they are not."""
        if self.exact:
            return
        others = {"normalized": self.normalized is not None, "url": self.url, "fuzzy": self.fuzzy is not None}
        if any(others.values()):
            names = ", ".join(name for name, wanted in others.items() if wanted)
            yield ("exact",), f"found false beside {names}, which would drop equal texts too; leave it true"
        if self.against:
            yield ("against",), "found it though no duplicates are dropped; leave it out"
        if self.prefer is not None:
            yield ("prefer",), "found it though no duplicates are dropped; leave it out"
