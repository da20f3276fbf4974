"""The mix spec, whole: what a mix is made of, its sources and the budget that they share.

`docs/spec.md` and `mixes/mix.schema.json` are made from the dataclasses of this folder. What can be checked without
looking at a file is checked here; a `SettingError` gets its place from `mixes/typed_yaml/binding.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mixes.spec.amounts import MAX_TOKENS, Validation, proportion_problems
from mixes.spec.dedupe import Dedupe
from mixes.spec.places import unfit_places
from mixes.spec.rule_items import NAME, NAME_IN_WORDS, Evaluations, MeasureItem, RuleItems, UrlLists
from mixes.spec.sections import Language, Parts, Reading, RepeatedNgrams, Tokenizer, Units
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.checks import refuse
from mixes.typed_yaml.fields import FoundProblem, about


@dataclass(frozen=True, slots=True, kw_only=True)
class MixSpec:
    """A mix: which documents, which rules, how many tokens of each source."""

    name: str = field(
        metadata=about(
            "the mix's name, its folder under OUTPUT/mixes",
            pattern=r"[a-z0-9_][a-z0-9_-]{0,63}(\.[a-z0-9_-]{1,64}){0,2}",
            form="lower-case letters, digits, '_', '-' and single dots between them",
            late=True,
        )
    )
    tokens: int | None = field(
        default=None,
        metadata=about(
            "token budget of the mix; left out where no source has a `proportion`",
            at_least=1,
            at_most=MAX_TOKENS,
            late=True,
        ),
    )
    on_shortfall: Literal["fail", "scale"] = field(
        default="fail",
        metadata=about(
            "where a source has too few tokens: `fail` refuses with the figures, `scale` shrinks the whole mix until "
            "every source suffices",
            late=True,
        ),
    )
    validation: Validation | None = field(
        default=None, metadata=about("what is held out of each source and never trained on, for validation", late=True)
    )
    seed: int = field(
        default=1234,
        metadata=about("decides which documents are sampled and in which order", at_least=0, at_most=2**63 - 1),
    )
    tokenizer: Tokenizer = field(metadata=about("how text becomes tokens"))
    reading: Reading = field(
        default_factory=Reading, metadata=about("what to do about shards and records that cannot be read")
    )
    units: Units = field(default_factory=Units, metadata=about("how work is cut"))
    parts: Parts = field(default_factory=Parts, metadata=about("the token files"))
    language: Language | None = field(default=None, metadata=about("language identification by fastText"))
    measures: tuple[MeasureItem, ...] = field(
        default=(), metadata=about("measures beside those that come with us: classifiers, fields of records, your own")
    )
    urls: UrlLists = field(default_factory=UrlLists, metadata=about("lists that measures of URLs look into"))
    evaluations: Evaluations | None = field(
        default=None, metadata=about("evaluation sets that documents are searched for, where a rule or an edit asks")
    )
    bad_words: str | None = field(
        default=None,
        metadata=about("file of bad words and phrases, one a line; the English list comes with us", place=True),
    )
    dedupe: Dedupe = field(default_factory=Dedupe, metadata=about("which duplicates are dropped"))
    repeated_ngrams: RepeatedNgrams | None = field(
        default_factory=RepeatedNgrams,
        metadata=about("drop documents with an n-gram of tokens repeated many times in a row; `null` keeps them"),
    )
    rule_sets: Mapping[str, RuleItems] = field(
        default_factory=dict,
        metadata=about(
            "named lists of rules for several sources",
            pattern=NAME,
            form=NAME_IN_WORDS,
        ),
    )
    sources: tuple[SourceSpec, ...] = field(
        metadata=about("where documents come from, in the order that decides which duplicate stays", min_items=1)
    )

    def __post_init__(self) -> None:
        refuse(
            unfit_places(self),
            self._name_problems(),
            self._proportion_problems(),
            self._budget_problems(),
        )

    def _proportion_problems(self) -> Iterator[FoundProblem]:
        yield from proportion_problems(self.sources, "sources")

    def _name_problems(self) -> Iterator[FoundProblem]:
        names: dict[str, int] = {}
        for index, source in enumerate(self.sources):
            first = names.setdefault(source.name, index)
            if first != index:
                yield ("sources", index, "name"), f"found '{source.name}' again; sources[{first}] has it"

    def _budget_problems(self) -> Iterator[FoundProblem]:
        """Yield a budget that is stated twice or not at all, or that leaves sources nothing."""
        amounts = [(source.proportion, source.tokens, source.epochs) for source in self.sources]
        if any(len(each) - each.count(None) > 1 for each in amounts):
            return  # nobody knows which of the two is meant
        sharing = [index for index, source in enumerate(self.sources) if source.proportion is not None]
        if not sharing and self.tokens is not None:
            yield (
                ("tokens",),
                f"found {self.tokens:,}, but every source says itself how many it gives; leave this key out",
            )
        if not sharing:
            return
        if self.tokens is None:
            yield (), "key 'tokens' is missing, which the proportions are parts of; give the token budget"
            return
        fixed = sum(source.tokens or 0 for source in self.sources)
        if fixed >= self.tokens:
            message = f"found {self.tokens:,}, but sources with tokens take {fixed:,}; raise it or lower those"
            yield ("tokens",), message
            return
        yield from self._bound_problems(self.tokens, fixed)
        for index in sharing:
            proportion = self.sources[index].proportion or 0.0
            if proportion * (self.tokens - fixed) < 1:
                message = f"{proportion:g} of {self.tokens - fixed:,} tokens is less than one token"
                yield ("sources", index, "proportion"), message

    def _bound_problems(self, tokens: int, fixed: int) -> Iterator[FoundProblem]:
        """Yield bounds that no division meets, whatever the sources have."""
        sharing = [source for source in self.sources if source.proportion is not None]
        least = fixed + sum(source.min_tokens or 0 for source in sharing)
        if least > tokens:
            yield (
                ("tokens",),
                f"found {tokens:,}, but tokens and min_tokens of sources take {least:,}; raise it or lower those",
            )
        if self.on_shortfall == "scale" or any(
            source.tokens is None and source.proportion is None for source in self.sources
        ):
            return
        most = fixed + sum(tokens if source.max_tokens is None else source.max_tokens for source in sharing)
        if most < tokens:
            remedy = "lower it, raise max_tokens or write on_shortfall: scale"
            yield ("tokens",), f"found {tokens:,}, but sources give at most {most:,} within max_tokens; {remedy}"

    def validation_of(self, source: SourceSpec) -> Validation:
        """Return what is held out of one of its sources."""
        return source.validation or self.validation or Validation(share=0)
