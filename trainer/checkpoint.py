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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from torch import Tensor

from mixes.errors import CheckpointError
from mixes.files import FileDigest, digest_file, is_inside, publish_file, sync_folder
from mixes.typed_yaml.canonical import canonical_json
from trainer.ranks import local_part, local_rows
from trainer.tensor_files import TensorFiles

FORMAT = "gristmill-checkpoint/1"
FILE_NAME = "checkpoint.json"
WEIGHTS = "weights/"
"""What the names of weights begin with; all other tensors are of the optimizer and of the guard."""
_STEP = re.compile(r"step-(0|[1-9][0-9]*)")
_DIGEST_THREADS = 4

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

    step: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
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
        steps = [run / f"step-{step}" for run in (folder.parent, folder) for step in steps_on_disk(run)]
        wanted = f"such as {steps[-1]}" if steps else "RUN/step-N"
        raise CheckpointError(f"{place}: cannot be read: {error.strerror}; wanted a checkpoint, {wanted}") from error
    try:
        record = json.loads(data)
        digest = record.pop("digest")
        is_sound = _sealed(record) == data
        found = record.pop("format")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{place}: cannot be read as a record: {error!r}; the checkpoint is damaged") from error
    if not is_sound:
        raise CheckpointError(f"{place}: its content has another digest than it says; the checkpoint is damaged")
    if found != FORMAT:
        raise CheckpointError(f"{place}: found the format {found!r}, wanted {FORMAT!r}; use the version that wrote it")
    try:
        files = msgspec.convert(record.pop("files"), Annotated[dict[str, FileDigest], msgspec.Meta(min_length=1)])
        Progress(**record)  # refuses unknown keys, over which the next line would pass
        progress = msgspec.convert(record, Progress)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise CheckpointError(f"{place}: found other keys or values than {FORMAT} has: {error}") from error
    with ThreadPoolExecutor(_DIGEST_THREADS) as threads:
        list(threads.map(lambda file: _require_sound(folder, *file), sorted(files.items()) if content else ()))
    return Checkpoint(
        folder=folder, progress=progress, digest=digest, shards=tuple(folder / name for name in sorted(files))
    )


def newest_sound(output: Path, *, content: bool = True) -> Checkpoint | None:
    """Return the newest checkpoint of a run that is sound, or None where the run has none at all.

    Damaged ones that are newer are named in the log and set aside as `step-N.damaged`.

    Args:
        output: folder of the run.
        content: check every byte; without, only the records, and set nothing aside.

    Raises:
        CheckpointError: every checkpoint is damaged.
    """
    damaged = []
    for step in sorted(steps_on_disk(output), reverse=True):
        folder = output / f"step-{step}"
        try:
            checkpoint = verified(folder, content=content)
            if checkpoint.progress.step != step:
                raise CheckpointError(f"{folder}: found one of step {checkpoint.progress.step:,}")  # noqa: TRY301
        except CheckpointError as error:
            log.warning("checkpoint refused: %s", error)
            damaged.append(folder)
            continue
        for other in damaged if content else ():
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
    publish_file(str(temporary / FILE_NAME), lambda handle: handle.write(_sealed(record)))
    temporary.rename(folder)
    sync_folder(folder.parent)


def shard_name(rank: int, world_size: int) -> str:
    """Return the name of the file that holds the rows of one rank."""
    return f"shard-{rank:05}-of-{world_size:05}.safetensors"


def _sealed(record: Mapping[str, Any]) -> bytes:  # Any: JSON
    """Return a record as it lies on disk: canonical JSON with a digest of itself."""
    return canonical_json({**record, "digest": hashlib.sha256(canonical_json(record)).hexdigest()})


def _require_sound(folder: Path, name: str, wanted: FileDigest) -> None:
    """Refuse a file of a checkpoint that is damaged, absent or in another folder."""
    path = folder / name
    if not is_inside(name) or "/" in name:
        raise CheckpointError(f"{folder / FILE_NAME}: found the file name {name!r}, wanted a file of its folder")
    try:
        found = digest_file(path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}; the checkpoint is damaged") from error
    if found != wanted:
        raise CheckpointError(
            f"{path}: found {found.size:,} bytes of digest {found.digest}, "
            f"wanted {wanted.size:,} of {wanted.digest}; the checkpoint is damaged"
        )
