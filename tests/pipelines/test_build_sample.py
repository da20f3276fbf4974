"""Sampling ahead: what lies beyond a sample is read and counted, and nothing costly is done to it."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from mixes.ledger import Count, Ledger
from mixes.ledger import parse as parse_ledger
from mixes.manifest import Manifest
from mixes.manifest import parse as parse_manifest
from pipelines.build_mix import main
from pipelines.explain import main as explain
from pipelines.stations.digests import digest_halves, is_in_sample, text_digests
from tests.filters.texts import column
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

_WEB = [make_text(shard * 1_000 + row) for shard in range(3) for row in range(40)]


def _in_sample(share: float) -> list[str]:
    halves = digest_halves(text_digests(column(_WEB)))
    return [text for text, chosen in zip(_WEB, is_in_sample(halves, 1234, share), strict=True) if chosen]


def _ledger(corpus: Corpus) -> Ledger:
    return parse_ledger((corpus.output / "mixes" / "small" / "ledger.json").read_bytes(), "ledger.json")


def _manifest(corpus: Corpus) -> Manifest:
    return parse_manifest((corpus.output / "mixes" / "small" / "manifest.json").read_bytes(), "manifest.json")


def _demand(corpus: Corpus, web: int, code: int) -> None:
    del corpus.spec["tokens"]
    for source, tokens in zip(corpus.spec["sources"], (web, code), strict=True):
        del source["proportion"]
        source["tokens"] = tokens


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a corpus whose web source was sampled at 30 %, with every station at work, and built."""
    corpus = Corpus(tmp_path_factory.mktemp("sampled"))
    write_jsonl(corpus.data / "web" / "3.jsonl.gz", [{"id": f"copy{row}", "text": _WEB[row]} for row in range(40)])
    corpus.spec["dedupe"] = {"fuzzy": {}, "normalized": "words", "url": True, "paragraphs": {}, "substrings": {}}
    corpus.spec["rule_sets"] = {"prose": [{"measure": "num_words", "min": 10}, {"rules": "gopher_repeated_lines"}]}
    corpus.spec["sources"][0] |= {"sample": {"documents": 0.3}, "rules": "prose", "edits": ["personal_data"]}
    into = [{"name": "short", "proportion": 0.4}, {"name": "long", "proportion": 0.6}]
    corpus.spec["sources"][0]["splits"] = {"measure": "mean_word_length", "limits": [4.42], "into": into}
    _demand(corpus, 600, 600)
    assert main(corpus.arguments()) == 0
    return corpus


def test_documents_beyond_the_sample_are_counted_at_a_station_of_their_own(sampled: Corpus) -> None:
    web, code = _ledger(sampled).sources
    read = [*_WEB, *_WEB[:40]]
    inside = set(_in_sample(0.3))
    beyond = [text for text in read if text not in inside]
    assert 20 < len(inside) < 55
    assert web.read.documents == len(read)
    assert web.dropped["sample"] == {
        "beyond_sample": Count(documents=len(beyond), bytes=sum(len(text.encode()) for text in beyond))
    }
    assert web.dropped["match"]["exact_duplicate"].documents == len([text for text in _WEB[:40] if text in inside])
    assert code.dropped["sample"] == {}
    assert "set aside, beyond the sample" in (sampled.output / "mixes" / "small" / "report.html").read_text()


def test_nothing_costly_is_made_of_documents_beyond_the_sample(sampled: Corpus) -> None:
    tables = [pq.read_table(path) for path in sorted(sampled.output.glob("measures/web-*/*.parquet"))]
    inside = set(_in_sample(0.3))
    digests = {text_digests(column([text])) for text in inside}
    for table in tables:
        is_inside = [digest in digests for digest in table["digest"].to_pylist()]
        assert table["num_words"].is_valid().to_pylist() == is_inside
        assert table["id"].null_count == table["bytes"].null_count == 0
    signed = [pq.read_table(path)["shingles"] for path in sorted(sampled.output.glob("signatures/web-*/*.parquet"))]
    assert sum(len(each) > 0 for column_ in signed for each in column_.to_pylist()) == sum(
        sum(table["num_words"].is_valid().to_pylist()) for table in tables
    )


