"""The command: its tables, its JSON, and what it refuses."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch

from tests.trainer.evaluation.tiny_model import write_tiny_model
from trainer.evaluate import main
from trainer.evaluation.scoring import Batch, Scorer

QUESTIONS = [{"question": "Who?", "choices": ["the king", "a queen"], "answer": n % 2, "id": n} for n in range(4)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "who.jsonl").write_text("".join(json.dumps(question) + "\n" for question in QUESTIONS))
    (tmp_path / "texts" / "plain").mkdir(parents=True)
    (tmp_path / "texts" / "plain" / "0.jsonl").write_text('{"text": "the king of the land"}\n')
    return write_tiny_model(tmp_path / "model")


def test_it_prints_tables_and_writes_all_figures(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on = ["--texts", str(tmp_path / "texts"), "--tasks", str(tmp_path / "who.jsonl"), "--shots", "0"]
    assert main([str(model), *on, "--output", str(tmp_path / "all.json"), "--device", "cpu"]) == 0
    texts, tasks, kept = capsys.readouterr().out.split("\n\n")
    assert [line.split()[0] for line in texts.splitlines()] == ["texts", "plain", "macro", "micro"]
    head, row, legend = tasks.splitlines()
    assert head.split()[:2] == ["task", "questions"]
    assert row.split()[:3] == ["who", "4", "0"]
    assert row.count("*") == 1
    assert legend.startswith("* the score: the better of ")
    assert kept == f"results  {tmp_path / 'all.json'}\n"
    record = json.loads((tmp_path / "all.json").read_text())["models"][str(model)]["results"]
    assert record["texts"]["by_domain"]["plain"]["bytes"] == 20
    assert record["tasks"][0]["questions"] == 4
    assert record["tasks"][0]["score"] in {0.0, 0.25, 0.5, 0.75, 1.0}


def test_a_stopped_evaluation_goes_on_after_the_parts_that_were_finished(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "all.json"
    on = ["--texts", str(tmp_path / "texts"), "--tasks", str(tmp_path / "who.jsonl"), "--shots", "0"]
    command = [str(model), *on, "--output", str(kept), "--device", "cpu"]
    batches: list[int] = []
    original = Scorer._forward

    def counted(self: Scorer, batch: Batch) -> torch.Tensor:
        batches.append(len(batch))
        if len(batches) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, batch)

    monkeypatch.setattr(Scorer, "_forward", counted)
    assert main(command) == 128 + signal.SIGTERM  # the texts are one batch, and were at work
    assert capsys.readouterr().err == "stopped by SIGTERM; the same command goes on\n"
    assert list(json.loads(kept.read_text())["models"][str(model)]["results"]) == ["texts", "tasks"]
    assert (main(command), len(batches)) == (0, 2)  # the questions alone
    printed, whole = capsys.readouterr().out, kept.read_bytes()
    assert (main(command), len(batches)) == (0, 2)
    assert (capsys.readouterr().out, kept.read_bytes()) == (printed, whole)
    assert main([*command, "--max-questions", "1"]) == 0  # other questions: all anew
    assert len(batches) > 2
    batches.clear()
    assert main([word for word in command if word not in ("--output", str(kept))]) == 128 + signal.SIGTERM
    assert "from the beginning: only with --output" in capsys.readouterr().err
    kept.write_text("{")
    assert main(command) == 2
    assert f"{kept}: found no results of an evaluation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "found nothing to evaluate on"),
        (["--tasks", "absent.jsonl"], "absent.jsonl: No such file or directory; wanted a file of JSON lines"),
        (["--tasks", "who.jsonl", "--tokenizer", "t.json"], "for a folder that brings its own"),
        (["--texts", "model"], "wanted FOLDER/<domain>/"),
        (["--tasks", "who.jsonl", "--shots", "4"], "found no question beyond 4 solved ones"),
    ],
)
def test_a_wrong_request_is_refused(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(model), *arguments, "--device", "cpu"]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--tasks", "x.jsonl", "--device", "cpu"]) == 2
    assert "found neither checkpoint.json nor config.json" in capsys.readouterr().err
