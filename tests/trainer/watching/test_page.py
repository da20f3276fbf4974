"""The report of a run: what it shows is what was measured, and nothing in it runs or loads."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.pages.parsed_page import parse
from trainer import report
from trainer.watching.lines import METRICS_FILE, SKIPPED_FILE, append_lines
from trainer.watching.page import REPORT_FILE, write_report
from trainer.watching.run_facts import RunFacts, write_facts

SETTINGS = {
    "spec": {"steps": 900, "optimizer": {"learning_rate": 0.01}, "tokens": None},
    "shape": {"num_layers": 2, "hidden_size": 64},
    "mix": {
        "name": "small",
        "digest": "ab" * 32,
        "tokens": 1000,
        "sources": {"web": {"tokens": 750, "whole_epochs": 1}, "code": {"tokens": 250, "whole_epochs": 0}},
    },
    "parent": "",
}
FACTS = RunFacts(
    last_step=900,
    tokens_per_step=64,
    flops_per_token=1000,
    source_names=["web", "code"],
    device=torch.device("cpu"),
    world_size=1,
)


def line_of(step: int) -> dict[str, Any]:  # Any: JSON
    loss = 10.0 / step + 2.0
    return {
        "step": step,
        "tokens": 64 * step,
        "loss": None if step == 800 else loss,
        "grad_norm": 1.0,
        "z_loss": 0.1,
        "learning_rate": 0.01,
        "skipped": step == 800,
        "spike/loss": step == 800,
        "spike/grad_norm": False,
        "masked_instances": 0,
        "loss_by_source/web": loss,
        "loss_by_source/<b>code</b>": loss + 1,
        "tokens_per_second": 5000.0,
        "data_wait": 0.0,
        "mfu": 0.51,
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    output = tmp_path / "seed-42"
    output.mkdir()
    write_facts(output, FACTS, SETTINGS)
    append_lines(output / METRICS_FILE, [line_of(step) for step in range(1, 901)])
    append_lines(output / METRICS_FILE, [{"step": 900, "tokens": 9, "eval/tasks/arc/score": 0.25}])
    documents = [{"source": "web", "id": f"<script>{number}", "shard": "s", "row": 1} for number in range(7)]
    worst = {"instance": 41, "source": "web", "loss": 99.5, "documents": documents}
    append_lines(output / SKIPPED_FILE, [{"step": 800, "loss": None, "grad_norm": 3.0, "instances": [worst]}])
    (output / "step-900").mkdir()
    (output / "step-900" / "checkpoint.json").write_text("x" * 1500)
    return output


def test_the_report_shows_what_the_files_of_a_run_hold(run: Path) -> None:
    page = parse(write_report(run).read_text())
    for text in (
        "seed-42",
        "small",
        "900",
        "57,600",
        "5,000",
        "MFU 51.0%",
        "1 step skipped",
        "0.25",
        "tasks/arc/score",
    ):
        assert text in page.text
    assert "step 800 skipped, weights unchanged: loss not finite, gradient norm 3" in page.text
    assert "41 (web, 99.5): <script>0, <script>1, <script>2; all of them: skipped.jsonl" in page.text
    assert "spike scores: loss 0.1\u202f%, gradient norm 0\u202f%" in page.text
    for setting in ('"learning_rate": 0.01', '"whole_epochs": 1'):
        assert setting in page.text
    charts = [entry["class"] for tag, entry in page.tags if tag == "svg" and "role" in entry]
    drawn = [
        "loss",
        "web",
        "code",
        "arc",
        "grad_norm",
        "z_loss",
        "learning_rate",
        "skipped",
        "tokens_per_second",
        "mfu",
    ]
    assert len(charts) == len(drawn)  # masked_instances and data_wait were always 0


def test_nothing_of_the_report_runs_loads_or_is_taken_for_markup(run: Path) -> None:
    content = write_report(run).read_text()
    page = parse(content)
    assert not {"script", "b", "img", "link", "iframe"} & {tag for tag, _ in page.tags if tag != "b"}
    assert "<b>code</b>" not in content
    assert "http" not in content.replace("http-equiv", "")


def test_a_long_run_has_a_short_report(run: Path) -> None:
    short = len(write_report(run).read_bytes())
    (run / METRICS_FILE).unlink()
    append_lines(run / METRICS_FILE, [line_of(step * 1000) for step in range(1, 901)])
    assert len(write_report(run).read_bytes()) < 2 * short
    assert short < 200_000


def test_a_run_that_has_no_step_yet_has_a_report(run: Path) -> None:
    (run / METRICS_FILE).unlink()
    assert "Training run" in parse(write_report(run).read_text()).text


def test_the_command_writes_the_report_anew_and_refuses_what_is_no_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main([str(run)]) == 0
    assert capsys.readouterr().out == f"{run / REPORT_FILE}\n"
    assert report.main([str(tmp_path)]) == 2
    assert "run.json: found no run: FileNotFoundError(2, 'No such file" in capsys.readouterr().err
    (run / "run.json").write_text(json.dumps({})[:1])
    assert report.main([str(run)]) == 2
    assert "run.json: found no run: JSONDecodeError" in capsys.readouterr().err
