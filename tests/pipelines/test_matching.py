"""Tests of whole builds with near duplicates: who goes, for whom, and the same anywhere."""

import os
import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.build_mix import main
from tests.pipelines.conftest import Corpus, write_jsonl


def _page(seed: int, num_words: int = 120) -> list[str]:
    chance = random.Random(seed)
    return [f"w{chance.randrange(5_000)}" for _ in range(num_words)]


def _edited(words: list[str], *places: int) -> list[str]:
    return [word + "x" if place in places else word for place, word in enumerate(words)]


def _text(words: list[str]) -> str:
    return " ".join(words) + "\n"


def _losses(corpus: Corpus) -> dict[str, tuple[str, int]]:
    """Return reason and size of the cluster of each document that the match station dropped."""
    rows = [row for path in corpus.output.glob("verdicts/*/*.parquet") for row in pq.read_table(path).to_pylist()]
    return {row["id"]: (row["reason"], row["cluster_size"]) for row in rows if row["station"] == "match"}


def _kept_clusters(corpus: Corpus) -> dict[str, int]:
    rows = [row for path in corpus.output.glob("clusters/*/*.parquet") for row in pq.read_table(path).to_pylist()]
    return {row["id"]: row["cluster_size"] for row in rows}


@pytest.fixture
def pages(corpus: Corpus) -> Corpus:
    """Return the corpus with a third source, whose documents are pages and their likes."""
    first, other = _page(1), _page(2)
    rows = [
        {"id": "page", "text": _text(first) + "and more words here to be the longest\n"},
        {"id": "copy_b", "text": _text(first)},
        {"id": "copy_a", "text": _text(first)},
        {"id": "like", "text": _text(_edited(first, 60))},
        {"id": "shouted", "text": _text(other).upper() + "!"},
        {"id": "spoken", "text": _text(other) + "... !"},
        {"id": "half", "text": _text(first[:60] + _page(3)[:60])},
        {"id": "chain_1", "text": _text(_page(4, 200))},
        {"id": "chain_2", "text": _text(_edited(_page(4, 200)[:-1], 20, 50, 80))},
        {"id": "chain_3", "text": _text(_edited(_page(4, 200)[:-2], 20, 50, 80, 110, 140, 170))},
    ]
    random.Random(3).shuffle(rows)
    write_jsonl(corpus.data / "pages" / "0.jsonl", rows[:5])
    write_jsonl(corpus.data / "pages" / "1.jsonl", rows[5:])
    corpus.spec["sources"] = [{"name": "pages", "documents": "{data}/pages/*.jsonl", "tokens": 500}]
    del corpus.spec["tokens"]
    corpus.spec["dedupe"] = {"normalized": "words", "fuzzy": {"num_bands": 40, "num_rows": 4}}
    return corpus


def test_each_that_goes_is_like_one_that_stays_and_says_why(pages: Corpus) -> None:
    assert main(pages.arguments()) == 0
    assert _losses(pages) == {
        "copy_a": ("fuzzy_duplicate", 4),
        "copy_b": ("fuzzy_duplicate", 4),
        "like": ("fuzzy_duplicate", 4),
        "shouted": ("normalized_duplicate", 2),
        "chain_2": ("fuzzy_duplicate", 2),
    }
    assert _kept_clusters(pages) == {"page": 4, "spoken": 2, "chain_1": 2}


def test_of_one_url_one_document_stays_and_the_preferred_one(pages: Corpus, tmp_path: Path) -> None:
    rows = [
        {"id": "old", "text": _text(_page(11, 90)), "url": "http://www.example.com/a/?utm_source=x"},
        {"id": "new", "text": _text(_page(12, 80)), "url": "https://example.com/a"},
        {"id": "other", "text": _text(_page(13)), "url": "https://example.com/b"},
        {"id": "none", "text": _text(_page(14))},
        {"id": "none_too", "text": _text(_page(15))},
    ]
    write_jsonl(pages.data / "pages" / "2.jsonl", rows)
    pages.spec["dedupe"] = {"url": True}
    assert main(pages.arguments()) == 0
    assert _losses(pages) == {"copy_b": ("exact_duplicate", 2), "new": ("url_duplicate", 2)}
    pages.spec["dedupe"]["prefer"] = "mean_word_length"
    rows[1]["text"] += "averylongword"
    write_jsonl(pages.data / "pages" / "2.jsonl", rows)
    pages.output = tmp_path / "again"
    assert main(pages.arguments()) == 0
    assert "old" in _losses(pages)
    assert "new" not in _losses(pages)


