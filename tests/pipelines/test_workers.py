"""Tests of worker processes: their noise goes to a file, and this process keeps its standard error."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.workers import errors_to_file


def test_children_write_to_the_file_and_this_process_does_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "workers.log"
    with errors_to_file(log):
        subprocess.run([sys.executable, "-c", "import sys; print('child', file=sys.stderr)"], check=True)
    subprocess.run([sys.executable, "-c", "import sys; print('later', file=sys.stderr)"], check=True)
    assert log.read_text() == "child\n"
    assert capfd.readouterr().err == "later\n"
