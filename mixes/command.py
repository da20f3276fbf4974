"""How a command looks and ends: its parser, its last line and its exit status."""

import argparse
import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from typing import ParamSpec

from mixes.errors import GristmillError

Arguments = ParamSpec("Arguments")


class FailedError(GristmillError):
    """The request was right, and something went wrong on the way."""


def command_parser(module: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """Return a parser that prints the lines of its epilog as they are and takes no shortened flags."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


@contextlib.contextmanager
def working() -> Iterator[None]:
    """Take what goes wrong in a `with` block for a failure of the work: the request is right by then."""
    try:
        yield
    except GristmillError as error:
        raise FailedError(str(error)) from error


def command(main: Callable[Arguments, int]) -> Callable[Arguments, int]:
    """Let a command end with a line and an exit status in place of a traceback.

    The status is what `main` returns, 1 when work failed on its way, 2 when the request was wrong, and 130 after
    Ctrl-C. What reads its output, such as `head`, may stop when it has seen enough.
    """

    @functools.wraps(main)
    def status(*args: Arguments.args, **kwargs: Arguments.kwargs) -> int:
        try:
            found = main(*args, **kwargs)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter would try once more
            return 0
        except KeyboardInterrupt:
            line, found = "\nstopped by SIGINT", 130  # a terminal is in the midst of a line, which ends with ^C
        except FailedError as error:
            line, found = str(error), 1
        except GristmillError as error:
            line, found = str(error), 2
        else:
            return found
        sys.stderr.write(f"{line}\n")
        return found

    return status
