"""A mix from store to store: is what is built and trained in S3 and Google Cloud Storage what it is on this machine?

    make acceptance                                    after the exports
    python -m tests.acceptance.stores                  this alone; everything below build/acceptance, some minutes

The stores are emulators on this machine, moto for S3 and gcp-storage-emulator, in an environment of their own: they
answer as their authors know the real ones to, and have no permissions and no distance. The smoke mix is built here,
then with shards and output in a bucket: by a process that is killed as soon as there is a part, and to the end by two
workers. A few steps are trained on each. Digests of the mixes and losses must be equal; ends with status 1 where they
are not.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.common.record import ROOT
from benchmarks.peers.environments import EMULATORS, command_of
from mixes.manifest import digest_of
from mixes.opening import mix_place, open_mix
from pipelines.storage import list_sizes, publish_bytes

BUCKET = "bucket"
SPEC = ROOT / "mixes" / "smoke.yaml"
VARIABLES = {"s3": "AWS_ENDPOINT_URL", "gs": "STORAGE_EMULATOR_HOST"}
PRETENDED = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything", "AWS_DEFAULT_REGION": "us-east-1"}
NUM_STEPS = 6
TRAINING = f"""\
model: {{preset: tiny}}
sequence_length: 128
global_batch: 2
micro_batch: 2
steps: {NUM_STEPS}
precision: float32
optimizer: {{learning_rate: 0.006}}
schedule: {{shape: constant}}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when both stores give what this machine gives, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "acceptance", help="where emulators are kept")
    options = parser.parse_args(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stores-", dir=options.folder) as folder, _stores(options.folder) as stores:
        os.environ |= {**PRETENDED, **stores, "GRISTMILL_CACHE": f"{folder}/cache"}
        _run(_build(str(ROOT / "data"), f"{folder}/local"))
        wanted = _found(f"{folder}/local", Path(folder, "run-local"))
        print("\n| store | killed | parts then | digest | losses |\n| --- | --- | --- | --- | --- |")
        is_equal = True
        for scheme in VARIABLES:
            output = f"{scheme}://{BUCKET}/output"
            _copy_data(f"{scheme}://{BUCKET}/data")
            num_parts = _kill_midway(_build(f"{scheme}://{BUCKET}/data", output), output)
            _run([*_build(f"{scheme}://{BUCKET}/data", output), "--workers", "2"])
            digest, losses = _found(output, Path(folder, f"run-{scheme}"))
            said = [
                "equal" if found == want else "DIFFERENT" for found, want in zip((digest, losses), wanted, strict=True)
            ]
            print(f"| {scheme} | yes | {num_parts} | {' | '.join(said)} |", flush=True)
            is_equal = is_equal and (digest, losses) == wanted
    return 0 if is_equal else 1


@contextlib.contextmanager
def _stores(folder: Path) -> Iterator[Mapping[str, str]]:
    """Start the emulators; give the variables by which clients find them."""
    command = command_of(EMULATORS, folder, "stores")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # by Popen
        addresses = json.loads(process.stdout.readline())
        try:
            yield {variable: addresses[scheme] for scheme, variable in VARIABLES.items()}
        finally:
            process.communicate()


def _copy_data(target: str) -> None:
    for path in (ROOT / "data").rglob("*"):
        if path.is_file():
            publish_bytes(f"{target}/{path.relative_to(ROOT / 'data')}", path.read_bytes())


def _build(data: str, output: str) -> list[str]:
    return [sys.executable, "-m", "pipelines.build_mix", str(SPEC), "--data", data, "--output", output]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")


def _kill_midway(command: Sequence[str], output: str) -> int:
    """Start a build, kill it when it has made some parts, and return how many those are."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said) as process,
    ):
        while process.poll() is None and not _num_parts(output):
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}: ended with status {process.returncode} unkilled\n{said.read()}")
    return _num_parts(output)


def _num_parts(output: str) -> int:
    return sum(name.endswith(".npy") for name in list_sizes(f"{output}/tokens/*"))


def _found(output: str, run: Path) -> tuple[str, list[float]]:
    """Return the digest of a built mix, and the losses of a few steps on it."""
    place = f"{output}/mixes/{SPEC.stem}"
    spec = run.with_suffix(".yaml")
    spec.write_text(TRAINING)
    trainer = str(ROOT / "trainer" / "run.py")
    _run([sys.executable, trainer, str(spec), "--mix", place, "--output", str(run), "--device", "cpu"])
    lines = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert len(losses) == NUM_STEPS
    return digest_of(open_mix(mix_place(place)).manifest), losses


if __name__ == "__main__":
    sys.exit(main())
