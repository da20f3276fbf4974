"""Tests of builds with splits, upsampling and validation slices: one mix of all of them, and what changes it."""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mixes.held_out import HeldOutDocument, held_out_documents
from mixes.manifest import Manifest, SourceEntry
from mixes.mix_files import LocalFiles
from mixes.token_stream import TokenStream
from mixes.verification import check_contents
from pipelines.build_mix import main
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

NUM_DOCUMENTS = 120

SOURCES: list[dict[str, Any]] = [  # Any: values of any key
    {
        "name": "web",
        "documents": "{data}/web/*",
        "proportion": 0.6,
        "splits": {
            "measure": "quality",
            "quantiles": [0.5, 0.9],
            "into": [
                {"name": "low", "epochs": 0},
                {"name": "middle", "proportion": 1, "max_epochs": 2},
                {"name": "best", "epochs": 1.5},
            ],
        },
    },
    {
        "name": "books",
        "documents": "{data}/books/*",
        "proportion": 0.4,
        "upsampling": {"measure": "quality", "drop": 0.5, "buckets": 4},
    },
    {
        "name": "code",
        "documents": "{data}/code/*",
        "splits": {
            "measure": "license",
            "into": [{"name": "mit", "among": ["MIT"], "epochs": 2}, {"name": "other", "epochs": 0.5}],
        },
    },
    {
        "name": "wiki",
        "documents": "{data}/wiki/*",
        "splits": {
            "measure": "cluster_size",
            "limits": [2],
            "into": [{"name": "single", "epochs": 0}, {"name": "copied", "epochs": 1}],
        },
        "validation": {"share": 0.3, "max_tokens": 250},
    },
]


def quality_of(number: int) -> float:
    """Return the quality of a document: one of twelve values, and none (lowest of all) of every thirtieth document."""
    return -math.inf if number % 30 == 7 else (number * 37 % NUM_DOCUMENTS) // 10 / 10


