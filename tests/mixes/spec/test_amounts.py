"""Splits and upsampling as a spec writes them: what is refused, and where."""

import pytest

from mixes.errors import SpecError
from mixes.spec.known_names import KnownNames
from mixes.spec.mix import MixSpec
from mixes.typed_yaml.binding import bind_text
from tests.mixes.spec.checked import check_names

KNOWN = KnownNames(
    measures={"quality": (0.0, 1.0)},
    labels={"license": {"MIT": "MIT", "mit": "MIT"}.get},
    rule_sets={},
    edits=(),
)
TWO = "into: [{name: low, epochs: 0}, {name: high, epochs: 2}]"


def spec_with(splits: str, key: str = "splits") -> str:
    amount = "tokens: 9, " if key == "upsampling" else ""
    return f"name: a\ntokenizer: {{file: t}}\nsources:\n- {{name: web, documents: x, {amount}{key}: {{{splits}}}}}\n"


def refusal(text: str) -> str:
    """Return what follows the place of the one problem of a spec."""
    with pytest.raises(SpecError) as caught:
        check_names(bind_text(MixSpec, text, "a.yaml"), KNOWN)
    return str(caught.value).partition("sources[0].")[2]


def test_splits_are_named_after_their_source_lowest_first() -> None:
    spec = bind_text(MixSpec, spec_with(f"measure: quality, quantiles: [0.4], {TWO}"), "a.yaml")
    check_names(spec, KNOWN)
    assert spec.value.sources[0].split_names == ("web/low", "web/high")
    curve = bind_text(MixSpec, spec_with("measure: quality, buckets: 2", "upsampling"), "a.yaml").value.sources[0]
    assert curve.split_names == ("web/dropped", "web/q1", "web/q2")
    whole = bind_text(MixSpec, spec_with("measure: quality, buckets: 2, drop: 0", "upsampling"), "a.yaml")
    assert whole.value.sources[0].split_names == ("web/q1", "web/q2")


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (f"measure: quality, {TWO}", "splits: wanted one way to divide: limits, quantiles, or labels"),
        (f"measure: quality, limits: [1], quantiles: [0.5], {TWO}", "splits: wanted one way to divide"),
        (f"measure: quality, limits: [2, 1], {TWO}", "splits.limits: found values that do not rise"),
        (f"measure: quality, quantiles: [1], {TWO}", "splits.quantiles: found 1, above which nothing lies"),
        (f"measure: quality, quantiles: [0.3, 0.5], {TWO}", "splits.into: found 2 splits for 2 values; wanted 3"),
        (
            "measure: quality, limits: [1], into: [{name: a, epochs: 1}, {name: a, epochs: 2}]",
            "splits.into[1].name: found 'a' again; into[0] has it",
        ),
        (
            "measure: quality, limits: [1], into: [{name: a, epochs: 1}, {name: b}]",
            "splits.into[1]: split 'b' has neither proportion nor epochs",
        ),
        (
            "measure: quality, limits: [1], into: [{name: a, epochs: 1, proportion: 1}, {name: b, epochs: 1}]",
            "splits.into[0].epochs: split 'a' has both proportion and epochs",
        ),
        (
            "measure: license, into: [{name: a, epochs: 1, among: [MIT]}, {name: b, epochs: 1, among: [GPL]}]",
            "splits.into: found 0 splits without `among`; wanted one, for all other labels",
        ),
        (
            "measure: license, into: [{name: a, epochs: 1, among: [MIT, MIT]}, {name: b, epochs: 1}]",
            "splits.into[0].among[1]: found 'MIT' again; into[0] has it",
        ),
        (
            "measure: license, into: [{name: a, epochs: 1, among: []}, {name: b, epochs: 1}]",
            "splits.into[0].among: found an empty list",
        ),
        (
            "measure: license, into: [{name: a, epochs: 1, among: [mit]}, {name: b, epochs: 1}]",
            "splits.into[0].among[0]: found 'mit', which 'license' never gives; write 'MIT'",
        ),
        (
            "measure: quality, into: [{name: a, epochs: 1, among: [good]}, {name: b, epochs: 1}]",
            "splits.into: 'quality' is a number; give limits or quantiles",
        ),
        (f"measure: license, limits: [1], {TWO}", "splits.measure: 'license' is a label; give splits with the labels"),
        (f"measure: qualty, limits: [1], {TWO}", "splits.measure: unknown measure 'qualty'; did you mean 'quality'?"),
        (f"measure: language_en, limits: [1], {TWO}", "splits.measure: 'language_en' needs a language model"),
    ],
)
def test_splits_that_cannot_be_made_are_refused_with_their_place(splits: str, message: str) -> None:
    assert refusal(spec_with(splits)).startswith(message)


def test_splits_may_go_by_the_documents_that_duplicates_made_one() -> None:
    spec = bind_text(MixSpec, spec_with(f"measure: cluster_size, limits: [2], {TWO}"), "a.yaml")
    check_names(spec, KNOWN)
