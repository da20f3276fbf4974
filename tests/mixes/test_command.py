"""How a command ends: its status, and what it says on standard error."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from mixes.command import command, command_parser, working
from mixes.errors import DataError, SpecError


def _raise(error: BaseException) -> int:
    raise error


def _fail_at_work() -> int:
    with working():
        raise DataError("web/0.jsonl: cut")


@pytest.mark.parametrize(
    ("main", "status", "told"),
    [
        (lambda: 0, 0, ""),
        (lambda: 1, 1, ""),
        (lambda: _raise(SpecError("a.yaml: no spec")), 2, "a.yaml: no spec\n"),
        (_fail_at_work, 1, "web/0.jsonl: cut\n"),
        (lambda: _raise(KeyboardInterrupt()), 130, "\nstopped by SIGINT\n"),
    ],
)
def test_a_command_ends_with_a_status_and_a_line(
    main: Callable[[], int], status: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(main)() == status
    assert capsys.readouterr().err == told


def test_what_is_our_own_mistake_keeps_its_traceback() -> None:
    with pytest.raises(AssertionError, match="ours"):
        command(lambda: _raise(AssertionError("ours")))()


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    code = "from mixes.command import command; raise SystemExit(command(lambda: print('x' * 10**6) or 0)())"
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_parser_takes_no_shortened_flag(capsys: pytest.CaptureFixture[str]) -> None:
    parser = command_parser("mixes.show", "Show.", "examples:\n  one\n  two")
    parser.add_argument("--whole", action="store_true")
    with pytest.raises(SystemExit):
        parser.parse_args(["--who"])
    assert "usage: python -m mixes.show" in capsys.readouterr().err
    assert "examples:\n  one\n  two" in parser.format_help()
