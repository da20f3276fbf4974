"""One worker at a time in one folder: a lock that goes with its process, however that ends."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from mixes.errors import MixError


@contextlib.contextmanager
def hold_folder(folder: Path, name: str, work: str) -> Iterator[None]:
    """Hold a folder, which is made if need be, by a lock on a file in it that also says who holds it.

    Args:
        folder: to be held; on a shared disk it is held for all machines.
        name: of the lock file, which stays there.
        work: what is done there, for the message: `build`, `run`.

    Raises:
        MixError: another process holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / name).open("a+", encoding="utf-8")
    except OSError as error:
        raise MixError(f"{folder}: cannot be written: {error.strerror}; wanted a folder for --output") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            holder = stream.read(200).strip() or "not named yet"
            raise MixError(
                f"{folder}: another {work} is at work here ({holder}); wait for it, or give this one another --output"
            ) from error
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        with contextlib.suppress(OSError):  # on a full disk nobody learns who holds it
            os.truncate(stream.fileno(), 0)
            os.write(stream.fileno(), f"process {os.getpid()} on {socket.gethostname()} since {now}\n".encode())
        yield
