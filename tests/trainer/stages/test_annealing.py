"""Stages from end to end: anneals are runs of their own, stop and go on, are souped and compared."""

import json
import os
import shutil
import signal
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mixes.lock import hold_folder
from tests.pages.parsed_page import parse
from tests.trainer.evaluation.tiny_model import write_tiny_mix
from tests.trainer.small_run import SPEC, spec_with, train
from trainer import anneal, microanneal, report
from trainer.checkpoint import verified
from trainer.evaluation.standalone import evaluate
from trainer.evaluation.suite import Suite
from trainer.figures import StepFigures
from trainer.loader import Batch
from trainer.loop import LOCK_FILE
from trainer.spec import SuiteSpec
from trainer.tensor_files import TensorFiles
from trainer.updates import Trainer

ANNEAL = (
    ("steps: 6", "steps: 2"),
    ("optimizer: {learning_rate: 0.004}\n", ""),
    ("shape: cosine, warmup_steps: 2", "shape: linear, floor: 0.0"),
)
SEEDS = ("42", "666")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a mix, a checkpoint, the spec of an anneal, questions, and two anneals and their soup."""
    folder = tmp_path_factory.mktemp("stages")
    mix = write_tiny_mix(folder)
    train(spec_with(("steps: 6", "steps: 2")), mix, folder / "before")
    text = SPEC
    for old, new in ANNEAL:
        assert old in text
        text = text.replace(old, new)
    (folder / "anneal.yaml").write_text(text)
    questions = [{"id": n, "question": "Who?", "choices": ["the king", "a queen"], "answer": n % 2} for n in range(3)]
    (folder / "who.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    assert anneal.main(command(folder, "run")) == 0
    return folder


def command(room: Path, output: str, *, spec: str = "anneal.yaml", seeds: tuple[str, ...] = SEEDS) -> list[str]:
    """Return the arguments of an anneal."""
    where = ["--from", str(room / "before" / "step-2"), "--mix", str(room / "mixes" / "small")]
    asked = ["--tasks", str(room / "who.jsonl"), "--shots", "1", "--tokenizer", str(room / "tokenizer.json")]
    return [
        str(room / spec), *where, "--seeds", *seeds, *asked, "--output", str(room / output), "--device", "cpu"
    ]  # fmt: skip


def results_of(output: Path) -> dict[str, Any]:  # Any: JSON
    found: dict[str, Any] = json.loads((output / "results.json").read_bytes())
    return found


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    with TensorFiles(verified(folder).shards) as files:
        return {name: files.read(name) for name in files.names if name.startswith("weights/")}


def test_an_anneal_is_the_run_that_the_trainer_makes_and_the_soup_is_the_mean(room: Path) -> None:
    alone = spec_with(*ANNEAL, ("log_interval: 4", "data_seed: 42"))
    train(alone, room / "mixes" / "small", room / "alone", start_from=room / "before" / "step-2")
    first, second = (weights_of(room / "run" / f"seed-{seed}" / "step-2") for seed in SEEDS)
    of_alone = weights_of(room / "alone" / "step-2")
    for name, found in weights_of(room / "run" / "soup").items():
        assert torch.equal(first[name], of_alone[name])
        assert torch.equal(found, ((first[name].double() + second[name].double()) / 2).float())
    assert not torch.equal(first["weights/lm_head.weight"], second["weights/lm_head.weight"])
    assert verified(room / "run" / "soup").progress.learning_rate == 0


def test_the_table_has_what_evaluate_says_of_each(room: Path) -> None:
    found = results_of(room / "run")
    folders = {"before": room / "before" / "step-2", "soup": room / "run" / "soup"}
    folders |= {f"seed-{seed}": room / "run" / f"seed-{seed}" / "step-2" for seed in SEEDS}
    assert found["models"].keys() == folders.keys()
    assert found["table"]["columns"] == ["before", "seed-42", "seed-666", "mean", "spread", "soup"]
    for name, folder in folders.items():
        spec = SuiteSpec(tokenizer=str(room / "tokenizer.json"), tasks=(str(room / "who.jsonl"),), shots=1)
        alone = evaluate(folder, spec, room / "mixes" / "small", device="cpu")
        assert found["models"][name]["figures"] == pytest.approx(alone.figures(), abs=1e-5)
    assert "held_out/source0/bits_per_byte" in found["table"]["rows"]
    for name, (_, first, second, mean, spread, soup) in found["table"]["rows"].items():
        assert (mean, spread) == (statistics.fmean((first, second)), statistics.stdev((first, second)))
        assert soup == found["models"]["soup"]["figures"][name]


def test_the_report_shows_models_losses_and_runs(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = parse((room / "run" / "report.html").read_text())
    found = results_of(room / "run")
    rows = {row[0]: row[1:] for row in page.tables["What they reached"][1:]}
    assert rows.keys() == found["table"]["rows"].keys()
    for name, numbers in found["table"]["rows"].items():
        assert rows[name] == [f"{number:.4f}" for number in numbers]
    assert [entry.get("href") for tag, entry in page.tags if tag == "a"] == [
        "seed-42/report.html",
        "seed-666/report.html",
    ]
    assert "42, 666" in page.text
    assert sum(tag == "svg" and "role" in entry for tag, entry in page.tags) == 2  # a chart of each run's losses
    drawn = (room / "run" / "report.html").read_bytes()
    assert report.main([str(room / "run")]) == 0
    assert (room / "run" / "report.html").read_bytes() == drawn
    capsys.readouterr()
    (room / "unfinished").mkdir()
    (room / "unfinished" / "results.json").write_text('{"asked": "", "models": {}}')
    assert report.main([str(room / "unfinished")]) == 2
    assert "found no stage that is done" in capsys.readouterr().err


def test_anneals_that_were_stopped_go_on_to_the_same_bytes(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = Trainer.step
    calls = []

    def signalled(self: Trainer, number: int, batch: Batch) -> StepFigures:
        calls.append(number)
        if len(calls) == 3:  # the first step of the second anneal
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, number, batch)

    monkeypatch.setattr(Trainer, "step", signalled)
    assert anneal.main(command(room, "stopped")) == 128 + signal.SIGTERM
    assert "stopped by SIGTERM; the same command goes on from seed-666, step 1" in capsys.readouterr().err
    assert anneal.main(command(room, "stopped")) == 0
    assert calls == [1, 2, 1, 2]
    for folder in ("seed-42/step-2", "seed-666/step-2", "soup"):
        assert verified(room / "stopped" / folder).digest == verified(room / "run" / folder).digest
    whole, stopped = results_of(room / "run"), results_of(room / "stopped")
    assert stopped["table"] == whole["table"]
    monkeypatch.setattr(Suite, "evaluate", None)
    assert anneal.main(command(room, "stopped")) == 0  # nothing is trained or evaluated again
    assert len(calls) == 4
    assert results_of(room / "stopped") == stopped


def test_an_anneal_whose_last_evaluation_is_missing_gets_it_without_a_step(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(room / "run", room / "evaluated")
    (room / "evaluated.yaml").write_text((room / "anneal.yaml").read_text() + "evaluation: {interval: 2}\n")
    monkeypatch.setattr(Trainer, "step", None)
    for _ in range(2):
        assert anneal.main(command(room, "evaluated", spec="evaluated.yaml")) == 0
        for seed in SEEDS:
            lines = (room / "evaluated" / f"seed-{seed}" / "metrics.jsonl").read_text().splitlines()
            assert ["eval/held_out/macro/bits_per_byte" in line for line in lines] == [False, False, True]


def test_a_soup_of_other_anneals_is_made_again(room: Path) -> None:
    shutil.copytree(room / "run" / "seed-42", room / "more" / "seed-42")  # an anneal less to wait for
    assert anneal.main(command(room, "more", seeds=("42",))) == 0
    assert not (room / "more" / "soup").exists()
    assert results_of(room / "more")["table"]["columns"] == ["before", "seed-42", "mean", "spread"]
    shutil.copytree(room / "run" / "soup", room / "more" / "soup")
    assert anneal.main(command(room, "more", seeds=("42", "7"))) == 0
    assert {each["data_seed"] for each in verified(room / "more" / "soup").progress.ingredients} == {42, 7}


@pytest.mark.parametrize(
    ("change", "seeds", "message"),
    [
        (("floor: 0.0", "floor: 0.1"), SEEDS, "wanted {shape: linear, floor: 0.0} alone"),
        (("floor: 0.0", "floor: 0.0, warmup_steps: 1"), SEEDS, "wanted {shape: linear, floor: 0.0} alone"),
        (("steps: 2", "steps: 1"), SEEDS, "the spec is not the one this run began with: steps: 2 became 1"),
        (("steps: 2", "steps: 2"), ("42", "42"), "found the anneal seed-42 twice; wanted --seeds that differ"),
    ],
)
def test_what_is_no_anneal_of_these_is_refused(
    room: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], seeds: tuple[str, ...], message: str
) -> None:
    (room / "changed.yaml").write_text((room / "anneal.yaml").read_text().replace(*change))
    assert anneal.main(command(room, "run", spec="changed.yaml", seeds=seeds)) == 2
    assert message in capsys.readouterr().err


def test_the_last_anneal_is_refused_before_the_first_begins(
    room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (room / "shorter.yaml").write_text((room / "anneal.yaml").read_text().replace("steps: 2", "steps: 1"))
    monkeypatch.setattr(Suite, "evaluate", None)
    for words in ((), ("--dry-run",)):
        assert anneal.main([*command(room, "run", spec="shorter.yaml", seeds=("7", "666")), *words]) == 2
        assert "the spec is not the one this run began with: steps: 2 became 1" in capsys.readouterr().err
    assert not (room / "run" / "seed-7").exists()


def test_a_dry_run_prints_the_plans_and_writes_nothing(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert anneal.main([*command(room, "planned"), "--dry-run"]) == 0
    plan = capsys.readouterr().out
    assert plan.startswith("seed-42, seed-666\nmodel ")
    assert "from weights and optimizer of" in plan
    assert not (room / "planned").exists()
    assert anneal.main([*command(room, "run", seeds=("42", "7")), "--dry-run"]) == 0
    begun, new = capsys.readouterr().out.split("\n\n")
    assert (begun.startswith("seed-42\n"), new.startswith("seed-7\n")) == (True, True)
    assert "after step 2, where all steps are done" in begun


def test_a_second_stage_in_the_same_folder_is_refused(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with hold_folder(room / "run", LOCK_FILE, "run"):
        assert anneal.main(command(room, "run")) == 2
    assert "another run is at work here" in capsys.readouterr().err


def test_another_checkpoint_than_the_runs_began_from_is_refused(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [word.replace("before/step-2", "before/step-1") for word in command(room, "run")]
    assert anneal.main(arguments) == 2
    assert "the run did not begin from" in capsys.readouterr().err


def test_mixes_are_compared_with_a_baseline(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_tiny_mix(room / "other", name="other", seed=2)
    words = command(room, "compared")
    where = words.index("--mix")
    words[where : where + 2] = ["--baseline", str(room / "mixes" / "small"), "--mixes", str(other)]
    for seed in SEEDS:  # anneals on the baseline are those of `anneal`: two less to wait for
        shutil.copytree(room / "run" / f"seed-{seed}", room / "compared" / "small" / f"seed-{seed}")
    assert microanneal.main(words) == 0
    printed = capsys.readouterr().out
    found = results_of(room / "compared")
    of_mixes, of_seeds = ((room / name / "report.html").read_text() for name in ("compared", "run"))
    assert ("within twice its error" in of_mixes, "within twice its error" in of_seeds) == (True, False)
    assert found["table"]["columns"] == ["before", "small", "spread", "other", "spread", "difference", "error"]
    figures = {name: model["figures"] for name, model in found["models"].items()}
    assert figures.keys() == {"before", *(f"{mix}/seed-{seed}" for mix in ("small", "other") for seed in SEEDS)}
    for name, row in found["table"]["rows"].items():
        small, of_other = (np.array([figures[f"{mix}/seed-{s}"][name] for s in SEEDS]) for mix in ("small", "other"))
        error = np.sqrt((small.var(ddof=1) + of_other.var(ddof=1)) / 2)
        wanted = [small.mean(), small.std(ddof=1), of_other.mean(), of_other.std(ddof=1)]
        wanted += [of_other.mean() - small.mean(), error]
        assert row == pytest.approx([figures["before"][name], *wanted])
        assert f"\n{name} " in printed
    words[words.index(str(other))] = str(room / "mixes" / "small")
    assert microanneal.main(words) == 2
    assert (
        "found the anneal small/seed-42 twice; wanted --seeds that differ and --mixes of different names"
        in capsys.readouterr().err
    )
