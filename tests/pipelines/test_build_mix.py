"""Tests of whole builds: same bytes everywhere, nothing lost, resumed after a kill, refused when it cannot work."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

from mixes.ledger import Ledger
from mixes.ledger import parse as parse_ledger
from mixes.manifest import Manifest
from mixes.verification import check_contents
from pipelines.build_mix import main
from tests.pipelines.conftest import Corpus, make_text, write_jsonl

_ROOT = Path(__file__).parents[2]
_EOS = 100_257


def _manifest(corpus: Corpus) -> Manifest:
    return check_contents(corpus.output / "mixes" / "small")


def _ledger(corpus: Corpus) -> Ledger:
    path = corpus.output / "mixes" / "small" / "ledger.json"
    return parse_ledger(path.read_bytes(), str(path))


def _written(corpus: Corpus) -> dict[str, int]:
    """Return when each content-named file was last written."""
    folders = ("measures", "verdicts", "tokens")
    paths = [path for folder in folders for path in (corpus.output / folder).glob("*/*")]
    return {str(path.relative_to(corpus.output)): path.stat().st_mtime_ns for path in paths}


def _is_finished(corpus: Corpus, name: str) -> bool:
    """Return whether the unit that a file belongs to was finished; its record is written last."""
    unit = Path(name).stem.partition("-")[0]
    is_record_there = (corpus.output / name).with_name(f"{unit}.json").exists()
    return not Path(name).name.startswith(".") and (name.startswith("measures") or is_record_there)


def test_a_mix_holds_the_budget_to_within_a_document_of_each_source(corpus: Corpus) -> None:
    assert main(corpus.arguments()) == 0
    manifest = _manifest(corpus)
    for source, wanted in zip(manifest.sources, (3_600, 2_400), strict=True):
        longest = max(
            length
            for part in source.parts
            for length in pq.read_table(corpus.output / part.index)["length"].to_pylist()
        )
        assert source.wanted_tokens == wanted
        assert wanted - longest < source.tokens <= wanted


def test_parts_lie_in_sampling_order_and_each_document_ends_in_its_one_eos(corpus: Corpus) -> None:
    assert main(corpus.arguments()) == 0
    for part in (part for source in _manifest(corpus).sources for part in source.parts):
        tokens = np.fromfile(corpus.output / part.file, "<u4")
        index = pq.read_table(corpus.output / part.index)
        keys, ends = index["key"].to_numpy(), index["start"].to_numpy() + index["length"].to_numpy()
        assert (keys[1:] >= keys[:-1]).all()
        assert np.flatnonzero(tokens == _EOS).tolist() == (ends - 1).tolist()
        assert ends[-1] == len(tokens) == part.tokens


def test_the_ledger_says_what_an_independent_count_of_the_shards_says(corpus: Corpus) -> None:
    write_jsonl(corpus.data / "web" / "9.jsonl", [b"{not json", {"id": 1}, {"id": 2, "text": make_text(77)}])
    corpus.spec["sources"][0]["documents"] = ["{data}/web/*.jsonl.gz", "{data}/web/9.jsonl"]
    corpus.spec["reading"] = {"max_failed": 0.1}
    assert main(corpus.arguments()) == 0
    web = _ledger(corpus).sources[0]
    assert web.read.documents == 3 * 40 + 3
    assert {reason: count.documents for reason, count in web.failed.items()} == {"bad_json": 1, "no_text": 1}
    assert web.failed["bad_json"].bytes == len(b"{not json")
    texts = [make_text(shard * 1_000 + row) for shard in range(3) for row in range(40)] + [make_text(77)]
    assert web.kept.bytes == sum(len(text.encode()) for text in texts)


def test_bundles_that_run_twice_change_nothing(corpus: Corpus, tmp_path: Path) -> None:
    assert main(corpus.arguments()) == 0
    once = corpus.published()
    corpus.output = tmp_path / "again"
    assert main(corpus.arguments("--direct_runner_bundle_repeat=1")) == 0
    assert corpus.published() == once


def test_a_copied_corpus_gives_the_same_bytes(corpus: Corpus, tmp_path: Path) -> None:
    assert main(corpus.arguments()) == 0
    first = corpus.published()
    moved = corpus.data.rename(tmp_path / "elsewhere")
    for path in moved.rglob("*.jsonl*"):
        os.utime(path, (1, 1))
    corpus.data, corpus.output = moved, tmp_path / "output2"
    assert main(corpus.arguments()) == 0
    assert corpus.published() == first


def test_of_equal_texts_the_one_of_the_earliest_source_is_kept(corpus: Corpus) -> None:
    copies = [{"id": f"copy{row}", "text": make_text(row)} for row in range(5)]
    write_jsonl(corpus.data / "code" / "1.jsonl", [*copies, {"id": "again", "text": make_text(9_000, 90)}])
    assert main(corpus.arguments()) == 0
    web, code = _ledger(corpus).sources
    assert web.dropped["match"] == {}
    assert code.dropped["match"]["exact_duplicate"].documents == 6
    verdicts = [pq.read_table(path) for path in corpus.output.glob("verdicts/code-*/*.parquet")]
    lost = {row["id"] for table in verdicts for row in table.to_pylist() if row["reason"] == "exact_duplicate"}
    assert lost == {"again", *(f"copy{row}" for row in range(5))}
    report = (corpus.output / "mixes" / "small" / "report.html").read_text()
    assert all(f"w0-{row}" in report for row in range(5))  # what was kept instead, the very first document included


def test_dedupe_can_be_left_out(corpus: Corpus) -> None:
    write_jsonl(corpus.data / "code" / "1.jsonl", [{"id": "copy", "text": make_text(0)}])
    corpus.spec["dedupe"] = {"exact": False}
    assert main(corpus.arguments()) == 0
    assert _ledger(corpus).sources[1].kept.documents == 41


def test_a_document_of_repeated_ngrams_is_dropped_with_that_reason(corpus: Corpus) -> None:
    write_jsonl(corpus.data / "code" / "1.jsonl", [{"id": "loop", "text": "again and again " * 40}])
    assert main(corpus.arguments()) == 0
    assert _ledger(corpus).sources[1].dropped["tokenize"]["repeated_ngrams"].documents == 1


def test_rules_drop_with_their_reason_and_a_changed_limit_reads_no_text(corpus: Corpus) -> None:
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_words", "min": 50}]
    write_jsonl(corpus.data / "web" / "8.jsonl.gz", [{"id": "short", "text": "the end"}])
    assert main(corpus.arguments()) == 0
    assert _ledger(corpus).sources[0].dropped["rules"]["num_words_min"].documents == 1
    before = _written(corpus)
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_words", "min": 51}]
    assert main(corpus.arguments()) == 0
    after = _written(corpus)
    assert {name for name in after if name not in before or after[name] != before[name]} == {
        name for name in after if name.startswith("verdicts/web-") and name not in before
    }


def test_another_proportion_reuses_every_measure_and_every_part(corpus: Corpus) -> None:
    assert main(corpus.arguments()) == 0
    before = _written(corpus)
    corpus.spec["sources"][0]["proportion"], corpus.spec["sources"][1]["proportion"] = 0.5, 0.5
    assert main(corpus.arguments()) == 0
    assert _written(corpus) == before
    assert [source.wanted_tokens for source in _manifest(corpus).sources] == [3_000, 3_000]


def test_a_source_is_repeated_whole_and_then_in_part(corpus: Corpus) -> None:
    corpus.spec["tokens"], corpus.spec["sources"][1]["max_epochs"] = 12_000, 3
    assert main(corpus.arguments()) == 0
    code = _manifest(corpus).sources[1]
    assert code.whole_epochs == 4_800 // code.available_tokens == 1
    assert code.tokens == code.available_tokens + sum(part.prefix_tokens for part in code.parts) <= 4_800


def test_a_source_that_is_too_small_fails_the_build_with_the_remedy(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.spec["tokens"] = 60_000
    assert main(corpus.arguments()) == 1
    assert "source 'web': proportion 0.6 of 60,000 tokens needs 36,000" in capsys.readouterr().err
    assert not (corpus.output / "mixes").exists()


def test_a_failed_build_leaves_the_older_mix_as_it_was(corpus: Corpus) -> None:
    assert main(corpus.arguments()) == 0
    before = corpus.published()
    corpus.spec["tokens"] = 60_000
    assert main(corpus.arguments()) == 1
    assert corpus.published() == before


def test_too_many_failed_records_fail_the_build_before_anything_is_tokenized(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    write_jsonl(corpus.data / "web" / "9.jsonl.gz", [b"{"] * 10)
    assert main(corpus.arguments()) == 1
    error = capsys.readouterr().err
    assert "source 'web': 10 of 130 records failed (bad_json 10)" in error
    assert "reading.max_failed 0.001" in error
    assert not (corpus.output / "tokens").exists()


def _cut_shard(corpus: Corpus) -> None:
    path = corpus.data / "web" / "2.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-100])


def test_a_cut_shard_fails_the_build_by_name(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    _cut_shard(corpus)
    assert main(corpus.arguments()) == 1
    error = capsys.readouterr().err
    assert error.splitlines()[-1].startswith("web/2.jsonl.gz: truncated after byte")
    assert "while running" not in error
    assert "Traceback" not in error


def test_a_cut_shard_fails_a_build_of_two_workers_by_name(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    _cut_shard(corpus)
    assert main(corpus.arguments("--workers=2")) == 1
    (error,) = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("measure", "tokenize"))]
    assert error.startswith("web/2.jsonl.gz: truncated after byte")


def test_a_cut_shard_is_set_aside_whole_under_quarantine(corpus: Corpus) -> None:
    _cut_shard(corpus)
    corpus.spec["reading"] = {"on_corrupt": "quarantine", "max_failed": 0.5}
    assert main(corpus.arguments()) == 0
    web = _ledger(corpus).sources[0]
    assert web.kept.documents == 80
    assert web.failed["damaged_shard"].documents == web.read.documents - 80 > 0
    shards = json.loads((corpus.output / "mixes" / "small" / "shards.json").read_text())["web"]
    assert [shard["damage"] is None for shard in shards] == [True, True, False]
    assert [shard["failed"] for shard in shards] == [{}, {}, {"damaged_shard": web.failed["damaged_shard"].documents}]


def test_the_documents_before_a_cut_are_kept_under_keep(corpus: Corpus) -> None:
    _cut_shard(corpus)
    corpus.spec["reading"] = {"on_corrupt": "keep"}
    assert main(corpus.arguments()) == 0
    web = _ledger(corpus).sources[0]
    assert 80 < web.kept.documents == web.read.documents < 120


def test_a_dry_run_prints_the_plan_and_reads_no_text(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    for path in corpus.data.glob("web/*"):
        path.write_bytes(b"no gzip at all")
    assert main(corpus.arguments("--dry-run")) == 0
    assert "web" in capsys.readouterr().out
    assert not corpus.output.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda spec: spec["sources"][0].update(documents="{data}/absent/*"), "matches no file"),
        (
            lambda spec: spec["tokenizer"].update(file="{data}/absent.json"),
            "tokenizer.file: '{data}/absent.json' matches no file",
        ),
        (lambda spec: spec.update(language={"model": "{data}/absent.ftz"}), "absent.ftz"),
        (lambda spec: spec["sources"][0].update(rules=[{"measure": "num_word", "min": 1}]), "num_words"),
        (lambda spec: spec.update(tokenz=1), "did you mean 'tokens'"),
    ],
)
def test_a_request_that_cannot_work_is_refused_before_anything_is_read(
    corpus: Corpus, capsys: pytest.CaptureFixture[str], change: object, message: str
) -> None:
    assert callable(change)
    change(corpus.spec)
    assert main(corpus.arguments()) == 2
    assert message in capsys.readouterr().err
    assert not list(corpus.output.glob("*/*"))


def test_a_build_of_two_workers_that_was_killed_is_ended_by_one_to_the_same_bytes(
    corpus: Corpus, tmp_path: Path
) -> None:
    for shard in range(10, 40):
        rows = [{"id": f"k{shard}-{row}", "text": make_text(shard * 1_000 + row, 400)} for row in range(60)]
        write_jsonl(corpus.data / "web" / f"{shard}.jsonl.gz", rows)
    command = [sys.executable, "-m", "pipelines.build_mix", *corpus.arguments("--workers", "2")]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=nowhere, stderr=nowhere) as process:
        deadline = time.monotonic() + 60
        while len(list(corpus.output.glob("tokens/web-*/*.json"))) < 5 and time.monotonic() < deadline:
            time.sleep(0.005)  # until the build is in the middle of its work
        process.send_signal(signal.SIGKILL)
    assert not (corpus.output / "mixes").exists()
    assert not list(temporary.iterdir())  # what it left lies in its output, where the next build clears it
    assert list(corpus.output.glob(".spill-*"))
    done = {name: when for name, when in _written(corpus).items() if _is_finished(corpus, name)}
    assert len(done) > 30
    assert main(corpus.arguments()) == 0
    after = _written(corpus)
    assert {name: after[name] for name in done} == done
    assert not list(corpus.output.glob(".spill-*"))
    resumed = corpus.published()
    corpus.output = tmp_path / "undisturbed"
    assert main(corpus.arguments()) == 0
    assert corpus.published() == resumed


def test_a_dataflow_job_is_built_with_this_package_staged_and_without_network(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = []
    run_pipeline: Callable[..., Any] = DataflowRunner.run_pipeline

    def run_and_keep(runner: DataflowRunner, pipeline: beam.Pipeline, options: object) -> object:
        result = run_pipeline(runner, pipeline, options)
        jobs.append(result.job)
        return result

    monkeypatch.setattr(DataflowRunner, "run_pipeline", run_and_keep)
    monkeypatch.setattr(tempfile, "tempdir", str(corpus.data))  # Beam leaves there what it staged
    cloud = ["--project=test-project", "--region=us-central1", "--temp_location=gs://bucket/tmp", "--job_name=small"]
    arguments = [corpus.write_spec(), "--data", str(corpus.data), "--output=gs://bucket/output", *cloud]
    assert main([*arguments, "--runner=DataflowRunner", "--dry_run=True"]) == 0
    assert "built, not submitted" in capsys.readouterr().out
    (job,) = jobs
    (environment,) = job.proto_pipeline.components.environments.values()
    staged = [dependency.role_payload.decode(errors="replace") for dependency in environment.dependencies]
    assert any("workflow.tar.gz" in name for name in staged)
    labels = {transform.unique_name for transform in job.proto_pipeline.components.transforms.values()}
    assert {"BuildMix/BuildParts/MeasureUnits", "BuildMix/BuildParts/TokenizeUnits", "BuildMix/AssembleMix"} <= labels


def test_a_part_that_is_gone_or_cut_is_made_again(corpus: Corpus) -> None:
    assert main(corpus.arguments()) == 0
    before = corpus.published()
    first, second = sorted(corpus.output.glob("tokens/web-*/*.npy"))[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-8])
    sorted(corpus.output.glob("tokens/web-*/*.keys"))[2].unlink()
    assert main(corpus.arguments()) == 0
    assert corpus.published() == before


def test_a_shard_that_changed_unnoticed_is_found_out_and_the_next_build_works(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(corpus.arguments()) == 0
    corpus.change_unnoticed()
    corpus.spec["seed"] = 5
    assert main(corpus.arguments()) == 1
    assert "code/0.jsonl: changed after it was measured" in capsys.readouterr().err
    assert main(corpus.arguments()) == 0


def test_a_file_named_in_two_ways_is_read_once_and_in_two_sources_refused(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.spec["sources"][1]["documents"] = ["{data}/code/*.jsonl", "{data}/web/../code/0.jsonl"]
    assert main(corpus.arguments()) == 0
    assert _ledger(corpus).sources[1].read.documents == 40
    corpus.spec["sources"][1]["documents"] = "{data}/web/0.jsonl.gz"
    assert main(corpus.arguments()) == 2
    assert "web/0.jsonl.gz is read by source 'web' too" in capsys.readouterr().err


def test_a_data_root_with_glob_characters_is_taken_literally(corpus: Corpus, tmp_path: Path) -> None:
    corpus.data = corpus.data.rename(tmp_path / "da[t]a *")
    assert main(corpus.arguments()) == 0
    assert _ledger(corpus).sources[0].read.documents == 120


def test_a_budget_below_the_first_document_is_refused(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.spec["tokens"] = 20
    assert main(corpus.arguments()) == 1
    assert "source 'web': 12 tokens are wanted, fewer than its first document has" in capsys.readouterr().err


def test_every_source_that_falls_short_is_named_with_what_dropped_its_documents(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.spec["tokens"] = 60_000
    corpus.spec["sources"][0]["rules"] = [{"measure": "num_words", "min": 1_000}]
    assert main(corpus.arguments()) == 1
    first, second = capsys.readouterr().err.splitlines()[-2:]
    assert first.startswith("source 'web'")
    assert first.endswith("(of 120 documents read: 120 lost by num_words_min)")
    assert second.startswith("source 'code'")


def test_a_dry_run_refuses_what_the_build_would_refuse(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus.data / "web" / "README.md").touch()
    corpus.spec["sources"][0]["documents"] = "{data}/web/README.md"
    assert main(corpus.arguments("--dry-run")) == 2
    assert "README.md: its name tells no format" in capsys.readouterr().err
    corpus.spec["sources"][0]["documents"] = "{data}/web"
    assert main(corpus.arguments("--dry-run")) == 2
    assert "is a folder; name its files" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_refused(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.output.write_text("")
    assert main(corpus.arguments()) == 1
    assert f"{corpus.output}: cannot be written: File exists; wanted a folder for --output" in capsys.readouterr().err