def write_documents(data: Path) -> None:
    """Write four sources, of which the first lies in three shards."""
    for path in data.glob("*/*"):
        path.unlink()
    for shard in range(3):
        rows = [(n, quality_of(n)) for n in range(shard, NUM_DOCUMENTS, 3)]
        measured = [
            {"id": f"{n}", "text": make_text(n), "quality": quality if math.isfinite(quality) else None}
            for n, quality in rows
        ]
        write_jsonl(data / "web" / f"{shard}.jsonl.gz", measured)
    books = [{"id": f"{n}", "text": make_text(200 + n), "quality": n / 60} for n in range(60)]
    write_jsonl(data / "books" / "0.jsonl", books)
    licences = ["MIT", "GPL-3.0", None]
    code = [{"id": f"{n}", "text": make_text(300 + n), "license": licences[n % 3]} for n in range(60)]
    write_jsonl(data / "code" / "0.jsonl", code)
    wiki = [{"id": f"{n}", "text": make_text(500 + max(n // 2, n - 20))} for n in range(60)]
    write_jsonl(data / "wiki" / "0.jsonl", wiki)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return the corpus and its spec; every test leaves both as they were."""
    corpus = Corpus(tmp_path_factory.mktemp("splits"))
    write_documents(corpus.data)
    corpus.spec |= {
        "tokens": 16_000,
        "measures": [{"name": "quality", "field": "quality"}],
        "validation": {"share": 0.1},
        "sources": copy.deepcopy(SOURCES),
    }
    return corpus


@pytest.fixture(scope="module")
def manifest(corpus: Corpus) -> Manifest:
    return build(corpus, {})


def build(corpus: Corpus, changes: Mapping[str, Any], *more: str) -> Manifest:
    """Build the mix with some changes to its spec, and check every byte of it."""
    spec = corpus.spec
    corpus.spec = {**copy.deepcopy(spec), **changes}
    try:
        assert main(corpus.arguments(*more)) == 0
    finally:
        corpus.spec = spec
    return check_contents(corpus.output / "mixes" / "small")


def entries_of(manifest: Manifest, source: str) -> list[SourceEntry]:
    return [entry for entry in manifest.sources if entry.source == source]


def documents_of(corpus: Corpus, entry: SourceEntry) -> set[int]:
    """Return the numbers of the documents that the parts of an entry hold."""
    return {int(name) for part in entry.parts for name in pq.read_table(corpus.output / part.index)["id"].to_pylist()}


def parts_of(corpus: Corpus) -> set[str]:
    return {name for name in corpus.published() if name.startswith("tokens/")}


def held_out_of(corpus: Corpus, manifest: Manifest) -> list[list[HeldOutDocument]]:
    return [list(held_out_documents(manifest, LocalFiles(corpus.output), entry)) for entry in manifest.sources]


def expected_splits(*percents: int) -> list[set[int]]:
    """Return the documents of `web` by quantiles, as sorting all of them gives them."""
    sizes = {number: len(make_text(number).encode()) for number in range(NUM_DOCUMENTS)}
    splits: list[set[int]] = [set() for _ in range(len(percents) + 1)]
    for number in sizes:
        below = sum(size for other, size in sizes.items() if quality_of(other) < quality_of(number))
        splits[sum(100 * below >= percent * sum(sizes.values()) for percent in percents)].add(number)
    return splits


def test_quantiles_divide_a_source_exactly_and_each_split_gives_its_part(corpus: Corpus, manifest: Manifest) -> None:
    low, middle, best = entries_of(manifest, "web")
    assert [entry.name for entry in (low, middle, best)] == ["web/low", "web/middle", "web/best"]
    assert [documents_of(corpus, entry) for entry in (low, middle, best)] == expected_splits(50, 90)
    assert (low.tokens, low.whole_epochs, best.whole_epochs) == (0, 0, 1)
    assert best.wanted_tokens == best.available_tokens * 3 // 2
    shared = sum(entry.wanted_tokens for source in ("web", "books") for entry in entries_of(manifest, source))
    assert middle.wanted_tokens + best.wanted_tokens == round(0.6 * shared)
    assert sum(entry.wanted_tokens for entry in manifest.sources) == manifest.asked_tokens == 16_000
    assert "web/middle" in (corpus.output / "mixes/small/report.html").read_text()


def test_upsampling_leaves_the_worst_out_and_repeats_the_best_more(corpus: Corpus, manifest: Manifest) -> None:
    dropped, *kept = entries_of(manifest, "books")
    assert dropped.name == "books/dropped"
    assert dropped.tokens == 0
    assert documents_of(corpus, dropped) | set(range(30, 60)) == set(range(60))  # all sizes are about the same
    epochs = [entry.wanted_tokens / entry.available_tokens for entry in kept]
    assert epochs == sorted(epochs)
    assert 1 < epochs[-1] <= 7


def test_a_plan_has_a_line_for_each_split_whose_size_quantiles_tell(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(corpus.arguments("--dry-run")) == 0
    table = capsys.readouterr().out.split("\n\n")[1]
    lines = {line.split()[0]: line.split()[1:] for line in table.splitlines()}
    buckets = ["books/dropped", *(f"books/q{bucket}" for bucket in range(1, 5))]
    assert [name for name in lines if "/" in name] == ["web/low", "web/middle", "web/best", *buckets]
    rows = [[float(cell.replace(",", "")) for cell in lines[name]] for name in buckets]
    tokens, wanted, epochs, most = zip(*rows, strict=True)
    assert sum(wanted) == int(lines["books"][-3].replace(",", ""))
    assert tokens[0] == pytest.approx(sum(tokens) / 2, rel=0.01)
    assert (wanted[0], epochs[0], set(most)) == (0, 0, {7})
    assert list(epochs) == sorted(epochs)
    assert lines["web/best"][-2:] == ["1.50", "1.5"]


def test_labels_and_sizes_of_clusters_divide_too(corpus: Corpus, manifest: Manifest) -> None:
    mit, other = entries_of(manifest, "code")
    assert documents_of(corpus, mit) == set(range(0, 60, 3))
    assert (mit.whole_epochs, other.whole_epochs) == (2, 0)
    single, copied = entries_of(manifest, "wiki")
    assert documents_of(corpus, single) == set(range(40, 60))
    assert len(documents_of(corpus, copied)) == 20
    assert (single.tokens, copied.tokens) == (0, copied.available_tokens)


def test_documents_are_held_out_by_their_keys_and_never_seen(corpus: Corpus, manifest: Manifest) -> None:
    assert {int(entry.held_out_key, 16) for entry in entries_of(manifest, "web")} == {-(-(2**64) // 10)}
    wiki = entries_of(manifest, "wiki")
    assert 0 < sum(entry.total("held_out_tokens") for entry in wiki) <= 250
    held_out = held_out_of(corpus, manifest)
    for entry, documents in zip(manifest.sources, held_out, strict=True):
        assert sum(len(document.tokens) for document in documents) == entry.total("held_out_tokens")
        assert sum(document.bytes for document in documents) == entry.total("held_out_bytes")
        assert all(document.tokens[-1] == manifest.tokenizer.eos_id for document in documents)
    for documents in held_out[:3]:
        assert all(document.bytes == len(make_text(int(document.id)).encode()) for document in documents)
    with TokenStream(manifest, LocalFiles(corpus.output)) as stream:
        seen = stream.read(np.array([0]), stream.num_tokens)[0].tobytes()
    assert sum(len(documents) for documents in held_out) > 10
    assert not any(document.tokens.tobytes() in seen for documents in held_out for document in documents)


def test_other_shares_write_no_part_and_a_mix_that_may_shrink_does_and_says_so(
    corpus: Corpus, manifest: Manifest
) -> None:
    parts, held_out = parts_of(corpus), held_out_of(corpus, manifest)
    sources = copy.deepcopy(SOURCES)
    sources[0]["splits"]["into"][2]["epochs"] = 0.5
    shrunk = build(corpus, {"tokens": 900_000, "on_shortfall": "scale", "sources": sources})
    assert parts_of(corpus) == parts
    assert [[document.id for document in documents] for documents in held_out_of(corpus, shrunk)] == [
        [document.id for document in documents] for documents in held_out
    ]
    web, books = (sum(entry.wanted_tokens for entry in entries_of(shrunk, name)) for name in ("web", "books"))
    assert abs(2 * web - 3 * books) <= 5
    middle = next(entry for entry in shrunk.sources if entry.name == "web/middle")
    assert 2 * middle.available_tokens - 2 <= middle.wanted_tokens <= 2 * middle.available_tokens
    wanted = sum(entry.wanted_tokens for entry in shrunk.sources)
    assert shrunk.asked_tokens == 900_000
    report = (corpus.output / "mixes/small/report.html").read_text()
    assert f"shrunk to {wanted:,} of the 900,000 tokens asked for" in report


def test_other_quantiles_divide_anew_the_same_whatever_the_units_and_however_often_bundles_run(
    corpus: Corpus, manifest: Manifest
) -> None:
    parts = parts_of(corpus)
    sources = copy.deepcopy(SOURCES)
    sources[0]["splits"]["quantiles"] = [0.3, 0.7]
    changes = {"sources": sources, "units": {"max_bytes": 10**9}}
    changed = build(corpus, changes, "--direct_runner_bundle_repeat=1")
    assert [documents_of(corpus, entry) for entry in entries_of(changed, "web")] == expected_splits(30, 70)
    assert all(part.startswith("tokens/web-") for part in parts_of(corpus) - parts)
    assert parts_of(corpus) > parts
    assert manifest.sources[-1].parts == changed.sources[-1].parts


def test_a_share_that_holds_no_document_out_is_refused(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    spec, corpus.spec = corpus.spec, corpus.spec | {"validation": {"share": 0.000001}}
    try:
        assert main(corpus.arguments()) == 1
    finally:
        corpus.spec = spec
    assert "source 'web': no document lies in validation.share 1e-06" in capsys.readouterr().err
