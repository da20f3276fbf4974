"""What a run writes about itself."""

import dataclasses
import json
import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mixes.errors import MixError
from mixes.stream_documents import StreamDocument
from trainer.figures import StepFigures
from trainer.watching.boards import TENSORBOARD_FOLDER, TensorBoard
from trainer.watching.lines import METRICS_FILE, SKIPPED_FILE
from trainer.watching.metrics import MetricsWriter
from trainer.watching.run_facts import RunFacts

FACTS = RunFacts(
    last_step=10,
    tokens_per_step=64,
    flops_per_token=1000,
    source_names=["web", "code", "math"],
    device=torch.device("cpu"),
    world_size=1,
)


def figures(step: int, *, nll: tuple[float, float] = (30.0, 20.0), skipped: float = 0.0) -> StepFigures:
    """A step of two instances, of `web` and `code`, with ten labels each."""
    return StepFigures(
        step=step,
        learning_rate=0.5,
        sums=torch.tensor([nll, (1.0, 1.0), (10.0, 10.0)]),
        grad_norm=torch.tensor(2.0),
        skipped=torch.tensor(skipped),
        instances=np.array([41, 42]),
        sources=np.array([0, 1], dtype=np.int32),
    )


def documents_of(step: int, instances: NDArray[np.int64]) -> list[list[StreamDocument]]:
    """A document for each instance; those of step 9 cannot be found."""
    if step == 9:
        raise MixError("part.parquet: cannot be read")
    return [[StreamDocument(source="web", id=f"id-{number}", shard="a.jsonl", row=7)] for number in instances]


def opened(output: Path, resumed_at: int = 0) -> MetricsWriter:
    return MetricsWriter(
        output, FACTS, resumed_at, [TensorBoard(output / TENSORBOARD_FOLDER, resumed_at + 1)], documents_of
    )


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[MetricsWriter]:
    writer = opened(tmp_path)
    yield writer
    writer.close()


def records(output: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (output / METRICS_FILE).read_text().splitlines()]


def sources_of(record: dict[str, object]) -> dict[str, object]:
    kind = "loss_by_source/"
    return {name.removeprefix(kind): value for name, value in record.items() if name.startswith(kind)}


def test_a_line_holds_the_mean_loss_and_that_of_each_source_seen(tmp_path: Path, writer: MetricsWriter) -> None:
    writer.add(figures(1), 0.0)
    writer.flush()
    (record,) = records(tmp_path)
    assert record["loss"] == 2.5
    assert record["z_loss"] == 0.1
    assert sources_of(record) == {"web": 3.0, "code": 2.0}
    assert (record["step"], record["tokens"], record["skipped"], record["masked_instances"]) == (1, 64, False, 0)


def test_with_experts_the_losses_of_routers_are_written_as_they_enter_the_loss(
    tmp_path: Path, writer: MetricsWriter
) -> None:
    step = figures(1)
    routed = torch.cat((step.sums, torch.tensor([[0.01, 0.03], [0.5, 0.5]])))
    writer.add(dataclasses.replace(step, sums=routed), 0.0)
    writer.flush()
    (record,) = records(tmp_path)
    assert (record["load_balancing_loss"], record["router_z_loss"]) == (pytest.approx(0.02), 0.5)
    assert (record["loss"], record["z_loss"]) == (2.5, 0.1)


def test_masked_instances_are_counted_and_leave_the_mean(tmp_path: Path, writer: MetricsWriter) -> None:
    step = figures(1, nll=(30.0, 0.0))
    step.sums[2, 1] = 0
    writer.add(step, 0.0)
    writer.flush()
    (record,) = records(tmp_path)
    assert (record["loss"], record["masked_instances"]) == (3.0, 1)
    assert sources_of(record) == {"web": 3.0}


def test_a_loss_that_is_not_finite_is_null(tmp_path: Path, writer: MetricsWriter) -> None:
    writer.add(figures(1, nll=(math.nan, 20.0)), 0.0)
    writer.flush()
    (record,) = records(tmp_path)
    assert record["loss"] is None
    assert sources_of(record) == {"web": None, "code": 2.0}


def test_the_progress_line_has_the_mean_loss_since_the_last_one(
    writer: MetricsWriter, caplog: pytest.LogCaptureFixture
) -> None:
    writer.add(figures(1, nll=(10.0, 10.0)), 0.0)
    writer.add(figures(2, nll=(30.0, 30.0)), 0.0)
    with caplog.at_level(logging.INFO):
        writer.flush()
    (line,) = caplog.messages
    assert "step 2/10  loss 2.0000  lr 5.00e-01" in line
    assert "MFU unknown" in line
    assert "tokens/s" in line
    assert "GiB" in line


def skipped_lines(output: Path) -> list[dict[str, Any]]:  # Any: JSON
    return [json.loads(line) for line in (output / SKIPPED_FILE).read_text().splitlines()]


