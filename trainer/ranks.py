"""This process among all that train, and the part of a tensor that lies on it.

A process that was started without torchrun makes a group of one, so there is no second path to test.
"""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.tensor import DTensor

from mixes.errors import GristmillError, SpecError
from trainer.arguments import require_replicas
from trainer.stopping import StoppedError, noted_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process among all.

    Attributes:
        rank: its number, in [0, world_size).
        world_size: number of processes.
        device: where it computes.
        mesh: all processes, in one line along which parameters are sharded, or in as many lines as there are replicas
            of the model (HSDP).
        control: a gloo group of all processes for small words on the CPU, apart from the traffic of gradients.
        signals: SIGTERM and SIGINT, as they came to this process.
    """

    rank: int
    world_size: int
    device: torch.device
    mesh: DeviceMesh
    control: dist.ProcessGroup
    signals: list[signal.Signals]

    @property
    def num_shards(self) -> int:
        """Return over how many processes a replica of the model is spread."""
        return self.mesh.size(self.mesh.ndim - 1)

    @property
    def is_in_first_replica(self) -> bool:
        """Return True where this process holds a part of the first replica; the others hold the same again."""
        return self.rank < self.num_shards

    @property
    def is_first(self) -> bool:
        """Return True on the one process that prints and writes what there is only one of."""
        return self.rank == 0

    def any(self, flag: bool) -> bool:  # noqa: FBT001 - like the builtin
        """Return whether the flag is set on any process; every process must ask."""
        word = torch.tensor(int(flag))
        dist.all_reduce(word, op=dist.ReduceOp.MAX, group=self.control)
        return bool(word)

    def stops(self) -> bool:
        """Return whether a signal came to any process; every process must ask."""
        return self.any(bool(self.signals))

    @property
    def stopped_by(self) -> signal.Signals:
        """Return the signal that `stops` tells of; SIGTERM where it came to others alone."""
        return self.signals[0] if self.signals else signal.SIGTERM

    def heed_signals(self) -> None:
        """Raise StoppedError on all processes where a signal came to any; every process must ask."""
        if self.stops():
            raise StoppedError(self.stopped_by)

    @contextmanager
    def refusing_together(self) -> Iterator[None]:
        """Let all processes refuse where one does, which then says why; in the block no process asks another.

        Raises:
            GristmillError: it was refused, here or on another process.
        """
        refusal = None
        try:
            yield
        except GristmillError as error:
            refusal = error
        if self.any(refusal is not None):
            raise refusal or SpecError("refused by another process, which says why")

    def free_memory(self) -> None:
        """Give back the memory of models that nobody uses any more; their parts hold each other."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def told(self, number: int) -> int:
        """Return the number that rank 0 gives; every process must ask."""
        word = torch.tensor(number)
        dist.broadcast(word, src=0, group=self.control)
        return int(word)


@contextmanager
def process_group(device_name: str, num_replicas: int = 1) -> Iterator[Ranks]:
    """Join the processes that torchrun started, or make a group of one; leave it at the end.

    Args:
        device_name: `cpu`, `cuda`, or `auto` for a GPU where there is one.
        num_replicas: of the model, each spread over an equal share of the processes; neighbours share a replica.

    Raises:
        SpecError: `cuda` is wanted and there is no such device, or the processes do not fall into the replicas.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    require_replicas(num_replicas, world_size)
    device = device_of(device_name)
    uses_cuda = device.type == "cuda"
    if uses_cuda:
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if uses_cuda else "gloo"
    if "RANK" in os.environ:
        dist.init_process_group(backend, device_id=device if uses_cuda else None)
    else:
        store = dist.HashStore()  # type: ignore[attr-defined] # documented, and not in torch's __all__
        dist.init_process_group(backend, store=store, rank=0, world_size=1)
    try:
        with noted_signals() as signals:
            yield Ranks(
                rank=dist.get_rank(),
                world_size=dist.get_world_size(),
                device=device,
                mesh=_mesh(device.type, num_replicas),
                control=dist.new_group(backend="gloo"),
                signals=signals,
            )
    finally:
        dist.destroy_process_group()


def device_of(name: str) -> torch.device:
    """Return the device of this process by `cpu`, `cuda`, or `auto` for a GPU where there is one.

    Raises:
        SpecError: `cuda` is wanted and there is no such device.
    """
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise SpecError("--device cuda: PyTorch finds no CUDA device; wanted one, or --device cpu")
    if name == "cpu" or not has_cuda:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def _mesh(device_type: str, num_replicas: int) -> DeviceMesh:
    """Return all processes in one line, or in one line a replica."""
    shape = (num_replicas, dist.get_world_size() // num_replicas)
    mesh = init_device_mesh(device_type, shape, mesh_dim_names=("replicate", "shard"))
    return mesh if num_replicas > 1 else mesh["shard"]


def local_part(tensor: Tensor) -> Tensor:
    """Return the part of a tensor that lies on this rank, sharing its memory; all of it where it is not sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def local_rows(tensor: Tensor) -> tuple[int, int]:
    """Return the rows [first, stop) of a tensor that lie on this rank; FSDP2 cuts the first axis as `torch.chunk`."""
    num_rows = tensor.shape[0] if tensor.ndim else 1
    if not isinstance(tensor, DTensor):
        return 0, num_rows
    mesh = tensor.device_mesh
    line = mesh.ndim - 1  # what other axes there are holds replicas
    rows_of_rank = -(-num_rows // mesh.size(line))
    first = min(num_rows, mesh.get_local_rank(line) * rows_of_rank)
    stop = min(num_rows, first + rows_of_rank)
    assert stop - first == tensor.to_local().shape[0], "FSDP2 cut a tensor in another way"
    return first, stop
