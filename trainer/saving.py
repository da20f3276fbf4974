"""Writes the checkpoints of a run beside its steps."""

import dataclasses
import shutil
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor

from mixes.errors import CheckpointError, MixError
from mixes.files import FileDigest, publish_file
from trainer.checkpoint import Progress, publish, shard_name, steps_on_disk
from trainer.ranks import Ranks, local_part, local_rows
from trainer.tensor_files import write_tensors


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
                shutil.rmtree(leftover, ignore_errors=True)  # a link is left as it is
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
            part = local_part(tensor).detach()
            has_rows = isinstance(tensor, DTensor) and stop > first and self._ranks.is_in_first_replica
            if has_rows or self._ranks.is_first:
                pieces[name], first_rows[name] = part.to("cpu", copy=True).contiguous(), first
        self._running = self._thread.submit(self._write, pieces, first_rows, progress)

    def wait(self) -> None:
        """Return when all that was saved is on disk.

        Raises:
            CheckpointError: it could not be written, here or on another rank.
        """
        running, self._running = self._running, None
        if running is not None:
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
        if self._ranks.any(problem is not None):
            if self._ranks.is_first:
                shutil.rmtree(folder, ignore_errors=True)  # what it takes is wanted for the next try
            raise CheckpointError(problem or f"{folder}: could not be written by another rank; see its message")

    def _gathered(self, written: FileDigest) -> dict[str, FileDigest]:
        """Return what every rank has written, by the name of its shard; size 0 where that failed."""
        sent = torch.tensor([*written.size.to_bytes(8, "little"), *bytes.fromhex(written.digest)], dtype=torch.uint8)
        received = [torch.empty_like(sent) for _ in range(self._ranks.world_size)]
        dist.all_gather(received, sent, group=self._ranks.control)
        return {
            shard_name(rank, len(received)): FileDigest(size=int.from_bytes(word[:8], "little"), digest=word[8:].hex())
            for rank, word in enumerate(bytes(word.tolist()) for word in received)
        }

    def _publish(self, folder: Path, files: Mapping[str, FileDigest], progress: Progress) -> None:
        """Publish the folder, and remove checkpoints that are no longer kept."""
        publish(folder, self._output / f"step-{progress.step}", files, progress)
        steps = steps_on_disk(self._output)
        for step in [step for step in steps if self._milestone is None or step % self._milestone][: -self._keep]:
            doomed = self._output / f"step-{step}.tmp"  # a name that nobody takes for a checkpoint, should we be killed
            (self._output / f"step-{step}").rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)


def _room(folder: Path, needed: int) -> str:
    """Return how many bytes one rank's file needs and how many are free."""
    try:
        free = f"{shutil.disk_usage(folder).free:,}"
    except OSError:
        free = "an unknown number"
    return f"this rank's file needs {needed:,} bytes, {free} are free"
