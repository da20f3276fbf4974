"""Tests of worker processes: they share the work, keep their noise to themselves, and are missed when they die."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mixes.spec.mix import MixSpec
from mixes.typed_yaml.binding import bind_file
from pipelines.workers import start_method
from tests.pipelines.conftest import Corpus

_ROOT = Path(__file__).parents[2]
_SCRIPT = """
import os, signal, sys, time
import apache_beam as beam
from mixes.errors import MixError
from pipelines.options import parse_options
from pipelines.workers import WorkerProcesses

def who(number, folder, loaded=[]):
    loaded.append(number)
    print("noise", file=sys.stderr)
    open(os.path.join(folder, str(os.getpid())), "w").close()
    while len(os.listdir(folder)) < 2:  # until the other one is at work too
        time.sleep(0.01)

def die(number):
    print("farewell", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    flags = parse_options(["mix.yaml", "--workers", "2"]).beam
    runners = [WorkerProcesses(2, flags, "fork") for _ in range(2)]
    for function, runner in ((lambda number: who(number, sys.argv[1]), runners[0]), (die, runners[1])):
        try:
            with beam.Pipeline(runner, options=flags) as pipeline:
                pipeline | beam.Create(range(20)) | beam.Reshuffle() | beam.Map(function)
            print("built")
        except MixError as error:
            print(error)
    print(os.getpid())
"""


def test_two_processes_work_at_the_same_time_and_one_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(_SCRIPT)
    folder = tmp_path / "workers"
    folder.mkdir()
    command = [sys.executable, str(tmp_path / "script.py"), str(folder)]
    done = subprocess.run(
        command, cwd=_ROOT, env={"PYTHONPATH": str(_ROOT)}, capture_output=True, text=True, timeout=60, check=True
    )
    built, died, main = done.stdout.splitlines()
    assert built == "built"
    workers = {path.name for path in folder.iterdir()}
    assert len(workers) == 2
    assert main not in workers
    assert "was killed by SIGKILL, as happens where memory runs out, its last words: farewell" in died
    assert died.endswith("; the same command goes on where this one was")
    assert "noise" not in done.stderr


def _spec(corpus: Corpus) -> MixSpec:
    return bind_file(MixSpec, corpus.write_spec()).value


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not fork")
def test_workers_are_forked_from_a_process_without_threads_or_code_of_others(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert start_method(_spec(corpus)) == "fork"
    corpus.spec["measures"] = [{"python": "{data}/loud.py"}]
    assert start_method(_spec(corpus)) == "spawn"
    corpus.spec["measures"] = [{"name": "good", "model": "{data}/classifier"}]
    assert start_method(_spec(corpus)) == "spawn"
    corpus.spec["measures"] = []
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert start_method(_spec(corpus)) == "spawn"
