"""A step on a device without numbers: it asks for none, multiplies in bfloat16 alone, and costs what is said of it."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch._dynamo.utils import counters
from torch.utils.flop_counter import FlopCounterMode

from tests.trainer.numberless import (
    DEVICE,
    Watched,
    batch_of,
    numberless_ranks,
    numberless_trainer,
    spec_of,
    use_fused_attention,
)
from trainer.arguments import RunOptions
from trainer.models.attention import rotary_tables
from trainer.models.decoder import LanguageModel
from trainer.models.presets import PRESETS, ModelShape, PresetName
from trainer.plan import kept_of_a_layer, memory_estimate
from trainer.ranks import local_part

PLAIN = dataclasses.replace(PRESETS["tiny"], vocab_size=256)
GROUPED = dataclasses.replace(PLAIN, num_kv_heads=2)
EXPERTS = dataclasses.replace(PLAIN, intermediate_size=64, num_experts=4, experts_per_token=2)


@pytest.fixture(autouse=True)
def left_group() -> Iterator[None]:
    """Leave the group that a test made."""
    yield
    if dist.is_initialized():
        dist.destroy_process_group()


@pytest.mark.parametrize(
    ("shape", "masking", "num_ranks", "num_replicas"),
    [
        (PLAIN, False, 1, 1),
        (PLAIN, False, 4, 1),
        (GROUPED, True, 1, 1),
        (EXPERTS, True, 1, 1),
        (EXPERTS, True, 4, 2),
    ],
)
def test_a_step_asks_the_device_for_nothing_and_multiplies_in_bfloat16(
    monkeypatch: pytest.MonkeyPatch, shape: ModelShape, masking: bool, num_ranks: int, num_replicas: int
) -> None:
    ranks = numberless_ranks(monkeypatch, num_ranks, num_replicas)
    spec = spec_of(sequence_length=16, micro_batch=2, global_batch=4 * ranks.world_size, masking=masking)
    trainer = numberless_trainer(ranks, shape, spec, recomputes=masking)
    use_fused_attention(monkeypatch)
    with Watched() as watched:
        for number in (1, 2):
            figures = trainer.step(number, batch_of(spec, ranks))
    assert watched.product_dtypes == {torch.bfloat16}
    assert figures.sums.shape == (5 if shape.num_experts else 3, spec.global_batch)
    assert {figures.sums.device, figures.grad_norm.device, figures.skipped.device} == {DEVICE}
    assert all(parameter.grad is None for parameter in trainer.model.parameters())


@pytest.mark.parametrize("ask", [torch.Tensor.item, torch.Tensor.tolist, bool, torch.Tensor.cpu])
def test_a_step_that_asked_would_fail(monkeypatch: pytest.MonkeyPatch, ask: Callable[[torch.Tensor], object]) -> None:
    ranks = numberless_ranks(monkeypatch)
    spec = spec_of(sequence_length=16, micro_batch=2, global_batch=2)
    trainer = numberless_trainer(ranks, PLAIN, spec)
    check = trainer.guard.check

    def asking(loss: torch.Tensor, norm: torch.Tensor) -> torch.Tensor:
        ask(norm)
        return check(loss, norm)

    monkeypatch.setattr(trainer.guard, "check", asking)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        trainer.step(1, batch_of(spec, ranks))


def test_all_blocks_and_all_documents_share_one_compiled_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda *args, **kwargs: compiled(*args, **kwargs, backend="aot_eager"))
    torch.compiler.reset()
    counters.clear()
    ranks = numberless_ranks(monkeypatch)
    spec = spec_of(sequence_length=16, micro_batch=2, global_batch=2, masking=True)
    shape = dataclasses.replace(PLAIN, num_layers=torch._dynamo.config.recompile_limit + 2)
    trainer = numberless_trainer(ranks, shape, spec, compiled=True)
    for number, length in enumerate((3, 16), 1):
        trainer.step(number, batch_of(spec, ranks, document_length=length))
    assert counters["stats"]["unique_graphs"] == 2  # the block and the loss
    assert not counters["graph_break"]
    assert not counters["recompile_limit"]


@pytest.mark.parametrize("shape", [PLAIN, GROUPED, EXPERTS], ids=["plain", "grouped", "experts"])
def test_a_step_has_the_floating_point_operations_that_mfu_is_reckoned_by(
    monkeypatch: pytest.MonkeyPatch, shape: ModelShape
) -> None:
    ranks = numberless_ranks(monkeypatch)
    spec = spec_of(sequence_length=64, micro_batch=2, global_batch=4)
    trainer = numberless_trainer(ranks, shape, spec)
    norms = sum(parameter.numel() for parameter in trainer.model.parameters() if parameter.ndim == 1)

    def of_experts(rows: torch.Size, matrices: torch.Size, *_: object, out_shape: object = None) -> int:
        return 2 * rows[0] * rows[1] * matrices[-1]

    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten._grouped_mm: of_experts}) as counted:
        trainer.step(1, batch_of(spec, ranks))
    # By convention a norm's weight counts as a matrix's does; the counter sees products alone.
    said = shape.flops_per_token(spec.sequence_length) - 6 * norms
    assert counted.get_total_flops() == said * spec.tokens_per_step


@pytest.mark.parametrize(("preset", "world_size"), [("1b", 1), ("olmoe_1b_7b", 8)])
def test_a_step_takes_the_memory_that_the_plan_says(
    monkeypatch: pytest.MonkeyPatch, preset: PresetName, world_size: int
) -> None:
    ranks = numberless_ranks(monkeypatch, world_size)
    use_fused_attention(monkeypatch)
    shape = dataclasses.replace(PRESETS[preset], num_layers=5)
    spec = spec_of(sequence_length=4096, micro_batch=8, global_batch=16 * world_size)
    with Watched() as watched:
        trainer = numberless_trainer(ranks, shape, spec)
        for parameter in trainer.model.parameters():
            watched.hold(local_part(parameter).untyped_storage())
        trainer.step(1, batch_of(spec, ranks))
    said = memory_estimate(spec, shape, RunOptions(mixes=(), output=Path("run")), world_size)
    assert said == pytest.approx(watched.peak, rel=0.07)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("preset", ["1b", "olmoe_1b_7b"])
def test_a_block_keeps_for_its_backward_pass_what_the_plan_says(
    monkeypatch: pytest.MonkeyPatch, preset: PresetName
) -> None:
    use_fused_attention(monkeypatch)
    torch.compiler.reset()
    shape, num_tokens = dataclasses.replace(PRESETS[preset], num_layers=1), 256
    with DEVICE:
        model = LanguageModel(shape).bfloat16().model
        hidden = torch.empty(1, num_tokens, shape.hidden_size, dtype=torch.bfloat16, requires_grad=True)
    cos, sin = rotary_tables(num_tokens, shape.head_dim, shape.rope_theta, DEVICE)
    no_states = {tensor.untyped_storage()._cdata for tensor in (*model.parameters(), cos, sin)}
    for compiled in (False, True):
        if compiled:
            # The cut between forward and backward is that of `inductor`; the kernels are not made.
            model.layers[0].compile(dynamic=False, backend="aot_eager_decomp_partition")
            model.layers[0](hidden, cos, sin, None)
        kept: list[torch.UntypedStorage] = []

        def keep(tensor: torch.Tensor, kept: list[torch.UntypedStorage] = kept) -> torch.Tensor:
            kept.append(tensor.untyped_storage())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model.layers[0](hidden, cos, sin, None)
        sizes = {storage._cdata: storage.nbytes() for storage in kept if storage._cdata not in no_states}
        said = kept_of_a_layer(shape, 2, compiled=compiled)
        assert said == pytest.approx(sum(sizes.values()) / num_tokens, rel=0.01)