def _results(corpus: Corpus) -> dict[str, bytes]:
    """Return every file that must be the same, however the work was done."""
    kept = [*corpus.output.glob("verdicts/*/*"), *corpus.output.glob("clusters/*/*")]
    kept += corpus.output.glob("signatures/*/*")
    return corpus.published() | {str(path.relative_to(corpus.output)): path.read_bytes() for path in kept}


def test_the_same_bytes_when_all_is_done_twice(pages: Corpus, tmp_path: Path) -> None:
    pages.spec["dedupe"] |= {"url": True}
    assert main(pages.arguments()) == 0
    once = _results(pages)
    pages.output = tmp_path / "again"
    assert main(pages.arguments("--direct_runner_bundle_repeat=1")) == 0
    assert _results(pages) == once


def test_nothing_is_left_of_blocks_and_nothing_is_signed_again_for_another_limit(pages: Corpus) -> None:
    assert main(pages.arguments()) == 0
    assert not list(pages.output.glob(".spill-*"))
    signed = {path: os.stat(path).st_mtime_ns for path in pages.output.glob("signatures/*/*")}
    pages.spec["dedupe"]["fuzzy"]["min_jaccard"] = 0.95
    assert main(pages.arguments()) == 0
    assert {path: os.stat(path).st_mtime_ns for path in pages.output.glob("signatures/*/*")} == signed
    assert len(signed) == 2


def test_who_goes_does_not_depend_on_how_documents_are_sharded(pages: Corpus, tmp_path: Path) -> None:
    assert main(pages.arguments()) == 0
    losses = _losses(pages)
    lines = [line for path in sorted(pages.data.glob("pages/*")) for line in path.read_bytes().splitlines()]
    for path in pages.data.glob("pages/*"):
        path.unlink()
    write_jsonl(pages.data / "pages" / "all.jsonl", lines[::-1])
    pages.output = tmp_path / "again"
    assert main(pages.arguments()) == 0
    assert _losses(pages) == losses


def test_what_an_earlier_mix_kept_is_left_out(pages: Corpus) -> None:
    rows = [
        {"id": "like_page", "text": _text(_edited(_page(1), 30))},
        {"id": "same_page", "text": _text(_page(1)) + "and more words here to be the longest\n"},
        {"id": "like_lost", "text": _text(_page(21))},
        {"id": "said", "text": _text(_page(2)).upper()},
        {"id": "new_a", "text": _text(_page(22))},
        {"id": "new_b", "text": _text(_page(22))},
    ]
    lost = {"id": "lost", "text": _text(_page(21)) * 200}
    write_jsonl(pages.data / "pages" / "2.jsonl", [lost])
    pages.spec["sources"][0]["rules"] = [{"measure": "num_words", "max": 10_000}]
    assert main(pages.arguments()) == 0
    pages.spec["name"] = "later"
    pages.spec["dedupe"]["against"] = [str(pages.output / "mixes" / "small")]
    write_jsonl(pages.data / "later" / "0.jsonl", rows)
    pages.spec["sources"] = [{"name": "later", "documents": "{data}/later/*.jsonl", "tokens": 500}]
    first = pages.output
    pages.output = first.with_name("later")
    assert main(pages.arguments()) == 0
    assert {name: reason for name, (reason, _) in _losses(pages).items()} == {
        "like_page": "fuzzy_duplicate",
        "same_page": "exact_duplicate",
        "said": "normalized_duplicate",
        "new_b": "exact_duplicate",
    }
    assert _kept_clusters(pages) == {"new_a": 2}
    pages.spec["dedupe"]["fuzzy"]["ngram"] = 4
    assert main(pages.arguments()) == 1


def test_components_leave_one_of_a_chain(pages: Corpus) -> None:
    pages.spec["dedupe"]["fuzzy"]["clusters"] = "components"
    assert main(pages.arguments()) == 0
    assert _losses(pages)["chain_3"] == ("fuzzy_duplicate", 3)
    assert _kept_clusters(pages) == {"page": 4, "spoken": 2, "chain_1": 3}
