"""Two ranks against one: the same losses and weights, to the bit, whoever began and whoever goes on."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.trainer.evaluation.tiny_model import suite_in, write_tiny_evaluation
from tests.trainer.small_run import lines_of, train
from tests.trainer.two_ranks import EXPERTS_SPEC, NUM_RUNS, SPEC
from trainer.checkpoint import verified
from trainer.evaluation.standalone import evaluate
from trainer.ranks import Ranks, local_part, local_rows
from trainer.tensor_files import TensorFiles

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 240


def free_ports(count: int) -> list[str]:
    """Return ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for number in sockets:
        number.bind(("127.0.0.1", 0))
    ports = [str(number.getsockname()[1]) for number in sockets]
    for number in sockets:
        number.close()
    return ports


def run_two_ranks(mix: Path, folder: Path) -> None:
    """Run `two_ranks.py` as two processes; what they say is shown where one fails."""
    command = [sys.executable, "-m", "tests.trainer.two_ranks", str(mix), str(folder), *free_ports(NUM_RUNS)]
    environment = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment | {"RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=TIMEOUT_SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)


def tensors_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    with TensorFiles(verified(checkpoint).shards) as files:
        return {name: files.read(name) for name in files.names}


def assert_equal_runs(first: Path, second: Path, last: str = "step-6") -> None:
    assert lines_of(first) == lines_of(second)
    ours, theirs = tensors_of(first / last), tensors_of(second / last)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_two_ranks_give_what_one_gives_and_any_layout_goes_on_from_any(mix: Path, tmp_path: Path) -> None:
    train(SPEC, mix, tmp_path / "one")
    shutil.copytree(tmp_path / "one" / "step-3", tmp_path / "from-one" / "step-3")
    shutil.copy(tmp_path / "one" / "metrics.jsonl", tmp_path / "from-one")
    write_tiny_evaluation(tmp_path / "evaluation")
    run_two_ranks(mix, tmp_path)
    assert len(verified(tmp_path / "whole" / "step-6").shards) == 2
    for name in ("whole", "resumed", "from-one", "replicas", "stopped"):
        assert_equal_runs(tmp_path / "one", tmp_path / name)
    train(EXPERTS_SPEC, mix, tmp_path / "experts-one")
    assert_equal_runs(tmp_path / "experts-one", tmp_path / "experts", "step-3")
    alone = evaluate(tmp_path / "evaluation" / "model", suite_in(tmp_path / "evaluation"), device="cpu").record()
    for rank in (0, 1):
        found = json.loads((tmp_path / f"evaluated-{rank}.json").read_text())
        assert found["texts"]["by_domain"].keys() == alone["texts"]["by_domain"].keys()
        for domain, figures in alone["texts"]["by_domain"].items():
            assert found["texts"]["by_domain"][domain] == pytest.approx(figures, rel=1e-5)
        assert found["tasks"][0]["cloze"] == alone["tasks"][0]["cloze"]
        assert found["tasks"][0]["bits_per_byte"] == pytest.approx(alone["tasks"][0]["bits_per_byte"], abs=1e-5)

    shutil.copytree(tmp_path / "whole" / "step-3", tmp_path / "to-one" / "step-3")
    shutil.copy(tmp_path / "whole" / "metrics.jsonl", tmp_path / "to-one")
    train(SPEC, mix, tmp_path / "to-one")
    assert_equal_runs(tmp_path / "one", tmp_path / "to-one")


def test_a_lone_process_is_a_group_of_one(ranks: Ranks) -> None:
    assert (ranks.rank, ranks.world_size, ranks.is_first) == (0, 1, True)
    assert ranks.any(True)
    assert not ranks.any(False)
    assert ranks.told(-1) == -1


def test_what_is_not_sharded_lies_whole_on_every_rank() -> None:
    matrix = torch.zeros(5, 2)
    assert local_part(matrix) is matrix
    assert local_rows(matrix) == (0, 5)
    assert local_rows(torch.tensor(3.0)) == (0, 1)
