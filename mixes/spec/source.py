"""A source of a mix spec: its documents, how much of them the mix takes, and what they must meet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from mixes.spec.amounts import MAX_TOKENS, Amount, Splits, Upsampling, Validation, amount_problems
from mixes.spec.fim import FillInTheMiddle
from mixes.spec.rule_items import NAME, NAME_IN_WORDS, RuleItems
from mixes.spec.sampling import Sample
from mixes.spec.sections import SOME, SOME_IN_WORDS
from mixes.typed_yaml.checks import refuse
from mixes.typed_yaml.fields import FoundProblem, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Where records hold what rules ask for beside text and id; of several places the first that one has counts."""

    url: tuple[str, ...] = field(
        default=("url", "metadata.url", "metadata.WARC-Target-URI"),
        metadata=about("the document's address", single=True, min_items=1),
    )
    license: tuple[str, ...] = field(
        default=("license", "metadata.license"),
        metadata=about("its licence", single=True, min_items=1),
    )
    path: tuple[str, ...] = field(
        default=("path", "metadata.path", "metadata.max_stars_repo_path"),
        metadata=about("name of the file, whose ending tells its programming language", single=True, min_items=1),
    )
    stars: tuple[str, ...] = field(
        default=("stars", "metadata.stars", "metadata.max_stars_count"),
        metadata=about("stars of its repository", single=True, min_items=1),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSpec:
    """A named collection of documents, and how much of it the mix takes."""

    name: str = field(
        metadata=about(
            "the source's name, used in folders and reports",
            pattern=NAME,
            form=NAME_IN_WORDS,
        )
    )
    documents: tuple[str, ...] = field(
        metadata=about(
            "its shards: one or a list of paths, globs (`*`, `?`, `[...]`, `**`) or URIs (`s3://`, `gs://`, `http://`, "
            "`https://`, `hf://`); `{data}` is the data root",
            single=True,
            min_items=1,
            place=True,
        )
    )
    format: Literal["auto", "jsonl", "parquet", "text", "warc", "wet"] = field(
        default="auto", metadata=about("format of the shards; `auto` goes by the file's name")
    )
    text_field: str = field(
        default="text",
        metadata=about("field (JSON) or column (parquet) that holds the text", pattern=SOME, form=SOME_IN_WORDS),
    )
    id_field: str = field(
        default="id",
        metadata=about(
            "field or column that holds the id; where it is absent, the id is shard and row",
            pattern=SOME,
            form=SOME_IN_WORDS,
        ),
    )
    html: bool = field(
        default=False, metadata=about("the text is HTML, to be extracted; responses in a WARC always are")
    )
    proportion: float | None = field(
        default=None,
        metadata=about(
            "part of the mix's `tokens` that sources with `tokens` or `epochs` leave; those of all sources add up to 1",
            above=0,
            at_most=1,
            late=True,
        ),
    )
    tokens: int | None = field(
        default=None, metadata=about("tokens wanted of this source", at_least=1, at_most=MAX_TOKENS, late=True)
    )
    epochs: float | None = field(
        default=None,
        metadata=about(
            "times its documents are seen: 0.5 = a seeded half, 1.7 = all once and 70 % once more",
            above=0,
            at_most=1_000,
            late=True,
        ),
    )
    min_tokens: int | None = field(
        default=None,
        metadata=about(
            "tokens it gives at least, beside `proportion` or `epochs`", at_least=1, at_most=MAX_TOKENS, late=True
        ),
    )
    max_tokens: int | None = field(
        default=None,
        metadata=about(
            "tokens it gives at most; other proportions share the rest", at_least=1, at_most=MAX_TOKENS, late=True
        ),
    )
    max_epochs: float = field(
        default=1.0,
        metadata=about(
            "times its documents may be seen; 2.5 = all twice, half of them once more",
            above=0,
            at_most=1_000,
            late=True,
        ),
    )
    splits: Splits | None = field(
        default=None, metadata=about("splits by a measure, each with its part of the source's tokens")
    )
    upsampling: Upsampling | None = field(
        default=None, metadata=about("leave the worst documents out and repeat the better ones more often")
    )
    validation: Validation | None = field(
        default=None, metadata=about("what is held out of this source, where it is not what the mix says", late=True)
    )
    fim: FillInTheMiddle | None = field(
        default=None, metadata=about("fill-in-the-middle, for code; `{}` takes the defaults, `null` leaves it out")
    )
    fields: Fields = field(
        default_factory=Fields, metadata=about("where its records hold URL, licence, path and stars")
    )
    sample: Sample = field(
        default_factory=Sample, metadata=about("which part of it is looked at, where far less is wanted than it has")
    )
    rules: str | RuleItems = field(
        default=(), metadata=about("what a document must meet: a list of rules, or the name of one in `rule_sets`")
    )
    edits: tuple[str, ...] = field(
        default=(),
        metadata=about(
            "span edits: what is removed or replaced in its texts before duplicates are sought and tokens made; rules "
            "measure the text as it was read"
        ),
    )

    def __post_init__(self) -> None:
        refuse(
            self._field_problems(),
            self._amount_problems(),
            amount_problems("source", self),
            self._division_problems(),
            self._sample_problems(),
        )

    def _field_problems(self) -> Iterator[FoundProblem]:
        if self.text_field == self.id_field:
            yield ("id_field",), f"found '{self.id_field}' for both text_field and id_field; wanted two fields"

    def _amount_problems(self) -> Iterator[FoundProblem]:
        if self.proportion is not None and self.tokens is not None:
            yield ("tokens",), f"source '{self.name}' has both proportion and tokens; keep one of them"
        if self.tokens is not None and self.epochs is not None:
            yield ("epochs",), f"source '{self.name}' has both tokens and epochs; keep one of them"
        for key in ("min_tokens", "max_tokens"):
            if getattr(self, key) is not None and self.proportion is None and self.epochs is None:
                yield (key,), f"source '{self.name}' has no proportion or epochs that it could bound"

    def _division_problems(self) -> Iterator[FoundProblem]:
        """Yield why a source does not say how much, or says it beside splits that say it themselves."""
        has_amount = self.proportion is not None or self.tokens is not None or self.epochs is not None
        if self.splits is not None and self.upsampling is not None:
            yield ("upsampling",), f"source '{self.name}' has splits too; upsampling makes its own"
        if self.upsampling is not None and self.max_epochs != 1.0:
            yield ("max_epochs",), "found beside upsampling, which has a bound of its own: max_repeats"
        shares = self.splits is None or any(split.proportion is not None for split in self.splits.into)
        if shares and not has_amount:
            yield (), f"source '{self.name}' has neither proportion nor tokens nor epochs; give one of them"
        if has_amount and not shares:
            yield ("splits",), f"each split of source '{self.name}' has epochs; leave the source's own amount out"

    def _sample_problems(self) -> Iterator[FoundProblem]:
        """Yield epochs where only a sample of the source is known: what one epoch has, nobody could say."""
        if self.sample.documents == 1:
            return
        splits = (
            [(f"split '{self.name}/{split.name}'", split.epochs) for split in self.splits.into] if self.splits else []
        )
        for name, epochs in [(f"source '{self.name}'", self.epochs), *splits]:
            if epochs:
                known = (
                    f"epochs count by all documents of a source, of which a sample shows some; {name} gives {epochs:g}"
                )
                remedy = (
                    "say how much in tokens or by a proportion, or sample whole shards (`shards`), which epochs go by"
                )
                yield ("sample", "documents"), f"{known}; {remedy}"

    @property
    def split_names(self) -> tuple[str, ...]:
        """Return what the manifest calls its splits, the lowest first; the source alone where it is not divided."""
        if self.splits is not None:
            return tuple(f"{self.name}/{split.name}" for split in self.splits.into)
        if self.upsampling is not None:
            kept = [f"{self.name}/q{bucket}" for bucket in range(1, self.upsampling.buckets + 1)]
            return (*([f"{self.name}/dropped"] if self.upsampling.drop else []), *kept)
        return (self.name,)

    @property
    def most_epochs(self) -> float:
        """Return how often its documents may be seen at most, those of the split that may be seen most often."""
        if self.upsampling is not None:
            return self.upsampling.max_repeats
        amounts: list[Amount] = [self, *(self.splits.into if self.splits is not None else ())]
        return max(bound for each in amounts for bound in (each.max_epochs, each.epochs) if bound is not None)

    @property
    def split_measure(self) -> str | None:
        """Return the measure that divides it; None where nothing does."""
        by = self.splits or self.upsampling
        return by.measure if by is not None else None
