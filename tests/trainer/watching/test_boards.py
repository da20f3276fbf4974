"""Weights & Biases, without it: a module that notes what it is told."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mixes.errors import SpecError
from trainer.watching.boards import WeightsAndBiases


class FakeRun:
    """A run of wandb that notes what it is told."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.is_finished = False

    def log(self, figures: dict[str, float], step: int) -> None:
        self.logged.append((step, figures))

    def finish(self) -> None:
        self.is_finished = True


def test_figures_go_to_one_run_that_the_folder_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []  # Any: what is passed on
    run = FakeRun()
    fake = types.ModuleType("wandb")
    monkeypatch.setitem(sys.modules, "wandb", fake)

    def init(**given: object) -> FakeRun:
        asked.append(given)
        return run

    monkeypatch.setattr(fake, "init", init, raising=False)
    for _ in range(2):
        board = WeightsAndBiases("mixes", tmp_path / "seed-42", {"spec": {"steps": 6}})
        board.take({"step": 3, "tokens": 9, "loss": 2.5, "grad_norm": None})
        board.close()
    assert run.logged == [(3, {"loss": 2.5})] * 2
    assert run.is_finished
    first, second = asked
    assert first == second
    assert (first["project"], first["name"], first["resume"]) == ("mixes", f"{tmp_path.name}/seed-42", "allow")
    assert first["config"] == {"spec": {"steps": 6}}
    assert len(first["id"]) == 16
    WeightsAndBiases("mixes", tmp_path / "seed-43", {})
    assert asked[2]["id"] != first["id"]


def test_an_absent_wandb_is_named_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(
        SpecError, match=r"--wandb: wandb is not installed; install it with: pip install 'gristmill\[wandb\]'"
    ):
        WeightsAndBiases("mixes", tmp_path, {})
