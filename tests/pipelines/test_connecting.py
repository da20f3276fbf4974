"""Tests of whole builds by both roads to survivors: in one place, and in ranges of what is connected."""

import random

import pytest

from pipelines import request
from pipelines.build_mix import main
from tests.pipelines.conftest import Corpus, write_jsonl

_FUZZY: dict[str, object] = {"num_bands": 30, "num_rows": 4, "min_jaccard": 0.7}


@pytest.fixture
def chained(corpus: Corpus) -> Corpus:
    """Return the corpus with 40 chains of up to 9 pages, each like the one before it, and pages of one URL."""
    chance = random.Random(7)
    rows = []
    for chain in range(40):
        words = [f"w{chance.randrange(5_000)}" for _ in range(60)]
        for link in range(1 + chain % 9):
            words[6 * link] += "x"
            url = f"http://example.com/{chance.randrange(1_500)}"
            rows.append({"id": f"{chain}-{link}", "text": " ".join(words[: 60 - link]), "url": url})
    for shard in range(3):
        write_jsonl(corpus.data / "pages" / f"{shard}.jsonl", rows[shard::3])
    corpus.spec["sources"] = [{"name": "pages", "documents": "{data}/pages/*.jsonl", "tokens": 500}]
    del corpus.spec["tokens"]
    corpus.spec["dedupe"] = {"normalized": "words", "url": True, "fuzzy": _FUZZY}
    return corpus


def _results(corpus: Corpus) -> dict[str, bytes]:
    """Return every file that must be the same by either road."""
    kept = [*corpus.output.glob("verdicts/*/*"), *corpus.output.glob("clusters/*/*")]
    return corpus.published() | {str(path.relative_to(corpus.output)): path.read_bytes() for path in kept}


def _check_both_roads(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, *flags: str) -> None:
    """Build by either road, the second time with more flags."""
    outputs = [corpus.output.with_name(name) for name in ("one_place", "ranges")]
    results = []
    for output, limit, more in zip(outputs, (1_000, 0), ((), ("--rounds", "6", *flags)), strict=True):
        monkeypatch.setattr(request, "_MAX_IN_ONE_PLACE", limit)
        corpus.output = output
        assert main(corpus.arguments(*more)) == 0
        results.append(_results(corpus))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "dedupe", [{"fuzzy": _FUZZY | {"clusters": "components"}}, {"url": True, "normalized": "words"}]
)
def test_no_byte_depends_on_the_road(
    chained: Corpus, monkeypatch: pytest.MonkeyPatch, dedupe: dict[str, object]
) -> None:
    chained.spec["dedupe"] = dedupe
    _check_both_roads(chained, monkeypatch)


def test_nor_does_it_with_all_kinds_of_likeness_against_an_earlier_mix_and_by_two_workers(
    chained: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = chained.spec["sources"][0]["documents"]
    chained.spec["sources"][0]["documents"] = "{data}/pages/0.jsonl"
    assert main(chained.arguments()) == 0
    chained.spec["sources"][0]["documents"] = later
    chained.spec["name"] = "later"
    chained.spec["dedupe"]["against"] = [str(chained.output / "mixes" / "small")]
    _check_both_roads(chained, monkeypatch, "--workers", "2")


def test_a_build_with_too_few_rounds_fails_and_says_which_flag_helps(
    chained: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(request, "_MAX_IN_ONE_PLACE", 0)
    assert main(chained.arguments("--rounds", "1")) == 1
    assert "--rounds 2" in capsys.readouterr().err
    assert not list(chained.output.glob("mixes/*"))
