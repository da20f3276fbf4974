"""The part of a spec that says what a document must meet: rules, and measures that need a model, a field or a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mixes.typed_yaml.fields import SettingError, about

Preparation = Literal["one_line", "as_it_is"]
NAME, NAME_IN_WORDS = r"[a-z0-9_]{1,64}", "1 to 64 lower-case letters, digits and '_'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on a measure, at least one of them."""

    min: float | None = field(default=None, metadata=about("smallest value that stays"))
    max: float | None = field(default=None, metadata=about("largest value that stays"))

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise SettingError((), "neither min nor max found; a rule needs a bound")
        _check_order(self.min, self.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRule:
    """A limit on one measure: at least one bound of it, or the labels that stay."""

    measure: str = field(metadata=about("name of the measure; `language_<code>` needs the section `language`"))
    min: float | None = field(default=None, metadata=about("smallest value that stays"))
    max: float | None = field(default=None, metadata=about("largest value that stays"))
    among: tuple[str, ...] | None = field(
        default=None,
        metadata=about("labels that stay, for measures that are labels: licences, languages; an absent one is dropped"),
    )

    def __post_init__(self) -> None:
        if self.among is None and self.min is None and self.max is None:
            raise SettingError((), "neither min nor max found; a rule needs a bound")
        if self.among is not None and (self.min is not None or self.max is not None):
            raise SettingError("among", "found beside min or max; a measure is a number or a label")
        if self.among == ():
            raise SettingError("among", "found an empty list; no document could stay")
        _check_order(self.min, self.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRules:
    """A published rule set, some of its limits perhaps changed."""

    rules: str = field(metadata=about("the published set, such as `gopher_quality`", bare="a published rule set"))
    variant: str | None = field(
        default=None, metadata=about("how another tool reads the set, such as `dolma`; see docs/variants.md")
    )
    limits: Mapping[str, Limits] = field(
        default_factory=dict,
        metadata=about("a measure of the set with the limits to use instead of the published ones", rest=True),
    )


RuleItems = tuple[MeasureRule | PublishedRules, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FastTextMeasure:
    """A measure that a fastText classifier gives: the probability of one label."""

    name: str = field(metadata=about("what rules call the measure", pattern=NAME, form=NAME_IN_WORDS))
    fasttext: str = field(metadata=about("the model's file, such as `{data}/models/quality.bin`", place=True))
    label: str = field(metadata=about("the label whose probability is wanted, without `__label__`"))
    text: Preparation = field(
        default="one_line", metadata=about("how a text is made ready: stripped and its lines joined, or as it is")
    )
    lower_case: bool = field(default=False, metadata=about("whether the model was trained on lower-cased text"))
    max_characters: int | None = field(
        default=None, metadata=about("characters at the beginning of a text that are looked at", at_least=1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMeasure:
    """A measure that a transformer classifier gives, in the manner of FineWeb-Edu; needs the extra `classifier`."""

    name: str = field(metadata=about("what rules call the measure", pattern=NAME, form=NAME_IN_WORDS))
    model: str = field(metadata=about("folder of the model: config, tokenizer and safetensors", place=True))
    label: str | None = field(
        default=None, metadata=about("the label whose probability is wanted; left out where the model gives a score")
    )
    text: Preparation = field(
        default="as_it_is", metadata=about("how a text is made ready: as it is, or stripped and its lines joined")
    )
    max_tokens: int = field(default=512, metadata=about("tokens at the beginning of a text that are read", at_least=1))
    batch_size: int = field(default=32, metadata=about("documents in one forward pass", at_least=1, at_most=4_096))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMeasure:
    """A number that lies in the documents already; NaN where a document has none, which fails every rule."""

    name: str = field(metadata=about("what rules call the measure", pattern=NAME, form=NAME_IN_WORDS))
    field: tuple[str, ...] = field(
        metadata=about(
            "one or several places of it, the first that a document has counts: `metadata.score`",
            single=True,
            min_items=1,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonMeasures:
    """Measures of your own: a Python file that declares them; see docs/rules.md."""

    python: str = field(metadata=about("the file; it is run on every worker, so name only files you trust", place=True))


MeasureItem = FastTextMeasure | ModelMeasure | FieldMeasure | PythonMeasures


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlLists:
    """Files that URL measures look into, one entry a line, plain or compressed."""

    domains: tuple[str, ...] = field(
        default=(),
        metadata=about("domains whose pages, and those of their subdomains, are listed", single=True, place=True),
    )
    strict_substrings: tuple[str, ...] = field(
        default=(), metadata=about("pieces of text that a URL must not hold anywhere", single=True, place=True)
    )
    hard_words: tuple[str, ...] = field(
        default=(), metadata=about("words that a URL must not hold as words", single=True, place=True)
    )
    soft_words: tuple[str, ...] = field(
        default=(), metadata=about("words of which a URL may hold one, but hardly two", single=True, place=True)
    )
    public_suffixes: str | None = field(
        default=None, metadata=about("the public suffix list, by which registered domains are told", place=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluations:
    """Evaluation sets that documents are searched for; see docs/decontamination.md."""

    files: tuple[str, ...] = field(
        metadata=about(
            "JSON lines of questions and answers, one or a list of paths or globs; `{data}` is the data root",
            single=True,
            min_items=1,
            place=True,
        )
    )
    ngram: int = field(
        default=13, metadata=about("words in an n-gram of the overlap with them", at_least=1, at_most=1_000)
    )


def _check_order(low: float | None, high: float | None) -> None:
    if low is not None and high is not None and low > high:
        raise SettingError("min", f"found min {low:g} above max {high:g}; no document could stay")
