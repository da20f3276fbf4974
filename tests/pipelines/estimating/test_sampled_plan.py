"""A plan beside the build it foretells, on bundled data: from a listing within a factor, from a sample much closer."""

import re
from pathlib import Path

import pytest

from mixes.ledger import parse as parse_ledger
from mixes.manifest import SourceEntry
from mixes.manifest import parse as parse_manifest
from pipelines.build_mix import main
from tests.pipelines.conftest import Corpus

_DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a mix of bundled web pages and mathematics, built."""
    corpus = Corpus(tmp_path_factory.mktemp("bundled"))
    corpus.data = _DATA
    rules = [{"measure": "num_words", "min": 60}, {"measure": "duplicate_line_fraction", "max": 0.3}]
    corpus.spec |= {
        "tokens": 200_000,
        "tokenizer": {"file": "{data}/tokenizer/dolma2.json.gz"},
        "units": {},
        "reading": {"max_failed": 0.1, "on_corrupt": "keep"},
        "sources": [
            {"name": "web", "documents": "{data}/web/*", "proportion": 0.5, "rules": rules},
            {"name": "math", "documents": "{data}/math/*", "proportion": 0.5},
        ],
    }
    assert main(corpus.arguments()) == 0
    return corpus


def _built(corpus: Corpus) -> dict[str, SourceEntry]:
    manifest = parse_manifest((corpus.output / "mixes" / "small" / "manifest.json").read_bytes(), "manifest.json")
    return {source.name: source for source in manifest.sources}


def _shown(corpus: Corpus, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    capsys.readouterr()
    assert main(corpus.arguments(*flags)) == 0
    return capsys.readouterr().out


def _tokens(shown: str, source: str) -> tuple[int, float]:
    """Return the tokens that a plan foretells, and half of their interval in percent, 0 where it shows none."""
    found = re.search(rf"^{source} .*?([\d,]+)(?: ±([\d.e+]+) %)?  +[\d,]+  +[\d.]+  +\d$", shown, re.MULTILINE)
    assert found is not None
    return int(found[1].replace(",", "")), float(found[2] or 0)


def test_a_listing_tells_tokens_within_a_factor_of_two_and_says_what_it_is_from(
    bundled: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _shown(bundled, capsys, "--dry-run")
    for name, source in _built(bundled).items():
        tokens, margin = _tokens(shown, name)
        assert source.available_tokens / 2.5 < tokens < source.available_tokens * 2.5
        assert margin == 0
    assert "no text was read" in shown
    assert "cost" not in shown


def test_a_sample_tells_tokens_and_yields_near_those_of_the_whole_build(
    bundled: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = _shown(bundled, capsys, "--sample", "0.3", "--core-hour-price", "0.5")
    for name, source in _built(bundled).items():
        tokens, margin = _tokens(shown, name)
        assert 0 < margin < 40
        assert abs(tokens - source.available_tokens) < 1.5 * margin / 100 * tokens
    ledger = parse_ledger((bundled.output / "mixes" / "small" / "ledger.json").read_bytes(), "ledger.json")
    web = ledger.sources[0]
    for reason in ("num_words_min", "duplicate_line_fraction_max"):
        found = re.search(rf"rules: {reason} +([\d.]+) %", shown)
        assert found is not None
        assert abs(float(found[1]) / 100 - web.dropped["rules"][reason].documents / web.read.documents) < 0.08
    assert "cost at 0.5 a core-hour" in shown
    assert "this sample, on this machine" in shown


def test_a_sample_of_all_is_the_build_itself(bundled: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    shown = _shown(bundled, capsys, "--sample", "1")
    math = _built(bundled)["math"]
    assert _tokens(shown, "math") == (round(math.available_tokens, -3), 0.0)


def test_a_shortage_is_told_before_the_build(bundled: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    bundled.spec["tokens"] = 40_000_000
    try:
        shown = _shown(bundled, capsys, "--dry-run")
    finally:
        bundled.spec["tokens"] = 200_000
    assert "budget: as estimated from stored bytes, it does not come out:\n" in shown
    assert re.search(
        r"^  source 'math': proportion 0.5 of 40,000,000 tokens needs 20,000,000, but [\d,]+ tokens x max_epochs 1 "
        r"gives [\d,]+; lower proportion to 0.0\d+, raise max_epochs to [\d.]+ or write on_shortfall: scale$",
        shown,
        re.MULTILINE,
    )


def test_a_sample_that_takes_no_document_is_refused(bundled: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(bundled.arguments("--sample", "1e-9")) == 1
    assert "takes none of its" in capsys.readouterr().err
