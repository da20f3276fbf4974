"""How a command of the trainer looks and ends: its parser, its log, its last line and its exit status."""

import argparse
import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import ParamSpec

from mixes.errors import GristmillError
from trainer.stopping import FailedError, StoppedError

Arguments = ParamSpec("Arguments")


def command_parser(name: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser that prints the lines of its epilog as they are and takes no shortened flags."""
    return argparse.ArgumentParser(
        prog=f"python trainer/{name}.py",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def is_first_process() -> bool:
    """Return True where this process speaks for all that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def command(main: Callable[Arguments, None]) -> Callable[Arguments, int]:
    """Let a command end with a line and an exit status in place of a traceback, wherever it is by then.

    The status is 0 when done, 1 when work failed on its way, 2 when the request was wrong or a library is not
    installed, 128 + signal when one stopped it. Commands import torch, which takes seconds, when --help was answered.
    """

    @functools.wraps(main)
    def status(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        logging.basicConfig(level=logging.INFO if is_first_process() else logging.WARNING, format="%(message)s")
        try:
            main(*args, **kwargs)
        except StoppedError as stopped:  # on all ranks at once
            line, found = f"{stopped}" if is_first_process() else "", 128 + stopped.signal
        except KeyboardInterrupt:
            line, found = "\nstopped by SIGINT", 130  # a terminal is in the midst of a line, which ends with ^C
        except BrokenPipeError:  # a reader such as `head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter would try once more
            line, found = "", 0
        except FailedError as error:
            line, found = f"{error}", 1
        except GristmillError as error:
            line, found = f"{error}", 2
        except ModuleNotFoundError as error:
            line, found = f"{error.name} is not installed; install it with: pip install 'gristmill[train]'", 2
        else:
            return 0
        sys.stderr.write(line and f"{line}\n")
        return found

    return status
