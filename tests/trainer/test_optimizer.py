"""AdamW's groups, clipping, and the guard that keeps bad steps from the weights."""

import dataclasses
import math

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

from trainer.models.decoder import LanguageModel, initial_weights
from trainer.models.presets import PRESETS
from trainer.optimizer import WINDOW, SpikeGuard, apply_step, clip_gradients, make_optimizer
from trainer.ranks import Ranks
from trainer.spec import OptimizerSpec

CPU = torch.device("cpu")
SPEC = OptimizerSpec(learning_rate=1e-2)
GO, SKIP = torch.tensor(0.0), torch.tensor(1.0)


def small_model() -> LanguageModel:
    model = LanguageModel(dataclasses.replace(PRESETS["tiny"], vocab_size=128))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(initial_weights(name, parameter.shape, generator))
    return model


def give_gradients(model: nn.Module, value: float | None = None) -> None:
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        gradient = torch.randn(parameter.shape, generator=generator)
        parameter.grad = gradient if value is None else torch.full_like(gradient, value)


def test_the_input_embedding_alone_has_no_decay() -> None:
    model = small_model()
    decayed, free = make_optimizer(model, SPEC).param_groups
    assert free["weight_decay"] == 0.0
    assert free["params"] == [model.model.embed_tokens.weight]
    assert decayed["weight_decay"] == 0.1
    assert len(decayed["params"]) == len(list(model.parameters())) - 1


def test_the_input_embedding_may_decay_too() -> None:
    optimizer = make_optimizer(small_model(), dataclasses.replace(SPEC, decay_embedding=True))
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.1]


def test_a_step_is_that_of_plain_adamw() -> None:
    model, reference = small_model(), small_model()
    optimizer = make_optimizer(model, SPEC)
    embedding = reference.model.embed_tokens.weight
    others = [parameter for parameter in reference.parameters() if parameter is not embedding]
    plain = torch.optim.AdamW(
        [{"params": others, "weight_decay": 0.1}, {"params": [embedding], "weight_decay": 0.0}],
        lr=1e-2,
        betas=(0.9, 0.95),
        eps=1e-8,
        foreach=False,
    )
    for _ in range(3):
        give_gradients(model)
        give_gradients(reference)
        apply_step(optimizer, 1e-2, GO)
        plain.step()
    for parameter, expected in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(parameter, expected, atol=1e-6, rtol=1e-5)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_skipped_step_changes_nothing_even_where_gradients_are_nan() -> None:
    model = small_model()
    optimizer = make_optimizer(model, SPEC)
    give_gradients(model)
    apply_step(optimizer, 1e-2, GO)
    before = [tensor.clone() for tensor in tensors_of(model, optimizer)]
    give_gradients(model, float("nan"))
    apply_step(optimizer, 1e-2, SKIP)
    assert all(torch.equal(old, new) for old, new in zip(before, tensors_of(model, optimizer), strict=True))


def tensors_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    moments = [value for parameter in model.parameters() for value in optimizer.state[parameter].values()]
    return [*model.parameters(), *moments]


@pytest.mark.parametrize("max_norm", [1.0, 1e9])
def test_clipping_is_that_of_torch(ranks: Ranks, max_norm: float) -> None:
    model, reference = small_model(), small_model()
    give_gradients(model)
    give_gradients(reference)
    norm = clip_gradients(model.parameters(), max_norm, ranks)
    expected = nn.utils.clip_grad_norm_(reference.parameters(), max_norm)
    torch.testing.assert_close(norm, expected)
    assert norm.dtype == torch.float32
    for parameter, other in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, other.grad)


@pytest.mark.parametrize(("theirs", "expected"), [(1.0, 1.0), (math.nan, math.nan), (math.inf, math.inf)])
def test_what_one_replica_finds_wrong_is_the_norm_of_all(
    ranks: Ranks, monkeypatch: pytest.MonkeyPatch, theirs: float, expected: float
) -> None:
    model = small_model()
    give_gradients(model)
    alone = nn.utils.get_total_norm([parameter.grad for parameter in model.parameters() if parameter.grad is not None])

    def all_reduce(square: torch.Tensor, *, group: object = None) -> None:
        if group is None:  # all ranks, and not those of this replica alone
            square.mul_(1 + theirs)

    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    norm = clip_gradients(model.parameters(), 9.0, dataclasses.replace(ranks, world_size=2))
    torch.testing.assert_close(norm, alone * expected, equal_nan=True)


def check(guard: SpikeGuard, loss: float, norm: float = 1.0) -> bool:
    return bool(guard.check(torch.tensor(loss), torch.tensor(norm)))


def steady(guard: SpikeGuard, num_steps: int) -> None:
    """Feed losses and norms that go up and down by a hundredth."""
    for step in range(num_steps):
        assert not check(guard, 3.0 + 0.01 * (-1) ** step, 1.0 + 0.01 * (-1) ** step)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("sigma", [6.0, None])
def test_what_is_not_finite_is_always_skipped_and_never_remembered(bad: float, sigma: float | None) -> None:
    guard = SpikeGuard(sigma, CPU)
    assert check(guard, bad)
    assert check(guard, 3.0, bad)
    assert guard.count == 0
    steady(guard, 2 * WINDOW)
    assert check(guard, bad)
    assert guard.window.isfinite().all()
    steady(guard, 4)


def test_a_spike_of_loss_or_norm_is_skipped_once_the_window_is_half_full() -> None:
    guard = SpikeGuard(6.0, CPU)
    steady(guard, WINDOW // 2 - 1)
    assert not check(guard, 3.0)
    assert check(guard, 4.0)
    guard = SpikeGuard(6.0, CPU)
    steady(guard, WINDOW)
    assert check(guard, 3.0, 1.5)


def test_six_sigma_is_the_bound() -> None:
    for deviations, is_spike in ((5.9, False), (6.1, True)):
        guard = SpikeGuard(6.0, CPU)
        steady(guard, WINDOW)
        assert check(guard, 3.0 + deviations * 0.01) is is_spike


def test_a_fall_is_no_spike_and_without_sigma_nothing_finite_is() -> None:
    guard = SpikeGuard(6.0, CPU)
    steady(guard, WINDOW)
    assert not check(guard, 0.1, 0.0)
    lenient = SpikeGuard(None, CPU)
    steady(lenient, WINDOW)
    assert not check(lenient, 1e9, 1e9)


def test_a_new_level_is_accepted_in_time() -> None:
    guard = SpikeGuard(6.0, CPU)
    steady(guard, WINDOW)
    skipped = [check(guard, 5.0) for _ in range(WINDOW)]
    assert skipped[0]
    assert not skipped[-1]


def test_the_oldest_step_leaves_the_window_first() -> None:
    guard = SpikeGuard(None, CPU)
    for step in range(WINDOW + 3):
        check(guard, float(step))
    assert sorted(guard.window[0].tolist()) == [float(step) for step in range(3, WINDOW + 3)]
