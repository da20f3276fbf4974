"""The command line: from anywhere, alone and under torchrun, with exit codes that tell a request from a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mixes.manifest import load, mix_root
from tests.trainer.small_run import SPEC, losses_of
from trainer.run import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def test_torchrun_runs_the_script_from_any_folder_to_the_losses_of_one_process(
    mix: Path, spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(SPEC.replace("steps: 6", "steps: 2"))
    assert main(arguments(spec, mix, tmp_path / "one")) == 0
    said, one = capsys.readouterr().out, tmp_path / "one"
    assert said == f"checkpoint  {one}/step-2\nmetrics     {one}/metrics.jsonl\nreport      {one}/report.html\n"
    script = [str(ROOT / "trainer" / "run.py"), *arguments(spec, mix, Path("two"))]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    together = run([*launcher, *script], tmp_path)
    assert together.returncode == 0, together.stderr
    assert together.stderr.count("step 2/2  loss ") == 1
    assert losses_of(tmp_path / "two") == losses_of(one)


def test_the_module_prints_the_plan_without_training(mix: Path, spec: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer.run", str(spec), "--mix", str(mix), "--output", str(tmp_path / "run")]
    done = run([*command, "--dry-run"], ROOT)
    assert done.returncode == 0, done.stderr
    assert "6 steps of 8 instances, 1,536 tokens" in done.stdout
    assert not (tmp_path / "run").exists()


def arguments(spec: Path, mix: Path, output: Path) -> list[str]:
    return [str(spec), "--mix", str(mix), "--output", str(output), "--device", "cpu"]


def test_wrong_requests_end_with_2_and_say_what_is_wrong(
    mix: Path, spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(tmp_path / "none.yaml", mix, tmp_path / "run")) == 2
    assert "none.yaml" in capsys.readouterr().err
    assert main(arguments(spec, tmp_path / "none", tmp_path / "run")) == 2
    assert "give the folder of a built mix" in capsys.readouterr().err
    assert main([*arguments(spec, mix, tmp_path / "run"), "--replicas", "2"]) == 2
    assert "--replicas 2: found 1 ranks; wanted a divisor of their number" in capsys.readouterr().err
    spec.write_text(SPEC.replace("0.004", "0.004, momentum: 1"))
    assert main(arguments(spec, mix, tmp_path / "run")) == 2
    assert "unknown key 'momentum'" in capsys.readouterr().err


def test_a_missing_library_is_named_with_its_remedy(
    mix: Path, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert main(arguments(spec, mix, tmp_path / "run")) == 2
    assert capsys.readouterr().err == "tensorboard is not installed; install it with: pip install 'gristmill[train]'\n"


def test_a_run_that_fails_midway_ends_with_1(
    mix: Path, spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = mix_root(mix) / load(mix).sources[0].parts[0].file
    whole = part.stat().st_size
    monkeypatch.setattr("mixes.mix_files.require_size", lambda root, name, size: root / name)
    os.truncate(part, whole // 2)
    assert main(arguments(spec, mix, tmp_path / "run")) == 1
    assert "the file was cut while it was read" in capsys.readouterr().err


def test_every_flag_has_help_and_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    for flag in (
        "--mix",
        "--output",
        "--from",
        "--fresh",
        "--device",
        "--compile",
        "--recompute",
        "--replicas",
        "--wandb",
        "--dry-run",
    ):
        assert said.count(flag) >= 2
    assert "torchrun --nproc-per-node 8 trainer/run.py" in said