def test_the_cut_is_where_it_is_without_a_sample(sampled: Corpus, tmp_path: Path) -> None:
    whole = Corpus(tmp_path)
    whole.data, whole.spec = sampled.data, json.loads(json.dumps(sampled.spec))
    del whole.spec["sources"][0]["sample"]
    whole.output = tmp_path / "whole"
    assert main(whole.arguments()) == 0
    for found, wanted in list(zip(_manifest(sampled).sources, _manifest(whole).sources, strict=True))[:2]:
        assert found.name in ("web/short", "web/long")
        assert (found.tokens, found.documents, found.cut_key) == (wanted.tokens, wanted.documents, wanted.cut_key)
        assert 0 < found.tokens < found.available_tokens < wanted.available_tokens


def test_explain_says_that_a_document_lies_beyond_the_sample(
    sampled: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = set(_in_sample(0.3))
    row = next(row for row in range(40) if _WEB[row] not in inside)
    assert explain([str(sampled.output), "--id", f"w0-{row}", "--data", str(sampled.data)]) == 0
    assert "sample: beyond_sample" in capsys.readouterr().out


def test_auto_becomes_a_share_in_the_plan_and_in_the_stored_spec(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.spec["sources"][0]["sample"] = {"documents": "auto", "head_room": 2}
    _demand(corpus, 400, 600)
    assert main(corpus.arguments()) == 0
    stored = yaml.safe_load((corpus.output / "mixes" / "small" / "spec.yaml").read_text())
    share = stored["sources"][0]["sample"]["documents"]
    assert 0 < share < 0.5
    kept = len(_in_sample(share))
    assert _ledger(corpus).sources[0].dropped["sample"]["beyond_sample"].documents == len(_WEB) - kept
    assert main(corpus.arguments("--dry-run")) == 0
    assert f"{share:g}" in capsys.readouterr().out


def test_a_sample_that_is_too_small_is_refused_with_the_share_to_take(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.spec["sources"][0]["sample"] = {"documents": 0.1}
    _demand(corpus, 3_000, 600)
    assert main(corpus.arguments()) == 1
    error = capsys.readouterr().err
    assert "sample.documents 0.1" in error
    share = float(error.partition("raise sample.documents to ")[2].split()[0].rstrip(",;)"))
    corpus.spec["sources"][0]["sample"] = {"documents": share}
    assert main(corpus.arguments()) == 0
    assert share < 1


def test_shards_beyond_the_sample_are_not_read_and_are_named(corpus: Corpus) -> None:
    for shard in range(3, 20):
        write_jsonl(corpus.data / "web" / f"{shard}.jsonl.gz", [{"id": f"{shard}", "text": make_text(shard)}])
    corpus.spec["sources"][0]["sample"] = {"shards": 0.5}
    _demand(corpus, 200, 600)
    assert main(corpus.arguments()) == 0
    shards = json.loads((corpus.output / "mixes" / "small" / "shards.json").read_text())["web"]
    unread = [shard for shard in shards if not shard["read"]]
    assert len(shards) == 20
    assert 4 < len(unread) < 16
    assert all(set(shard) == {"name", "read", "stored_bytes"} for shard in unread)
    assert len(list(corpus.output.glob("measures/web-*/*.parquet"))) == 20 - len(unread)


@pytest.mark.parametrize("share", [1e-9, 0.5, 1.0])
def test_every_key_below_the_share_is_in_the_sample(share: float) -> None:
    halves = np.random.default_rng(5).integers(0, 2**64, (2_000, 2), np.uint64)
    chosen = is_in_sample(halves, 3, share)
    assert abs(chosen.mean() - share) < 0.04
    assert chosen[is_in_sample(halves, 3, share / 2)].all()
