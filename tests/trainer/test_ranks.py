"""Two ranks against one: the same losses and weights, to the bit, whoever began and whoever goes on."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.evaluation.tiny_model import suite_in, write_tiny_evaluation, write_tiny_mix
from tests.trainer.small_run import lines_of, train
from tests.trainer.two_ranks import EVALUATED_SPEC, EXPERTS_SPEC, NUM_RUNS, SPEC
from trainer.checkpoint import steps_on_disk, verified
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


def run_two_ranks(folder: Path, num_runs: int) -> tuple[list[int], str]:
    """Run `two_ranks.py` as two processes; return how they ended and what they said."""
    command = [sys.executable, "-m", "tests.trainer.two_ranks", str(folder), *free_ports(num_runs)]
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
    return [process.returncode for process in processes], "\n".join(said)


def tensors_of(checkpoint: Path) -> dict[str, torch.Tensor]:
    with TensorFiles(verified(checkpoint).shards) as files:
        return {name: files.read(name) for name in files.names}


def assert_equal_runs(first: Path, second: Path, last: str = "step-6") -> None:
    assert lines_of(first) == lines_of(second)
    ours, theirs = tensors_of(first / last), tensors_of(second / last)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_two_ranks_give_what_one_gives_and_any_layout_goes_on_from_any(
    make_mix: Callable[..., Path], tmp_path: Path
) -> None:
    mix, tiny = make_mix("mix"), write_tiny_mix(tmp_path / "tiny")
    train(SPEC, mix, tmp_path / "one")
    shutil.copytree(tmp_path / "one" / "step-3", tmp_path / "from-one" / "step-3")
    shutil.copy(tmp_path / "one" / "metrics.jsonl", tmp_path / "from-one")
    write_tiny_evaluation(tmp_path / "evaluation")
    shutil.copytree(tmp_path / "one" / "step-1", tmp_path / "damaged" / "step-1")
    with verified(tmp_path / "damaged" / "step-1").shards[0].open("ab") as shard:
        shard.write(b"more")

    statuses, said = run_two_ranks(tmp_path, 1)
    assert statuses[1] == -signal.SIGKILL
    assert statuses[0] == 1, said  # it does not wait for the one that is gone
    assert steps_on_disk(tmp_path / "killed") in ([1, 2], [1, 2, 3])
    shutil.copytree(tmp_path / "killed", tmp_path / "killed-to-one")
    train(SPEC, mix, tmp_path / "killed-to-one")
    assert_equal_runs(tmp_path / "one", tmp_path / "killed-to-one")

    statuses, said = run_two_ranks(tmp_path, NUM_RUNS)
    assert statuses == [0, 0], said
    assert len(verified(tmp_path / "whole" / "step-6").shards) == 2
    for name in ("killed", "whole", "from-one", "replicas", "stopped"):
        assert_equal_runs(tmp_path / "one", tmp_path / name)
    train(EXPERTS_SPEC, mix, tmp_path / "experts-one")
    assert_equal_runs(tmp_path / "experts-one", tmp_path / "experts", "step-3")
    train(EVALUATED_SPEC, tiny, tmp_path / "evaluated-one")
    for found, wanted in zip(lines_of(tmp_path / "evaluated"), lines_of(tmp_path / "evaluated-one"), strict=True):
        assert found == pytest.approx(wanted, rel=1e-5) if "loss" not in wanted else found == wanted
    by_one = evaluate(tmp_path / "evaluation" / "model", suite_in(tmp_path / "evaluation"), device="cpu").record()
    for rank in (0, 1):
        by_two = json.loads((tmp_path / f"evaluated-{rank}.json").read_text())
        assert by_two["texts"]["by_domain"].keys() == by_one["texts"]["by_domain"].keys()
        for domain, figures in by_one["texts"]["by_domain"].items():
            assert by_two["texts"]["by_domain"][domain] == pytest.approx(figures, rel=1e-5)
        assert by_two["tasks"][0]["cloze"] == by_one["tasks"][0]["cloze"]
        assert by_two["tasks"][0]["bits_per_byte"] == pytest.approx(by_one["tasks"][0]["bits_per_byte"], abs=1e-5)


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
