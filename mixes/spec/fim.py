"""What a spec says of fill-in-the-middle: how many documents of a source, and by which tokens."""

from dataclasses import dataclass, field

from mixes.typed_yaml.fields import SettingError, about

_SOME, _SOME_IN_WORDS = r"[\s\S]+", "text that is not empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class FillInTheMiddle:
    """Documents whose middle is moved to their end, so that a model learns to fill it in; see docs/tokenizing.md."""

    rate: float = field(
        default=0.5, metadata=about("share of the source's documents, chosen by their keys", above=0, at_most=1)
    )
    spm_rate: float = field(
        default=0.5,
        metadata=about(
            "share of those in the order suffix, prefix, middle; the others: prefix, suffix, middle",
            at_least=0,
            at_most=1,
        ),
    )
    prefix: str = field(
        default="<|fim_prefix|>",
        metadata=about("special token before the prefix", pattern=_SOME, form=_SOME_IN_WORDS),
    )
    suffix: str = field(
        default="<|fim_suffix|>",
        metadata=about("special token before the suffix", pattern=_SOME, form=_SOME_IN_WORDS),
    )
    middle: str = field(
        default="<|fim_middle|>",
        metadata=about("special token before the middle", pattern=_SOME, form=_SOME_IN_WORDS),
    )

    def __post_init__(self) -> None:
        if len({self.prefix, self.suffix, self.middle}) < 3:
            raise SettingError("prefix", "found one token for two of prefix, suffix and middle; wanted three tokens")
