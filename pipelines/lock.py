"""One build at a time in one local output folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from mixes.errors import MixError

_NAME = ".build.lock"
_LEFTOVERS = ("measures/*/.*.tmp", "verdicts/*/.*.tmp", "tokens/*/.*.tmp", "mixes/.*.tmp")


@contextlib.contextmanager
def hold_output(output: Path) -> Iterator[None]:
    """Hold the output folder while a build runs, and clear what a killed build left half written.

    The lock goes with the process, however it ends.

    Raises:
        MixError: Another build holds it.
    """
    output.mkdir(parents=True, exist_ok=True)
    with (output / _NAME).open("a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MixError(
                f"{output}: another build is at work here; wait for it, or give this one another --output"
            ) from error
        for pattern in _LEFTOVERS:
            for path in output.glob(pattern):
                path.unlink(missing_ok=True)
        yield
