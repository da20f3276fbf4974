"""How commands end: with a line and a status, whatever happens to them."""

import importlib
import signal
import subprocess
import sys

import pytest

from mixes.command import FailedError
from mixes.errors import CheckpointError
from trainer.command import command
from trainer.stopping import StoppedError

TALKS = """
from trainer.command import command
main = command(lambda: print("line\\n" * 100_000))
raise SystemExit(main())
"""
COMMANDS = ("anneal", "evaluate", "export", "generate", "microanneal", "report", "run", "soup")


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (CheckpointError("step-3: is damaged"), 2, "step-3: is damaged\n"),
        (
            ModuleNotFoundError(name="torch"),
            2,
            "torch is not installed; install it with: pip install 'gristmill[train]'\n",
        ),
        (KeyboardInterrupt(), 130, "\nstopped by SIGINT\n"),
        (FailedError("step-4: no room"), 1, "step-4: no room\n"),
        (StoppedError(signal.SIGTERM, "step 3"), 143, "stopped by SIGTERM; the same command goes on from step 3\n"),
    ],
)
def test_an_error_gives_a_line_and_a_status(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, line: str
) -> None:
    @command
    def main(argv: list[str]) -> None:
        if argv:
            raise error

    assert main(["x"]) == status
    assert capsys.readouterr() == ("", line)
    assert main([]) == 0


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen([sys.executable, "-c", TALKS], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_our_own_mistakes_keep_their_trace() -> None:
    @command
    def main() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        main()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_ends_so(name: str) -> None:
    main = importlib.import_module(f"trainer.{name}").main
    assert main.__code__ is command(main).__code__
