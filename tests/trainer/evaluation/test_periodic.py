"""Evaluations in the midst of a run: they are written, and training does not notice them."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mixes.errors import DataError, SpecError
from tests.trainer.evaluation.tiny_model import tiny_tokenizer, write_tiny_mix
from tests.trainer.small_run import SPEC, spec_with, train
from trainer.checkpoint import steps_on_disk, verified
from trainer.evaluation.scoring import Batch, Scorer
from trainer.evaluation.standalone import evaluate
from trainer.figures import StepFigures
from trainer.loader import Batch as TrainBatch
from trainer.models.presets import padded_vocab_size
from trainer.spec import SuiteSpec
from trainer.stopping import StoppedError
from trainer.tensor_files import TensorFiles
from trainer.updates import Trainer
from trainer.watching.lines import METRICS_FILE


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    """Return a mix that was made with the tiny tokenizer."""
    return write_tiny_mix(tmp_path)


@pytest.fixture
def tokenizer(mix: Path) -> Path:
    return mix.parents[1] / "tokenizer.json"


@pytest.fixture
def on(tmp_path: Path) -> dict[str, Path]:
    """Return a folder of texts and a set of questions."""
    (tmp_path / "texts" / "plain").mkdir(parents=True)
    (tmp_path / "texts" / "plain" / "0.jsonl").write_text(json.dumps({"text": "the king and the queen " * 9}) + "\n")
    questions = [{"id": n, "question": "Who?", "choices": ["the king", "a queen"], "answer": n % 2} for n in range(3)]
    (tmp_path / "who.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    return {"texts": tmp_path / "texts", "tasks": tmp_path / "who.jsonl"}


def evaluating(on: dict[str, Path], tokenizer: Path, interval: int) -> str:
    keys = f"interval: {interval}, shots: 1, tokenizer: '{tokenizer}', texts: '{on['texts']}', tasks: ['{on['tasks']}']"
    return SPEC + f"evaluation: {{{keys}}}\n"


def lines_of(output: Path) -> tuple[list[float], dict[int, dict[str, Any]]]:  # Any: JSON
    """Return the losses of a run, and what it reached by step."""
    records = [json.loads(line) for line in (output / METRICS_FILE).read_text().splitlines()]
    evaluations = {
        record["step"]: {name: value for name, value in record.items() if name.startswith("eval/")}
        for record in records
        if "loss" not in record
    }
    return [record["loss"] for record in records if "loss" in record], evaluations


def test_a_run_is_evaluated_on_its_way_and_trains_as_it_would_without(
    mix: Path, tokenizer: Path, on: dict[str, Path], tmp_path: Path
) -> None:
    spec = evaluating(on, tokenizer, interval=4)
    train(spec_with(base=spec), mix, tmp_path / "with")
    train(spec_with(), mix, tmp_path / "without")
    losses, evaluations = lines_of(tmp_path / "with")
    assert losses == lines_of(tmp_path / "without")[0]
    shards = [verified(tmp_path / name / "step-6").shards for name in ("with", "without")]
    with TensorFiles(shards[0]) as ours, TensorFiles(shards[1]) as theirs:
        assert ours.names == theirs.names
        assert all(torch.equal(ours.read(name), theirs.read(name)) for name in ours.names)

    assert list(evaluations) == [4, 6]
    for step, figures in evaluations.items():
        asked = SuiteSpec(tokenizer=str(tokenizer), texts=str(on["texts"]), tasks=(str(on["tasks"]),), shots=1)
        alone = evaluate(tmp_path / "with" / f"step-{step}", asked, mix, device="cpu").figures()
        assert {f"eval/{name}": value for name, value in alone.items()} == pytest.approx(figures, abs=1e-5)
    assert set(evaluations[6]) == {
        "eval/held_out/source0/bits_per_byte",
        "eval/held_out/macro/bits_per_byte",
        "eval/held_out/micro/bits_per_byte",
        "eval/texts/plain/bits_per_byte",
        "eval/texts/macro/bits_per_byte",
        "eval/texts/micro/bits_per_byte",
        "eval/tasks/who/bits_per_byte",
        "eval/tasks/who/score",
    }


def test_a_run_that_goes_on_may_be_evaluated_otherwise_and_repeats_no_line(
    mix: Path, tokenizer: Path, on: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / "run"
    train(spec_with(("steps: 6", "steps: 6\nseed: 1"), base=evaluating(on, tokenizer, interval=2)), mix, output)
    before = lines_of(output)
    for step in (5, 6):
        (output / f"step-{step}").rename(tmp_path / f"gone-{step}")
    train(spec_with(("steps: 6", "steps: 6\nseed: 1"), base=evaluating(on, tokenizer, interval=3)), mix, output)
    losses, evaluations = lines_of(output)
    assert losses == before[0]
    assert list(evaluations) == [2, 4, 6]
    assert evaluations == before[1]


def test_a_signal_stops_an_evaluation_and_the_same_command_does_it_first(
    mix: Path, tokenizer: Path, on: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line of the metrics is then that of a run that nobody stopped; test_ranks.py stops after the last step."""
    spec = spec_with(("interval: 1", "interval: 100"), base=evaluating(on, tokenizer, interval=2))
    train(spec, mix, tmp_path / "whole")
    with monkeypatch.context() as patched:
        forwards, trained = signalled_in_evaluation(patched, signals=2)
        with pytest.raises(StoppedError, match="SIGTERM; the same command goes on from step 2"):
            train(spec, mix, tmp_path / "run")
        assert steps_on_disk(tmp_path / "run") == [2]
        with pytest.raises(StoppedError, match="SIGTERM; the same command goes on from step 2"):
            train(spec, mix, tmp_path / "run")
        assert (len(forwards), trained) == (2, [1, 2])
        assert lines_of(tmp_path / "run")[1] == {}
        train(spec, mix, tmp_path / "run")
        assert trained == list(range(1, 7))
    assert (tmp_path / "run" / "step-6").is_dir()
    assert lines_of(tmp_path / "run") == lines_of(tmp_path / "whole")


