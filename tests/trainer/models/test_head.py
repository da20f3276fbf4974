"""The chunked loss against the plain one, and against the memory it must not take."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from trainer.models import head
from trainer.models.head import IGNORED, LossHead

B, T, C, V = 3, 17, 32, 512


def plain_loss(logits: Tensor, labels: Tensor, z_loss: float) -> Tensor:
    """The definition: summed cross-entropy, plus z_loss times the squared logsumexp of each label's row."""
    nll = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum")
    return nll + z_loss * (logits.logsumexp(-1).square() * (labels != IGNORED)).sum()


def inputs(seed: int = 0) -> tuple[LossHead, Tensor, Tensor]:
    torch.manual_seed(seed)
    module = LossHead(C, V)
    torch.nn.init.normal_(module.weight, std=0.3)
    labels = torch.randint(0, V, (B, T))
    labels[:, -1] = IGNORED
    labels[1] = IGNORED
    return module, torch.randn(B, T, C, requires_grad=True), labels


@pytest.mark.parametrize("chunk_rows", [1, 8, 32, 1024])
@pytest.mark.parametrize("z_loss", [0.0, 1e-2])
def test_losses_and_gradients_are_those_of_plain_cross_entropy(
    monkeypatch: pytest.MonkeyPatch, chunk_rows: int, z_loss: float
) -> None:
    monkeypatch.setitem(head._CHUNK_LOGITS, "cpu", chunk_rows * V)
    module, hidden, labels = inputs()
    losses = module(hidden, labels, z_loss)
    (losses.total * 0.3).backward()

    exact_hidden = hidden.detach().double().requires_grad_()
    exact_weight = module.weight.detach().double().requires_grad_()
    expected = plain_loss(exact_hidden @ exact_weight.T, labels, z_loss)
    (expected * 0.3).backward()
    assert losses.total.item() == pytest.approx(expected.item(), rel=1e-6)
    assert hidden.grad is not None
    assert module.weight.grad is not None
    torch.testing.assert_close(hidden.grad.double(), exact_hidden.grad, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(module.weight.grad.double(), exact_weight.grad, atol=1e-6, rtol=1e-5)


def test_instances_give_their_own_sums_and_ignored_ones_zero() -> None:
    module, hidden, labels = inputs()
    losses = module(hidden, labels, 1e-2)
    assert losses.nll[1] == 0
    assert losses.z[1] == 0
    torch.testing.assert_close(losses.nll.sum() + losses.z.sum(), losses.total.detach())
    alone = module(hidden[2:], labels[2:], 1e-2)
    torch.testing.assert_close(alone.nll[0], losses.nll[2])


def test_a_batch_without_labels_gives_zero_loss_and_zero_gradient() -> None:
    module, hidden, labels = inputs()
    losses = module(hidden, torch.full_like(labels, IGNORED), 1e-2)
    losses.total.backward()
    assert losses.total == 0
    assert hidden.grad is not None
    assert not hidden.grad.any()


def test_labels_far_from_the_largest_logit_keep_finite_losses() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]])
    nll, z, gradient = head.loss_and_gradient(logits, torch.tensor([1]), 1e-5)
    assert nll.item() == 2e4
    assert z.item() == pytest.approx(1e-5 * 1e8)
    assert gradient.isfinite().all()


def test_the_gradient_in_bfloat16_is_rounded_once() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(7, V), torch.randint(0, V, (7,))
    narrow = logits.bfloat16()
    _, _, exact = head.loss_and_gradient(narrow.float(), labels, 1e-4)
    _, _, rounded = head.loss_and_gradient(narrow, labels, 1e-4)
    assert rounded.dtype == torch.bfloat16
    assert torch.equal(rounded, exact.bfloat16())


def test_no_more_logits_than_one_chunk_are_ever_formed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(head._CHUNK_LOGITS, "cpu", 4 * V)
    rows = []
    module, hidden, labels = inputs()

    def watched(logits: Tensor, labels: Tensor, z_loss: float) -> tuple[Tensor, Tensor, Tensor]:
        rows.append(len(logits))
        return head.loss_and_gradient(logits, labels, z_loss)

    monkeypatch.setattr(module, "_loss_and_gradient", watched)
    module(hidden, labels, 0.0).total.backward()
    assert max(rows) == 4
    assert sum(rows) == B * T


class Largest(TorchDispatchMode):
    """Remembers the most elements of any tensor that an operation made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch gives it no types
        self.num_elements = 0

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        made = func(*args, **(kwargs or {}))
        tensors = [part for part in (made if isinstance(made, tuple) else (made,)) if isinstance(part, Tensor)]
        self.num_elements = max([self.num_elements, *(tensor.numel() for tensor in tensors)])
        return made


@pytest.mark.parametrize("num_instances", [3, 30])
def test_no_operation_makes_more_than_a_chunk_of_logits_or_the_matrix(
    monkeypatch: pytest.MonkeyPatch, num_instances: int
) -> None:
    monkeypatch.setitem(head._CHUNK_LOGITS, "cpu", 16 * V)
    module = inputs()[0]
    hidden = torch.randn(num_instances, T, C, requires_grad=True)
    labels = torch.randint(0, V, (num_instances, T))
    with Largest() as largest:
        module(hidden, labels, 1e-4).total.backward()
    assert largest.num_elements == V * C  # of the matrix and its gradient; a chunk of logits has half as many
    with Largest() as largest:
        plain_loss(hidden @ module.weight.T, labels, 1e-4).backward()
    assert largest.num_elements == num_instances * T * V


def test_no_gradient_is_formed_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(head._CHUNK_LOGITS, "cpu", 16 * V)
    module, hidden, labels = inputs()
    wanted = module(hidden, labels, 1e-2)
    monkeypatch.setattr(module, "_loss_and_gradient", None)
    with torch.no_grad(), Largest() as largest:
        losses = module(hidden, labels, 1e-2)
    assert not losses.total.requires_grad
    assert all(torch.equal(found, known) for found, known in zip(losses[:3], wanted[:3], strict=True))
    assert largest.num_elements == V * C  # the matrix, transposed; a chunk of logits has half as many
