"""How a command of the trainer looks and ends: as all do, with a log, and by signals that it can go on after."""

import argparse
import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

from mixes import command as any_command
from mixes.errors import SpecError
from trainer.stopping import StoppedError

Arguments = ParamSpec("Arguments")


def command_parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser that prints the lines of its epilog as they are and takes no shortened flags."""
    parser = any_command.command_parser(f"trainer.{name}", description, epilog)
    parser.prog = f"python trainer/{name}.py"
    return parser


def is_first_process() -> bool:
    """Return True where this process speaks for all that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def command(main: Callable[Arguments, None]) -> Callable[Arguments, int]:
    """Let a command end with a line and an exit status in place of a traceback, wherever it is by then.

    The status is 0 when done, 1 when work failed on its way, 2 when the request was wrong or a library is not
    installed, 128 + signal when one stopped it. Commands import torch, which takes seconds, when --help was answered.
    """

    @any_command.command
    @functools.wraps(main)
    def status(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        logging.basicConfig(level=logging.INFO if is_first_process() else logging.WARNING, format="%(message)s")
        try:
            main(*args, **kwargs)
        except StoppedError as stopped:  # on all ranks at once
            if is_first_process():
                sys.stderr.write(f"{stopped}\n")
            return 128 + stopped.signal
        except ModuleNotFoundError as error:
            raise SpecError(
                f"{error.name} is not installed; install it with: pip install 'gristmill[train]'"
            ) from error
        return 0

    return status