def test_a_run_that_is_done_is_evaluated_where_its_spec_asks_for_it_only_now(
    mix: Path, tokenizer: Path, on: dict[str, Path], tmp_path: Path
) -> None:
    train(spec_with(), mix, tmp_path / "run")
    for _ in range(2):
        train(spec_with(base=evaluating(on, tokenizer, interval=4)), mix, tmp_path / "run")
        assert list(lines_of(tmp_path / "run")[1]) == [6]


def signalled_in_evaluation(patched: pytest.MonkeyPatch, signals: int) -> tuple[list[int], list[int]]:
    """Send SIGTERM with each of the first forwards of evaluations; return lists of all forwards and of all steps."""
    forwards: list[int] = []
    trained: list[int] = []
    forward, step = Scorer._forward, Trainer.step

    def signalled(self: Scorer, batch: Batch) -> torch.Tensor:
        forwards.append(len(batch))
        if len(forwards) <= signals:
            os.kill(os.getpid(), signal.SIGTERM)
        return forward(self, batch)

    def noted(self: Trainer, number: int, batch: TrainBatch) -> StepFigures:
        trained.append(number)
        return step(self, number, batch)

    patched.setattr(Scorer, "_forward", signalled)
    patched.setattr(Trainer, "step", noted)
    return forwards, trained


def test_held_out_documents_are_scored_without_their_eos_and_by_the_bytes_of_their_texts(
    mix: Path, tmp_path: Path
) -> None:
    train(spec_with(("steps: 6", "steps: 1")), mix, tmp_path / "run")
    found = evaluate(tmp_path / "run" / "step-1", SuiteSpec(), mix, device="cpu")
    likelihood = found.texts["held_out"]["source0"]
    assert (likelihood.documents, likelihood.tokens, likelihood.bytes) == (10, 30, 30)
    some = evaluate(tmp_path / "run" / "step-1", SuiteSpec(max_documents=4), mix, device="cpu")
    assert (some.texts["held_out"]["source0"].documents, some.texts["held_out"]["source0"].tokens) == (4, 12)
    assert likelihood.nll / 30 == pytest.approx(np.log(padded_vocab_size(tiny_tokenizer().get_vocab_size())), rel=0.02)


def test_a_mix_that_holds_nothing_out_is_nothing_to_be_evaluated_on(make_mix: Callable[..., Path]) -> None:
    mix = make_mix()
    with pytest.raises(SpecError, match="holds no document out"):
        train(spec_with(base=SPEC + "evaluation: {interval: 2}\n"), mix, mix.parent / "run")


def test_texts_and_tasks_need_a_tokenizer() -> None:
    with pytest.raises(SpecError, match="tokenizer: found none, which texts and tasks need"):
        spec_with(base=SPEC + "evaluation: {interval: 2, tasks: [a.jsonl]}\n")


def test_another_tokenizer_than_the_mixes_is_refused_before_training(
    mix: Path, tokenizer: Path, on: dict[str, Path], tmp_path: Path
) -> None:
    tokenizer.write_text(tokenizer.read_text() + "\n")
    with pytest.raises(DataError, match="found a tokenizer with the digest"):
        train(spec_with(base=evaluating(on, tokenizer, interval=4)), mix, tmp_path / "run")
    assert not (tmp_path / "run" / "step-1").exists()