def test_a_skipped_step_names_its_instances_worst_first_and_their_documents(
    tmp_path: Path, writer: MetricsWriter, caplog: pytest.LogCaptureFixture
) -> None:
    writer.add(figures(1, nll=(30.0, 90.0), skipped=1.0), 0.0)
    writer.flush()
    (said,) = caplog.messages
    assert "step 1 skipped, weights unchanged: loss 6, gradient norm 2" in said
    assert "instances of highest loss and their first documents: 42 (code, 9): id-42; 41 (web, 3): id-41; all" in said
    (line,) = skipped_lines(tmp_path)
    assert (line["step"], line["loss"], line["grad_norm"]) == (1, 6.0, 2.0)
    assert line["instances"] == [
        {
            "instance": number,
            "source": source,
            "loss": loss,
            "documents": [{"source": "web", "id": f"id-{number}", "shard": "a.jsonl", "row": 7}],
        }
        for number, source, loss in ((42, "code", 9.0), (41, "web", 3.0))
    ]


def test_an_index_that_is_damaged_is_named_in_place_of_documents(
    tmp_path: Path, writer: MetricsWriter, caplog: pytest.LogCaptureFixture
) -> None:
    writer.add(figures(9, nll=(math.nan, 90.0), skipped=1.0), 0.0)
    writer.flush()
    assert "41 (web, not finite): not known; 42 (code, 9): not known; documents are not known, part" in caplog.text
    (line,) = skipped_lines(tmp_path)
    assert line["problem"] == "documents are not known, part.parquet: cannot be read"
    assert [(each["instance"], each["loss"], each["documents"]) for each in line["instances"]] == [
        (41, None, []),
        (42, 9.0, []),
    ]


def test_time_waited_for_data_is_written_and_said_above_one_percent(
    tmp_path: Path, writer: MetricsWriter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    writer.add(figures(1), 1e6)  # the first step has to wait
    writer.flush()
    assert "waited" not in caplog.text
    writer.add(figures(2), 1e6)
    writer.flush()
    assert "  waited for data " in caplog.text
    assert [record["data_wait"] for record in records(tmp_path)] == [1e6, 1e6]


def test_a_machine_that_slept_does_not_end_the_run(
    tmp_path: Path, writer: MetricsWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.perf_counter()
    monkeypatch.setattr(time, "perf_counter", lambda: now + 1e6)
    writer.add(figures(1), 0.0)
    writer.flush()
    assert records(tmp_path)[0]["tokens_per_second"] == 0.0


def test_nothing_pending_writes_nothing(tmp_path: Path, writer: MetricsWriter) -> None:
    writer.flush()
    assert not (tmp_path / METRICS_FILE).exists()


def test_lines_after_the_step_that_is_resumed_are_dropped(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for step in range(1, 6):
        first.add(figures(step), 0.0)
    first.close()
    with (tmp_path / METRICS_FILE).open("a") as lines:
        lines.write('{"step": 6, "lo')
    second = opened(tmp_path, 3)
    second.add(figures(4), 0.0)
    second.close()
    assert [record["step"] for record in records(tmp_path)] == [1, 2, 3, 4]


def test_tensorboard_reads_the_losses(tmp_path: Path, writer: MetricsWriter) -> None:
    writer.add(figures(1), 0.0)
    writer.add(figures(2, nll=(10.0, 10.0)), 0.0)
    writer.close()
    board = EventAccumulator(str(tmp_path / TENSORBOARD_FOLDER))
    board.Reload()
    assert [(event.step, event.value) for event in board.Scalars("loss")] == [(1, 2.5), (2, 1.0)]
    assert [event.value for event in board.Scalars("loss_by_source/code")] == [2.0, 1.0]


def test_a_resumed_run_says_what_an_undisturbed_one_says(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values = random.normal(30.0, 0.5, 400).tolist()
    values[150] = values[390] = 80.0
    for name, stops in (("whole", [400]), ("resumed", [170, 400])):
        first = 1
        for stop in stops:
            writer = opened(tmp_path / name, first - 1)
            for step in range(first, stop + 1):
                writer.add(figures(step, nll=(values[step - 1], 30.0), skipped=float(step in {5, 390})), 0.0)
                if step % 100 == 0:
                    writer.flush()
            writer.close()
            first = 161  # from the checkpoint of step 160
    timed = ("tokens_per_second", "data_wait")
    ours, theirs = (
        [{key: value for key, value in record.items() if key not in timed} for record in records(tmp_path / name)]
        for name in ("whole", "resumed")
    )
    assert ours == theirs
    assert [record["step"] for record in ours if record["spike/loss"]] == [151, 391]
    assert (ours[-1]["spike_score/loss"], ours[-1]["spike_score/grad_norm"]) == (2 / 400, 0.0)
    assert skipped_lines(tmp_path / "whole") == skipped_lines(tmp_path / "resumed")
