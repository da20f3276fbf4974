"""Tests of the pool: a second mix is cut without reading anything, to the same bytes, and only when all is there."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
import yaml

import pipelines.build_mix
from mixes.errors import MixError
from mixes.manifest import TokenizerEntry
from mixes.manifest import load as load_manifest
from mixes.spec.mix import MixSpec
from mixes.typed_yaml.canonical import without_late
from pipelines.build_mix import main
from pipelines.options import BuildOptions
from pipelines.plan import Plan, Unit, make_plan
from pipelines.pool import load_pool, load_tokenizer, pool_uri, store_pool
from pipelines.request import read_spec
from pipelines.settings import BuildSettings, make_settings
from pipelines.storage import list_sizes
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

TOKENIZER = TokenizerEntry(
    name="t.json", digest="ab" * 32, vector="cd" * 32, vocab_size=100, eos_id=99, special_ids=(99,), fim_ids={}
)


@pytest.fixture
def roads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every build that goes the whole road is added."""
    gone: list[str] = []
    build = pipelines.build_mix._build

    def count_and_build(
        options: BuildOptions, pipeline: beam.Pipeline, plan: Plan, settings: BuildSettings, started: float
    ) -> None:
        gone.append("built")
        build(options, pipeline, plan, settings, started)

    monkeypatch.setattr(pipelines.build_mix, "_build", count_and_build)
    return gone


def _plan(corpus: Corpus, tokenizer: TokenizerEntry = TOKENIZER) -> tuple[BuildSettings, tuple[Unit, ...]]:
    """Return the settings and units of a build, as `main` makes them."""
    plan = make_plan(read_spec(corpus.write_spec(), str(corpus.data)), str(corpus.data))
    numbers = dict.fromkeys(("num_ranges", "num_band_ranges", "num_shingle_ranges", "num_repeat_ranges"), 8)
    settings = make_settings(
        plan.spec,
        output=str(corpus.output),
        data_root=str(corpus.data),
        tokenizer=tokenizer,
        num_units=len(plan.units),
        **numbers,
    )
    return settings, plan.units


def _pool(corpus: Corpus) -> list[Path]:
    return sorted((corpus.output / "pools").glob("*.json"))


def test_a_second_mix_is_cut_from_the_pool_to_the_bytes_of_a_build_without_one(
    corpus: Corpus, roads: list[str]
) -> None:
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_words", "min": 50}]
    write_jsonl(corpus.data / "web" / "8.jsonl.gz", [{"id": "short", "text": "the end"}])
    write_jsonl(corpus.data / "code" / "1.jsonl", [{"id": "copy", "text": make_text(3)}])
    assert main(corpus.arguments()) == 0
    corpus.spec |= {"name": "half", "tokens": 3_000}
    corpus.spec["sources"][0] |= {"proportion": 0.3, "max_epochs": 1.5}
    corpus.spec["sources"][1] |= {"proportion": 0.7, "max_epochs": 1}
    assert main(corpus.arguments()) == 0
    assert roads == ["built"]
    with_pool = corpus.published() | {"units": (corpus.output / "mixes" / "half" / "units.json").read_bytes()}
    for path in _pool(corpus):
        path.unlink()
    assert main(corpus.arguments()) == 0
    assert roads == ["built", "built"]
    without = corpus.published() | {"units": (corpus.output / "mixes" / "half" / "units.json").read_bytes()}
    assert with_pool == without
    assert b"w0-3" in with_pool["mixes/half/report.html"]  # the survivor of the copy, read from no measures


def test_a_folder_in_the_place_of_a_record_is_refused_before_anything_is_built(corpus: Corpus) -> None:
    settings, units = _plan(corpus)
    Path(pool_uri(settings, units)).mkdir(parents=True)
    with pytest.raises(MixError, match="found a folder where the record of a build belongs; remove it"):
        load_pool(settings, units)
    with pytest.raises(MixError, match="found a folder where a file belongs; remove it"):
        store_pool(settings, units, [])


