"""What is said of a budget before anything is built: the build's own words about the tokens that are foreseen."""

import logging
from collections.abc import Sequence

import pytest

from mixes.spec.demands import estimated_wants
from mixes.spec.mix import MixSpec
from mixes.typed_yaml.binding import bind_text
from pipelines.build_mix import _warn_of_budget
from pipelines.estimating.budgeting import foreseen_problems, rounded
from pipelines.options import parse_options
from pipelines.plan import make_plan
from pipelines.request import read_spec
from tests.pipelines.conftest import Corpus

HEAD = "name: a\ntokenizer: {file: t}\n"
WEB = "{name: web, documents: x, sample: {documents: 1.0}, "


def problems(text: str, tokens: Sequence[float], shares: Sequence[Sequence[float] | None] | None = None) -> list[str]:
    spec = bind_text(MixSpec, HEAD + text, "a.yaml").value
    return foreseen_problems(spec, tokens, shares or [None] * len(tokens))


def test_a_budget_that_comes_out_gives_nothing_to_say() -> None:
    assert problems(f"tokens: 1000\nsources: [{WEB}proportion: 1}}]", [1000.0]) == []
    assert problems(f"sources: [{WEB}epochs: 7}}]", [10.0]) == []


def test_every_source_that_falls_short_is_told_with_figures_and_remedy() -> None:
    found = problems(f"tokens: 1000\nsources: [{WEB}proportion: 1}}]", [500.4])
    assert found[0] == (
        "source 'web': proportion 1 of 1,000 tokens needs 1,000, but 500 tokens x max_epochs 1 gives 500; "
        "lower the mix's tokens to 500, raise max_epochs to 2 or write on_shortfall: scale"
    )


def test_what_is_held_out_is_not_available() -> None:
    text = f"tokens: 1000\nvalidation: {{share: 0.2}}\nsources: [{WEB}proportion: 1}}]"
    assert problems(text, [1250.0]) == []
    assert "but 999 tokens" in problems(text, [1249.0])[0]
    capped = text.replace("share: 0.2", "share: 0.2, max_tokens: 10")
    assert problems(capped, [1010.0]) == []


def test_a_mix_that_may_shrink_says_how_far() -> None:
    text = f"tokens: 1000\non_shortfall: scale\nsources: [{WEB}proportion: 1}}]"
    assert problems(text, [250.0]) == ["the mix: would shrink to 250 of 1,000 tokens (on_shortfall: scale)"]


SPLITS = "splits: {measure: quality, %s, into: [{name: low, epochs: 0}, {name: best, proportion: 1}]}"


def test_splits_by_quantiles_have_their_part_of_the_source() -> None:
    text = f"sources: [{WEB}tokens: 500, {SPLITS % 'quantiles: [0.6]'}}}]"
    assert problems(text, [1250.0]) == []
    assert problems(text, [1000.0])[0].startswith("split 'web/best': wants 500 tokens, but 400 tokens x max_epochs 1")


def test_splits_by_limits_count_where_a_sample_tells_them() -> None:
    text = f"sources: [{WEB}tokens: 500, {SPLITS % 'limits: [0.6]'}}}]"
    assert problems(text, [600.0]) == []
    assert problems(text, [400.0])[0].startswith("source 'web': wants 500 tokens, but 400 tokens")
    assert problems(text, [600.0], [(0.5, 0.5)])[0].startswith("split 'web/best': wants 500 tokens, but 300 tokens")
    found = problems(text, [600.0], [(1.0, 0.0)])
    assert found[0].startswith("split 'web/best': wants 500 tokens, but no document that survived lies in it")


def test_fixed_amounts_that_take_more_than_there_is_are_told() -> None:
    text = f"tokens: 100\nsources: [{WEB}proportion: 1}}, {{name: math, documents: y, epochs: 2}}]"
    assert problems(text, [1000.0, 40.0]) == []
    assert "80 go to those with tokens or epochs" not in str(problems(text, [1000.0, 40.0]))
    assert "120 go to those with tokens or epochs (math 120)" in problems(text, [1000.0, 60.0])[0]


def test_a_plan_is_made_though_what_is_fixed_takes_more_than_is_estimated() -> None:
    splits = "splits: {measure: quality, quantiles: [0.5], into: [{name: low, proportion: 1}, {name: best, epochs: 3}]}"
    text = f"tokens: 100\nsources: [{WEB}proportion: 1, max_epochs: 9, {splits}}}]"
    spec = bind_text(MixSpec, HEAD + text, "a.yaml").value
    for tokens, wanted in ((60, [10, 90]), (1000, [0, 1500])):
        assert [tokens for _, tokens in estimated_wants(spec, [tokens], [None])] == [wanted]
    assert "1,500 go to those with tokens or epochs (web/best 1,500)" in problems(text, [1000.0])[0]


def test_a_sample_that_holds_too_little_is_told_with_the_share_to_take() -> None:
    text = "tokens: 100\nsources: [{name: web, documents: x, proportion: 1, sample: {documents: 0.01}}]"
    assert "raise sample.documents to 0.03" in problems(text, [50.0])[0]
    held_out = text.replace("sources:", "validation: {share: 0.02}\nsources:")
    assert problems(held_out, [50.0])[0] == (
        "source 'web': validation.share 0.02 holds out all that sample.documents 0.01 looks at; raise sample.documents "
        "above it, to 0.05 for as much again to train on"
    )


def test_of_a_sampled_source_every_split_must_have_what_is_wanted_of_it_once() -> None:
    text = "sources: [{name: web, documents: x, tokens: 300, sample: {documents: 0.1}, max_epochs: 9, %s}]"
    by_quantile = text % (SPLITS % "quantiles: [0.8]")
    assert problems(by_quantile, [1500.0]) == []
    (found,) = problems(by_quantile, [1000.0])
    assert found == (
        "split 'web/best': only sample.documents 0.1 of its documents were looked at, which hold 200 of 300 tokens "
        "wanted; raise sample.documents to 0.2"
    )


@pytest.mark.parametrize(("number", "shown"), [(0.0, 0), (12.4, 12), (123.4, 123), (1234.0, 1230), (98765.0, 98800)])
def test_estimates_have_three_digits(number: float, shown: int) -> None:
    assert rounded(number) == shown


def test_a_build_warns_where_a_listing_leaves_hardly_a_doubt(corpus: Corpus, caplog: pytest.LogCaptureFixture) -> None:
    for tokens, is_told in ((6_000, False), (60_000_000, True)):
        caplog.clear()
        corpus.spec["tokens"] = tokens
        arguments = corpus.arguments()
        plan = make_plan(read_spec(arguments[0], str(corpus.data)), str(corpus.data))
        with caplog.at_level(logging.WARNING):
            _warn_of_budget(parse_options(arguments), plan)
        assert ("the budget will hardly come out" in caplog.text) == is_told
        assert ("source 'code': proportion 0.4 of 60,000,000 tokens needs 24,000,000" in caplog.text) == is_told
    corpus.spec["tokens"] = 14_000
    corpus.spec["sources"][1] |= {"epochs": 2}  # four times the tokens would leave web nothing
    corpus.spec["sources"][0] |= {"proportion": 1}
    del corpus.spec["sources"][1]["proportion"]
    arguments = corpus.arguments()
    caplog.clear()
    _warn_of_budget(parse_options(arguments), make_plan(read_spec(arguments[0], str(corpus.data)), str(corpus.data)))
    assert caplog.text == ""
