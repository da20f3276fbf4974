"""Tests of warm-up: no kernel is left to a first build."""

import subprocess
import sys
from pathlib import Path

from pipelines.warm_up import kernels, left_out

_ALONE = """
from pipelines.warm_up import kernels, left_out, pieces, run

found = [run(piece)[1] for piece in pieces().values()][-1]
print(left_out(kernels(), found))
"""


def test_every_kernel_is_compiled() -> None:
    done = subprocess.run(  # in a process where no test has compiled any
        [sys.executable, "-c", _ALONE], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_a_kernel_that_nothing_runs_is_named_and_what_others_call_is_not() -> None:
    known = kernels()
    run = set(known) - {"mixes.parts._gather", "filters.duplicates.candidates._distance"}
    assert left_out(known, run) == ["mixes.parts._gather"]
    assert "filters.kernels.kernel" not in known
