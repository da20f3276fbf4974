"""Virtual environments of other tools, and the worker processes that run in them."""

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A tool: `<tool>.txt` is what pip installs for it; `<tool>_<job>.py` runs it."""

    tool: str
    name: str
    has_all_requirements: bool  # the file names all that is needed: pip need not look for more
    parts: tuple[str, ...] = ()  # what `<tool>_worker.py` times, each on its own

    @property
    def requirements(self) -> Path:
        """Return the file of what pip installs."""
        return HERE / f"{self.tool}.txt"


DOLMA = Peer(
    tool="dolma",
    name="dolma 1.2.1",
    has_all_requirements=True,
    parts=("gopher_v2", "c4_v2", "pii_regex_with_counts_fast_v2"),
)
DATATROVE = Peer(
    tool="datatrove",
    name="datatrove 0.10.1",
    has_all_requirements=False,
    parts=("GopherQualityFilter", "GopherRepetitionFilter", "C4QualityFilter", "FineWebQualityFilter"),
)
TEXT_DEDUP = Peer(tool="text_dedup", name="text-dedup 0.4.0", has_all_requirements=True)
SKETCHES = Peer(tool="sketches", name="rensa 0.5.0 and datasketch 2.0.0", has_all_requirements=False)
READERS = Peer(tool="readers", name="OLMo-core, Megatron-LM, datatrove and datasets", has_all_requirements=False)
EMULATORS = Peer(tool="emulators", name="moto and gcp-storage-emulator", has_all_requirements=False)
LM_EVAL = Peer(tool="lm_eval", name="lm-eval 0.4.13", has_all_requirements=False)


def dedupe(peer: Peer, folder: Path, *arguments: str) -> dict[str, Any]:  # Any: JSON
    """Install a peer below a folder unless it is there, and return what its `<tool>_dedupe.py` prints last.

    Raises:
        subprocess.CalledProcessError: pip or the script failed.
    """
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
    command = command_of(peer, folder, "dedupe", *arguments)
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def command_of(peer: Peer, folder: Path, job: str, *arguments: str) -> list[str]:
    """Install a peer below a folder unless it is there, and return the command that runs its `<tool>_<job>.py`.

    Raises:
        subprocess.CalledProcessError: pip failed.
    """
    return [str(_install(peer, folder)), str(HERE / f"{peer.tool}_{job}.py"), *arguments]


class Worker:
    """A process in a peer's environment that has read the documents and waits to be told what to time."""

    def __init__(self, peer: Peer, folder: Path, documents: Path) -> None:
        """Install the peer below a folder unless it is there, and start its worker.

        Raises:
            subprocess.CalledProcessError: pip failed, or the worker ended before it was ready.
        """
        self.peer = peer
        command = command_of(peer, folder, "worker", str(documents))
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._answer() != "ready":
            raise subprocess.CalledProcessError(self._process.wait(), command)

    def cpu_seconds(self, part: str) -> float:
        """Return the CPU-seconds that one tagger or filter takes for all documents, without start and reading."""
        assert self._process.stdin is not None  # by Popen
        self._process.stdin.write(part + "\n")
        self._process.stdin.flush()
        return float(json.loads(self._answer()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None  # by Popen
        return self._process.stdout.readline().strip()


def _install(peer: Peer, folder: Path) -> Path:
    """Return the Python of a peer's environment, which is made on the first call."""
    home = folder / peer.tool
    python, done = home / "bin" / "python", home / "installed"
    wanted = peer.requirements.read_text("utf-8")
    if not done.exists() or done.read_text("utf-8") != wanted:
        print(f"installing {peer.name} in {home}")
        venv.create(home, clear=True, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps"] if peer.has_all_requirements else []
        subprocess.run([*command, "--requirement", str(peer.requirements)], check=True, capture_output=True)
        done.write_text(wanted, "utf-8")
    return python