def test_a_build_that_fell_short_leaves_a_pool_which_is_taken_only_as_long_as_all_of_it_is_there(
    corpus: Corpus,
    roads: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for tokens, status in ((60_000, 1), (50_000, 1), (6_000, 0)):
        corpus.spec["tokens"] = tokens
        assert main(corpus.arguments()) == status
    assert roads == ["built"]
    assert "source 'web': proportion 0.6 of 50,000 tokens needs 30,000" in capsys.readouterr().err
    tokenizer = load_manifest(corpus.output / "mixes" / "small").tokenizer
    place = _plan(corpus, tokenizer)
    assert load_pool(*place) is not None
    output, spec = str(corpus.output), place[0].spec
    assert load_tokenizer(output, spec, tokenizer.digest) == tokenizer
    assert load_tokenizer(output, spec, "ab" * 32) is None
    assert (
        load_tokenizer(
            output, replace(spec, tokenizer=replace(spec.tokenizer, eos="<|endofprompt|>")), tokenizer.digest
        )
        is None
    )
    patterns = (
        "tokens/web-*/*-00000.npy",
        "tokens/web-*/*-00000.parquet",
        "tokens/web-*/*-00000.keys",
        "tokens/code-*/*.json",
        "measures/code-*/*.parquet",
        "verdicts/web-*/*.parquet",
        "pools/*.json",
    )
    for pattern in patterns:
        path = next(corpus.output.glob(pattern))
        moved = path.rename(corpus.output / "moved")
        assert load_pool(*place) is None, pattern
        moved.rename(path)
    for path in (next(corpus.output.glob("tokens/web-*/*-00000.npy")), *_pool(corpus)):
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        assert load_pool(*place) is None, path
        path.write_bytes(content)
    assert load_pool(*place) is not None
    (pool,) = _pool(corpus)
    pool.write_bytes(content.replace(b'"tokens":', b'"tokens": 1', 1))
    assert load_pool(*place) is None
    pool.write_bytes(content)
    assert load_pool(*place) is not None
    monkeypatch.setattr("pipelines.pool._code_digest", lambda: "of other code")
    assert load_pool(*place) is None


def test_the_pool_of_a_mix_is_that_of_all_others_that_differ_in_name_and_budget_alone(corpus: Corpus) -> None:
    first = pool_uri(*_plan(corpus))
    corpus.spec |= {"name": "other", "tokens": 2_000}
    corpus.spec["sources"][1]["max_epochs"] = 3.5
    assert pool_uri(*_plan(corpus)) == first
    changes: list[dict[str, Any]] = [
        {"seed": 2},
        {"dedupe": {"exact": False}},
        {"dedupe": {"prefer": "num_words"}},
        {"repeated_ngrams": None},
        {"reading": {"max_failed": 0.5}},
        {"sources": corpus.spec["sources"][::-1]},
        {"sources": [{**corpus.spec["sources"][0], "documents": "{data}/web/0.jsonl.gz"}, corpus.spec["sources"][1]]},
        {"sources": [corpus.spec["sources"][0], {**corpus.spec["sources"][1], "rules": [{"rules": "gopher_quality"}]}]},
    ]
    spec, places = corpus.spec, {first}
    for change in changes:
        corpus.spec = spec | change
        places.add(pool_uri(*_plan(corpus)))
    corpus.spec = spec
    (corpus.data / "code" / "0.jsonl").touch()
    places.add(pool_uri(*_plan(corpus)))
    places.add(pool_uri(*_plan(corpus, replace(TOKENIZER, digest="cd" * 32))))
    assert len(places) == 1 + len(changes) + 2


def test_a_spec_without_its_late_keys_says_all_but_name_and_budget(corpus: Corpus) -> None:
    spec: MixSpec = read_spec(corpus.write_spec(), str(corpus.data)).value
    plain = without_late(spec)
    assert isinstance(plain, dict)
    whole = yaml.safe_load(corpus.spec_path.read_text())
    assert {key for key in whole if key not in plain} == {"name", "tokens"}
    assert {key for key in whole["sources"][1] if key not in plain["sources"][1]} == {"proportion", "max_epochs"}


def test_sizes_of_a_folder_that_is_not_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "folder").mkdir()
    assert list_sizes(str(tmp_path)) == {"a": 3}
    assert list_sizes(str(tmp_path / "absent")) == {}


def test_beam_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, pipelines.build_mix; sys.exit('apache_beam' in sys.modules or 'smart_open' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
