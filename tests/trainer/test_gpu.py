"""What only a GPU can show: bfloat16 steps, compilation, attention kernels, that the loss falls, waits and memory."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from tests.trainer.numberless import batch_of, spec_of
from tests.trainer.small_run import losses_of, spec_with
from trainer.arguments import RunOptions
from trainer.loop import open_run
from trainer.models.attention import attend
from trainer.models.documents import documents_of
from trainer.models.presets import PRESETS
from trainer.models.swiglu import grouped_product
from trainer.plan import memory_estimate
from trainer.ranks import process_group
from trainer.sharding import fill_with_initial_weights
from trainer.updates import Trainer
from trainer.watching.devices import peak_flops, peak_memory

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
BFLOAT16 = ("precision: float32", "precision: bfloat16")
LONG = (("sequence_length: 32", "sequence_length: 128"), ("steps: 6", "steps: 60"), ("interval: 1", "interval: 60"))


def train(mix: Path, output: Path, *changes: tuple[str, str], compiled: bool = False) -> list[float]:
    options = RunOptions(mixes=(mix,), output=output, device="cuda", compiled=compiled)
    with open_run(spec_with(*changes), options) as run:
        run.finish()
    return losses_of(output)


def assert_near(narrow: torch.Tensor | None, exact: torch.Tensor | None) -> None:
    """Hold what was computed in bfloat16 to the same in float32: their distance is that of rounding a few times."""
    assert narrow is not None
    assert exact is not None
    assert (narrow.float() - exact).norm() <= 1e-2 * exact.norm()


def test_the_loss_falls_in_bfloat16(mix: Path, tmp_path: Path) -> None:
    losses = train(mix, tmp_path / "run", BFLOAT16, *LONG)
    assert sum(losses[-5:]) < 0.75 * sum(losses[:5])
    assert peak_memory(torch.device("cuda")) > 0


def test_a_gpu_in_float32_agrees_with_the_cpu(mix: Path, tmp_path: Path) -> None:
    with open_run(spec_with(), RunOptions(mixes=(mix,), output=tmp_path / "cpu", device="cpu")) as run:
        run.finish()
    assert train(mix, tmp_path / "gpu") == pytest.approx(losses_of(tmp_path / "cpu"), rel=1e-4)


def test_compiled_blocks_give_the_losses_of_eager_ones(mix: Path, tmp_path: Path) -> None:
    eager = train(mix, tmp_path / "eager", BFLOAT16)
    compiled = train(mix, tmp_path / "compiled", BFLOAT16, compiled=True)
    assert compiled == pytest.approx(eager, rel=2e-2)


def test_a_resumed_run_on_a_gpu_goes_on_from_the_same_weights(mix: Path, tmp_path: Path) -> None:
    whole = train(mix, tmp_path / "run")
    for step in (5, 6):
        folder = tmp_path / "run" / f"step-{step}"
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    assert train(mix, tmp_path / "run") == pytest.approx(whole, rel=1e-5)


def test_a_device_of_a_known_name_has_a_peak() -> None:
    name = torch.cuda.get_device_name()
    if any(part in name for part in ("A100", "H100", "H200", "B200")):
        assert peak_flops(torch.device("cuda")) is not None


def test_attention_of_variable_lengths_is_that_of_the_mask() -> None:
    device, generator = torch.device("cuda"), torch.Generator("cuda").manual_seed(0)
    numbers = torch.tensor([[0] * 100 + [1] + [2] * 155, [0] * 256])
    made = []
    for dtype in (torch.float32, torch.bfloat16):
        generator.manual_seed(0)
        heads = [
            torch.randn(2, count, 256, 64, device=device, generator=generator).bfloat16().to(dtype).requires_grad_()
            for count in (4, 2, 2)
        ]
        attended = attend(heads[0], heads[1], heads[2], documents_of(numbers, device, dtype))
        attended.float().square().sum().backward()
        made.append([attended, *(part.grad for part in heads)])
    for exact, narrow in zip(*made, strict=True):
        assert_near(narrow, exact)


def test_experts_in_one_kernel_are_those_of_the_loop() -> None:
    generator = torch.Generator("cuda").manual_seed(0)
    rows = torch.randn(96, 64, device="cuda", generator=generator).bfloat16()
    matrices = torch.randn(4, 128, 64, device="cuda", generator=generator).bfloat16()
    ends = torch.tensor([40, 40, 64, 96], dtype=torch.int32, device="cuda")
    exact = grouped_product(rows.float(), matrices.float(), ends)
    assert_near(grouped_product(rows, matrices, ends), exact)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_experts_and_document_masking_learn(mix: Path, tmp_path: Path, compiled: bool) -> None:
    experts = ("preset: tiny", "preset: tiny, num_experts: 4, experts_per_token: 2, intermediate_size: 64")
    masking = ("micro_batch: 4", "micro_batch: 4\ndocument_masking: true")
    losses = train(mix, tmp_path / "run", BFLOAT16, experts, masking, *LONG, compiled=compiled)
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_the_host_never_waits_for_a_step(compiled: bool) -> None:
    shape = dataclasses.replace(
        PRESETS["tiny"], vocab_size=512, intermediate_size=64, num_experts=4, experts_per_token=2
    )
    spec = spec_of(sequence_length=2048, micro_batch=2, global_batch=4, masking=True)
    torch.compiler.reset()
    with process_group("cuda") as ranks:
        trainer = Trainer(spec, shape, spec.learning_schedule(1e-3), ranks, compiled=compiled)
        fill_with_initial_weights(trainer.model, spec.seed)
        for number in (1, 2):  # kernels are compiled and chosen
            trainer.step(number, batch_of(spec, ranks, document_length=50))
        torch.cuda.set_sync_debug_mode("error")
        try:
            figures = trainer.step(3, batch_of(spec, ranks, document_length=60))
        finally:
            torch.cuda.set_sync_debug_mode("default")
        assert figures.sums.isfinite().all()


@pytest.mark.skipif(torch.cuda.is_available() and torch.cuda.get_device_capability() < (9, 0), reason="needs Hopper")
@pytest.mark.parametrize("width", [64, 128])
def test_the_fastest_kernel_of_attention_takes_heads_of_both_widths(width: int) -> None:
    generator = torch.Generator("cuda").manual_seed(0)
    made = []
    for dtype, kernel in ((torch.float32, SDPBackend.MATH), (torch.bfloat16, SDPBackend.CUDNN_ATTENTION)):
        generator.manual_seed(0)
        rows = [torch.randn(2, 512, 4, width, device="cuda", generator=generator).bfloat16() for _ in range(3)]
        heads = [part.to(dtype).transpose(1, 2).requires_grad_() for part in rows]
        with sdpa_kernel([kernel]):
            attended = attend(heads[0], heads[1], heads[2], None)
            attended.float().square().sum().backward()
        made.append([attended, *(part.grad for part in heads)])
    for exact, narrow in zip(*made, strict=True):
        assert_near(narrow, exact)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_step_takes_the_memory_that_the_plan_says(compiled: bool) -> None:
    shape = PRESETS["190m"]
    spec = spec_of(sequence_length=4096, micro_batch=4, global_batch=8)
    torch.compiler.reset()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    with process_group("cuda") as ranks:
        trainer = Trainer(spec, shape, spec.learning_schedule(1e-3), ranks, compiled=compiled)
        fill_with_initial_weights(trainer.model, spec.seed)
        trainer.step(1, batch_of(spec, ranks))
        found = peak_memory(ranks.device) - before
    options = RunOptions(mixes=(), output=Path("run"), compiled=compiled)
    assert memory_estimate(spec, shape, options, 1) == pytest.approx(found, rel=0.15)
