"""A device without numbers in place of a GPU: PyTorch's meta device has shapes, dtypes and memory, nothing to read.

Whatever would make the host wait for a GPU raises there: `.item()`, `.tolist()`, `bool(...)`, `nonzero()`, a mask as
an index, a copy to the CPU. And as it is no CPU, the code takes the path that it takes on a GPU.
"""

import contextlib
import weakref
from collections.abc import Callable, Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp._fully_shard._fsdp_param_group import FSDPParamGroup
from torch.nn import functional
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trainer.loader import Batch
from trainer.models import head
from trainer.models.presets import ModelShape
from trainer.ranks import Ranks, local_part
from trainer.spec import ModelSpec, OptimizerSpec, ScheduleSpec, TrainSpec
from trainer.updates import Trainer

DEVICE = torch.device("meta")
_MIN_HELD = 2**20  # bytes; what is smaller is too little to count
PRODUCTS = {"aten.mm", "aten.bmm", "aten.addmm", "aten._grouped_mm"}


def numberless_ranks(monkeypatch: pytest.MonkeyPatch, world_size: int = 1, num_replicas: int = 1) -> Ranks:
    """Return the first of some ranks whose others, and whose traffic, are imagined; the caller leaves the group."""
    handle = SimpleNamespace(
        Stream=_Stream,
        Event=_Stream,
        stream=lambda _: contextlib.nullcontext(),
        current_stream=_Stream,
        current_device=lambda: 0,
        device_count=lambda: 1,
    )
    monkeypatch.setattr(torch, "meta", handle, raising=False)  # where FSDP2 looks for streams and events
    monkeypatch.setattr(FSDPParamGroup, "_validate_no_meta_params", lambda _: None)
    monkeypatch.setitem(head._CHUNK_LOGITS, "meta", head._CHUNK_LOGITS["cuda"])
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=world_size)
    shape = (num_replicas, world_size // num_replicas)
    everybody = dist.group.WORLD
    assert everybody is not None
    mesh = init_device_mesh("meta", shape, mesh_dim_names=("replicate", "shard"))
    return Ranks(
        rank=0,
        world_size=world_size,
        device=DEVICE,
        mesh=mesh if num_replicas > 1 else mesh["shard"],
        control=everybody,
        signals=[],
    )


class _Stream:
    """A stream on which nothing runs, and an event that has always happened: nobody waits."""

    stream_id = device_index = device_type = 0  # PyTorch 2.15 asks for them

    def __init__(self, **_: object) -> None:
        pass

    def record(self, *_: object) -> "_Stream":
        return self

    def wait(self, *_: object) -> None:
        pass

    record_event = record
    wait_event = wait_stream = wait


def use_fused_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let attention be a kernel that keeps no matrix of T times T, as on a GPU; a meta device gets the plain one."""

    def fused(
        queries: Tensor, keys: Tensor, values: Tensor, *, attn_mask: None, is_causal: bool, enable_gqa: bool
    ) -> Tensor:
        assert attn_mask is None
        if enable_gqa:
            copies = queries.shape[1] // keys.shape[1]
            keys, values = keys.repeat_interleave(copies, dim=1), values.repeat_interleave(copies, dim=1)
        attended: Tensor = torch.ops.aten._scaled_dot_product_flash_attention(queries, keys, values, 0.0, is_causal)[0]
        return attended

    monkeypatch.setattr(functional, "scaled_dot_product_attention", fused)


def numberless_trainer(
    ranks: Ranks, shape: ModelShape, spec: TrainSpec, *, compiled: bool = False, recomputes: bool = False
) -> Trainer:
    """Return the trainer of a run, its tensors without numbers."""
    return Trainer(spec, shape, spec.learning_schedule(1e-3), ranks, compiled=compiled, recomputes=recomputes)


def spec_of(
    *, sequence_length: int, micro_batch: int, global_batch: int, precision: str = "bfloat16", masking: bool = False
) -> TrainSpec:
    """Return a recipe of which sizes and precision alone matter."""
    return TrainSpec(
        model=ModelSpec(preset="tiny"),
        sequence_length=sequence_length,
        global_batch=global_batch,
        micro_batch=micro_batch,
        steps=10,
        precision="bfloat16" if precision == "bfloat16" else "float32",
        optimizer=OptimizerSpec(learning_rate=1e-3),
        schedule=ScheduleSpec(warmup_steps=2),
        document_masking=masking,
    )


def batch_of(spec: TrainSpec, ranks: Ranks, *, document_length: int = 5) -> Batch:
    """Return a rank's batch as the loader gives it, on the CPU and with numbers; documents only where they matter."""
    shape = (spec.global_batch // ranks.world_size, spec.sequence_length)
    numbers = (torch.arange(spec.sequence_length) // document_length).expand(shape)
    return Batch(
        tokens=torch.zeros(shape, dtype=torch.int64),
        labels=torch.zeros(shape, dtype=torch.int64),
        documents=numbers if spec.document_masking else None,
        instances=np.arange(spec.global_batch),
        sources=np.zeros(spec.global_batch, dtype=np.int32),
    )


class Watched(TorchDispatchMode):
    """Watches every operation: the memory that its tensors hold, the dtypes of matrix products, and where tensors lie.

    Attributes:
        peak: the most bytes that were held at a time.
        product_dtypes: of the factors of all matrix products.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch gives it no types
        self._held: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        self.peak = 0
        self.product_dtypes: set[torch.dtype] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        given = [part for part in tree_leaves((args, kwargs)) if isinstance(part, Tensor)]
        name = str(func).rpartition(".")[0]
        if name not in {"aten._to_copy", "aten.copy_"}:
            # An operation on a GPU may take a number from the CPU, but no array of them without waiting for a copy.
            devices = {part.device.type for part in given if part.ndim}
            assert len(devices) <= 1, f"{func} takes tensors of {sorted(devices)}"
        if name in PRODUCTS:
            self.product_dtypes |= {part.dtype for part in given if part.is_floating_point()}
        made = func(*args, **kwargs)
        for part in tree_leaves(made):
            if isinstance(part, Tensor) and part.device == DEVICE:
                self.hold(local_part(part).untyped_storage())
        return made

    def hold(self, storage: torch.UntypedStorage) -> None:
        """Count memory for as long as it is there, at the size that it has: FSDP2 empties what it gathered."""
        if storage.nbytes() >= _MIN_HELD:
            self._held.add(storage)
            self.peak = max(self.peak, sum(held.nbytes() for held in self._held))
