"""Checkpoints: a folder `step-N` that is whole, verified and free of code, or does not exist.

    step-60/shard-00000-of-00002.safetensors    the rows of every tensor that lay on one rank
            checkpoint.json                     written last: counters, spec, mix, size and digest of each shard

A folder is written as `step-N.tmp`, forced to disk and renamed, so a kill at any moment leaves what was there before.
`checkpoint.json` is canonical JSON with a digest of itself; every byte of the folder is under a digest, and all are
checked before a tensor is read. Tensors are safetensors and counters JSON: there is no pickle that could run something.
"""

import dataclasses
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from mixes.errors import CheckpointError, MixError
from mixes.files import FileDigest, digest_file, is_inside, publish_file, sync_folder
from mixes.typed_yaml.canonical import canonical_json
from trainer.ranks import Ranks, local_part, local_rows
from trainer.tensor_files import TensorFiles, write_tensors

FORMAT = "gristmill-checkpoint/1"
FILE_NAME = "checkpoint.json"
WEIGHTS = "weights/"
"""What the names of weights begin with; all other tensors are of the optimizer and of the guard."""
_STEP = re.compile(r"step-(0|[1-9][0-9]*)")
_DIGEST_THREADS = 4
_KINDS: Mapping[str, tuple[type, ...]] = {
    "step": (int,),
    "tokens": (int,),
    "learning_rate": (int, float),
    "peak_learning_rate": (int, float),
    "spec": (dict,),
    "shape": (dict,),
    "mix": (dict,),
    "parent": (str,),
    "ingredients": (list,),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a checkpoint says beside its tensors; all of it is JSON.

    Attributes:
        step: updates done.
        tokens: tokens seen, masked ones included.
        learning_rate: rate of the last step.
        peak_learning_rate: peak of the run's schedule.
        spec: the training spec with its defaults written out.
        shape: the sizes of the model.
        mix: what names the mix: see `mix_record` in trainer/resume.py.
        parent: digest of the checkpoint the run began from, "" where there is none.
        ingredients: what a soup is the mean of, see `trainer/stages/souping.py`; a soup has weights and no optimizer.
    """

    step: int
    tokens: int
    learning_rate: float
    peak_learning_rate: float
    spec: Mapping[str, Any]  # Any: JSON of another module's making, here and below
    shape: Mapping[str, Any]
    mix: Mapping[str, Any]
    parent: str
    ingredients: Sequence[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint whose every byte was verified.

    Attributes:
        folder: where it lies.
        progress: what it says beside its tensors.
        digest: names its content, 64 hex digits.
        shards: its tensor files.
    """

    folder: Path
    progress: Progress
    digest: str
    shards: tuple[Path, ...]


def verified(folder: Path, *, content: bool = True) -> Checkpoint:
    """Return a checkpoint after every byte of it was checked.

    Args:
        folder: where it lies.
        content: check the tensor files too; without, only the record, when another rank checks the files.

    Raises:
        CheckpointError: a file is missing, damaged, foreign or not of this format; the message names it.
    """
    place = folder / FILE_NAME
    try:
        data = place.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{place}: cannot be read: {error.strerror}; wanted a checkpoint's folder") from error
    record = _record(data, place)
    digest = record.pop("digest")
    try:
        files = {name: FileDigest(**file) for name, file in record.pop("files").items()}
        progress = Progress(**record)
        wrong = [name for name, kinds in _KINDS.items() if not isinstance(getattr(progress, name), kinds)]
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(f"{place}: found other keys than {FORMAT} has: {error}") from error
    if wrong:
        raise CheckpointError(
            f"{place}: {wrong[0]}: found {getattr(progress, wrong[0])!r}, which is of another type than wanted"
        )
    with ThreadPoolExecutor(_DIGEST_THREADS) as threads:
        for problem in threads.map(lambda item: _damage(folder, *item), sorted(files.items()) if content else ()):
            if problem is not None:
                raise CheckpointError(problem)
    return Checkpoint(
        folder=folder, progress=progress, digest=digest, shards=tuple(folder / name for name in sorted(files))
    )


def newest_sound(output: Path) -> Checkpoint | None:
    """Return the newest checkpoint of a run that is sound, or None where the run has none at all.

    Damaged ones that are newer are named in the log and set aside as `step-N.damaged`.

    Raises:
        CheckpointError: every checkpoint is damaged.
    """
    damaged = []
    for step in sorted(steps_on_disk(output), reverse=True):
        folder = output / f"step-{step}"
        try:
            checkpoint = verified(folder)
        except CheckpointError as error:
            log.warning("checkpoint refused: %s", error)
            damaged.append(folder)
            continue
        for other in damaged:
            aside = other.with_name(f"{other.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            other.rename(aside)
            log.warning("set aside %s; going on from %s", aside.name, folder.name)
        return checkpoint
    if damaged:
        raise CheckpointError(f"{output}: found {len(damaged)} checkpoints, all damaged; start again with --fresh")
    return None


def steps_on_disk(output: Path) -> list[int]:
    """Return the steps that have a checkpoint, rising."""
    if not output.is_dir():
        return []
    found = (_STEP.fullmatch(entry.name) for entry in output.iterdir())
    return sorted(int(match[1]) for match in found if match is not None)


def fill_from(checkpoint: Checkpoint, state: Mapping[str, Tensor]) -> None:
    """Fill tensors with those of a checkpoint, each rank with the rows it holds, however many ranks wrote it.

    Raises:
        CheckpointError: a tensor is missing or has another shape or dtype.
    """
    with TensorFiles(checkpoint.shards) as files, torch.no_grad():
        for name, tensor in state.items():
            loaded = files.read(name, *local_rows(tensor))
            shape = files.shape(name)
            if shape != tensor.shape or loaded.dtype != tensor.dtype:
                raise CheckpointError(
                    f"{checkpoint.folder}: {name}: found {loaded.dtype} of shape {shape}, "
                    f"wanted {tensor.dtype} of shape {tuple(tensor.shape)}"
                )
            local_part(tensor).copy_(loaded)


class CheckpointWriter:
    """Writes the checkpoints of a run while training goes on; to be closed, which waits for the last one.

    Tensors are copied to the CPU at once and written by a thread. The threads of all ranks meet in a gloo group of
    their own: on the group of the training itself their words would mix with those of the gradients.

    Args:
        output: the run's folder.
        keep: newest checkpoints that stay.
        ranks: all processes; they must share the folder.
        milestone: checkpoints of steps divisible by it stay for ever and are not counted; None for none.
    """

    def __init__(self, output: Path, keep: int, ranks: Ranks, milestone: int | None = None) -> None:
        self._output = output
        self._keep = keep
        self._milestone = milestone
        self._ranks = dataclasses.replace(ranks, control=dist.new_group(backend="gloo"))
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
        self._running: Future[None] | None = None
        if ranks.is_first:
            output.mkdir(parents=True, exist_ok=True)
            for leftover in output.glob("step-*.tmp"):
                shutil.rmtree(leftover)
        dist.barrier(group=self._ranks.control)

    def save(self, state: Mapping[str, Tensor], progress: Progress) -> None:
        """Begin to write a checkpoint; every rank calls it, after the same step.

        Args:
            state: sharded tensors, and whole ones that are the same on every rank; of several replicas of a model the
                first is written, and the files of the others hold no tensor.
            progress: the same on every rank.

        Raises:
            CheckpointError: an earlier checkpoint could not be written.
        """
        self.wait()
        pieces, first_rows = {}, {}
        for name, tensor in state.items():
            first, stop = local_rows(tensor)
            is_mine = self._ranks.is_in_first_replica and (local_part(tensor) is not tensor or self._ranks.is_first)
            if is_mine and (stop > first or self._ranks.is_first):
                pieces[name] = local_part(tensor).detach().to("cpu", copy=True).contiguous()
                first_rows[name] = first
        self._running = self._thread.submit(self._write, pieces, first_rows, progress)

    def wait(self) -> None:
        """Return when all that was saved is on disk.

        Raises:
            CheckpointError: it could not be written, here or on another rank.
        """
        if self._running is not None:
            running, self._running = self._running, None
            running.result()

    def close(self) -> None:
        """Wait for the last checkpoint and end the thread."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()

    def _write(self, pieces: Mapping[str, Tensor], first_rows: Mapping[str, int], progress: Progress) -> None:
        """Write this rank's shard and, when all ranks have theirs, publish the folder."""
        folder = self._output / f"step-{progress.step}.tmp"
        written, problem = FileDigest(size=0, digest="00" * 32), None
        try:
            path = folder / shard_name(self._ranks.rank, self._ranks.world_size)
            written = publish_file(str(path), lambda handle: write_tensors(handle, pieces, first_rows))
        except MixError as error:
            problem = f"{error}; {_room(folder.parent, sum(piece.nbytes for piece in pieces.values()))}"
        files = self._gathered(written)
        if self._ranks.is_first and all(file.size for file in files.values()):
            try:
                self._publish(folder, files, progress)
            except (MixError, OSError) as error:
                problem = str(error)
        if self._ranks.any(problem is not None or not all(file.size for file in files.values())):
            if self._ranks.is_first:
                shutil.rmtree(folder, ignore_errors=True)  # what it takes is wanted for the next try
            raise CheckpointError(problem or f"{folder}: could not be written by another rank; see its message")

    def _gathered(self, written: FileDigest) -> dict[str, FileDigest]:
        """Return what every rank has written, by the name of its shard; size 0 where that failed."""
        sent = torch.tensor(list(written.size.to_bytes(8, "little") + bytes.fromhex(written.digest)), dtype=torch.uint8)
        received = [torch.empty_like(sent) for _ in range(self._ranks.world_size)]
        dist.all_gather(received, sent, group=self._ranks.control)
        words = [bytes(word.tolist()) for word in received]
        return {
            shard_name(rank, len(words)): FileDigest(size=int.from_bytes(word[:8], "little"), digest=word[8:].hex())
            for rank, word in enumerate(words)
        }

    def _publish(self, folder: Path, files: Mapping[str, FileDigest], progress: Progress) -> None:
        """Publish the folder, and remove checkpoints that are no longer kept."""
        publish(folder, self._output / f"step-{progress.step}", files, progress)
        steps = steps_on_disk(self._output)
        for step in [step for step in steps if self._milestone is None or step % self._milestone][: -self._keep]:
            doomed = self._output / f"step-{step}.tmp"  # a name that nobody takes for a checkpoint, should we be killed
            (self._output / f"step-{step}").rename(doomed)
            shutil.rmtree(doomed)


def _room(folder: Path, needed: int) -> str:
    """Return how many bytes one rank's file needs and how many are free."""
    try:
        free = f"{shutil.disk_usage(folder).free:,}"
    except OSError:
        free = "an unknown number"
    return f"this rank's file needs {needed:,} bytes, {free} are free"


def publish(temporary: Path, folder: Path, files: Mapping[str, FileDigest], progress: Progress) -> None:
    """Make a checkpoint of a folder whose tensor files are written: add the record, rename it.

    Args:
        temporary: the folder, beside its place.
        folder: its place, where nothing is.
        files: its tensor files.
        progress: what it says beside its tensors.

    Raises:
        MixError: the record cannot be written.
        OSError: the folder cannot be renamed.
    """
    record = dataclasses.asdict(progress) | {
        "format": FORMAT,
        "files": {name: dataclasses.asdict(file) for name, file in files.items()},
    }
    data = canonical_json(record | {"digest": hashlib.sha256(canonical_json(record)).hexdigest()})
    publish_file(str(temporary / FILE_NAME), lambda handle: handle.write(data))
    temporary.rename(folder)
    sync_folder(folder.parent)


def shard_name(rank: int, world_size: int) -> str:
    """Return the name of the file that holds the rows of one rank."""
    return f"shard-{rank:05}-of-{world_size:05}.safetensors"


def _record(data: bytes, place: Path) -> dict[str, Any]:  # Any: JSON, checked by the caller
    """Return the record of a checkpoint whose digest and form are right, its `format` left out."""
    try:
        record = json.loads(data)
        without = {key: value for key, value in record.items() if key != "digest"}
        is_sound = canonical_json(record) == data
        digest = hashlib.sha256(canonical_json(without)).hexdigest()
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{place}: cannot be read as JSON: {error}; the checkpoint is damaged") from error
    if not is_sound or record.get("digest") != digest:
        raise CheckpointError(
            f"{place}: found the digest {record.get('digest')!r}, its content gives {digest!r}; "
            "the checkpoint is damaged: use another"
        )
    found = record.pop("format", None)
    if found != FORMAT:
        raise CheckpointError(f"{place}: found the format {found!r}, wanted {FORMAT!r}; use the version that wrote it")
    return dict(record)


def _damage(folder: Path, name: str, wanted: FileDigest) -> str | None:
    """Return what is wrong with one file of a checkpoint, or None."""
    path = folder / name
    if not is_inside(name) or "/" in name:
        return f"{folder / FILE_NAME}: found the file name {name!r}, wanted a file of its folder"
    try:
        size = path.stat().st_size
        if size != wanted.size:
            return f"{path}: found {size:,} bytes, wanted {wanted.size:,}; the checkpoint is damaged: use another"
        digest = digest_file(path).digest
    except OSError as error:
        return f"{path}: cannot be read: {error.strerror}; the checkpoint is damaged: use another"
    if digest != wanted.digest:
        return f"{path}: found the digest {digest}, wanted {wanted.digest}; the checkpoint is damaged: use another"
    return None
