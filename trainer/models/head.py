"""The head and its loss in chunks of rows: cross-entropy and z-loss that never hold the logits of a whole batch.

The gradients of a chunk are formed in the forward pass, while its logits are at hand, and only scaled in the backward
pass. So the peak is one chunk of logits and the gradient of the head's matrix, whatever the batch. Where no gradient is
wanted, as in an evaluation, none is formed.

B = instances, T = tokens of each, N = B * T rows, C = hidden_size, V = vocab_size.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

LossAndGradient: TypeAlias = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor, Tensor]]

IGNORED = -100  # a label that no loss is taken of
_CHUNK_LOGITS = {"cpu": 2**25, "cuda": 2**29}  # logits of one chunk, all that is held at once


class Losses(NamedTuple):
    """The losses of a micro-batch, summed over its labels and divided by nothing.

    Attributes:
        total: cross-entropy plus z-loss, the one to differentiate, shape (), float32.
        nll: cross-entropy of each instance, shape (B,), float32, without gradient.
        z: z-loss of each instance, shape (B,), float32, without gradient.
        router: load balancing and z-loss of the routers, means over tokens and layers that `total` does not hold,
            shape (2,), float32; None without experts.
    """

    total: Tensor
    nll: Tensor
    z: Tensor
    router: Tensor | None = None


class _Softmax(NamedTuple):
    """What losses and gradient of some rows are computed from, float32.

    Attributes:
        counted: which labels count, shape (rows,).
        places: of the labels among the logits, 0 where none counts, shape (rows, 1).
        wanted: logit of each label, shape (rows,).
        powers: e to the logits less the highest of their row, shape (rows, V), in the memory of float32 logits.
        power_sum: their sum, shape (rows,).
        log_sum: logarithm of the sum of e to the logits, shape (rows,).
    """

    counted: Tensor
    places: Tensor
    wanted: Tensor
    powers: Tensor
    power_sum: Tensor
    log_sum: Tensor

    def losses(self, z_loss: float) -> tuple[Tensor, Tensor]:
        """Return cross-entropy and z-loss of each row, 0 where its label does not count."""
        nll = torch.where(self.counted, self.log_sum - self.wanted, 0.0)
        return nll, torch.where(self.counted, z_loss * self.log_sum.square(), 0.0)


def _softmax(logits: Tensor, labels: Tensor) -> _Softmax:
    counted = labels != IGNORED
    places = torch.where(counted, labels, 0).unsqueeze(1)
    wide = logits.float()
    wanted = wide.gather(1, places).squeeze(1)
    # Both keep their axis: so the compiler knows the pattern, and reads the logits once for the two.
    highest = wide.amax(1, keepdim=True)
    powers = wide.sub_(highest).exp_()
    power_sum = powers.sum(1, keepdim=True)
    return _Softmax(counted, places, wanted, powers, power_sum.squeeze(1), (highest + power_sum.log()).squeeze(1))


def loss_and_gradient(logits: Tensor, labels: Tensor, z_loss: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return cross-entropy and z-loss of each row, float32, and the gradient of their sum in the logits' dtype.

    Computed in float32. Written so that the compiled form reads the logits and writes the gradient once each.

    Args:
        logits: shape (rows, V); overwritten where they are float32.
        labels: int64, shape (rows,); IGNORED gives zeros.
        z_loss: factor of the z-loss.
    """
    counted, places, wanted, powers, power_sum, log_sum = found = _softmax(logits, labels)
    slope = torch.where(counted, 1 + 2 * z_loss * log_sum, 0.0)
    gradient = powers.mul_((slope / power_sum).unsqueeze(1)).to(logits.dtype)
    at_label = (wanted - log_sum).exp() * slope - counted.float()
    gradient.scatter_(1, places, at_label.to(logits.dtype).unsqueeze(1))
    return *found.losses(z_loss), gradient


class LossHead(nn.Module):
    """The output matrix, named as `nn.Linear` names it; the loss is taken inside so that FSDP gathers it here."""

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocab_size, hidden_size))
        self._loss_and_gradient: LossAndGradient = loss_and_gradient

    def forward(self, hidden: Tensor, labels: Tensor, z_loss: float) -> Losses:
        """Return the losses of hidden states (B, T, C) against labels (B, T), int64, IGNORED where there is none.

        The z-loss of a label is `z_loss * logsumexp(logits) ** 2` (Chowdhery et al., 2022, section 5).
        """
        rows, places = hidden.flatten(0, 1), labels.flatten()
        if torch.is_grad_enabled():
            total, nll, z = _ChunkedLoss.apply(  # type: ignore[no-untyped-call] # torch gives it no types
                rows, self.weight, places, z_loss, self._loss_and_gradient
            )
        else:
            nll, z = _losses(rows, self.weight, places, z_loss)
            total = (nll + z).sum()
        return Losses(total, nll.view_as(labels).sum(1), z.view_as(labels).sum(1))

    def compile_loss(self) -> None:
        """Compile what is done to each chunk of logits; the matrix products are fast already."""
        self._loss_and_gradient = torch.compile(loss_and_gradient, dynamic=False)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of hidden states (B, T, C), shape (B, T, V); for short inputs and unsharded weights."""
        return nn.functional.linear(hidden, self.weight)


def _chunks(rows: Tensor, vocab_size: int) -> Iterator[slice]:
    """Yield the stretches of rows whose logits are held together."""
    # A power of two: micro-batches are mostly multiples of it, and matrix products like it.
    num_rows = 1 << max(0, (_CHUNK_LOGITS[rows.device.type] // vocab_size).bit_length() - 1)
    for start in range(0, len(rows), num_rows):
        yield slice(start, start + num_rows)


def _losses(rows: Tensor, weight: Tensor, labels: Tensor, z_loss: float) -> tuple[Tensor, Tensor]:
    """Return cross-entropy and z-loss of each row, as `_ChunkedLoss` gives them, to the bit."""
    nll = rows.new_empty(len(rows), dtype=torch.float32)
    z = torch.empty_like(nll)
    logits = rows.new_empty(0)  # one memory for all chunks: new pages for each would take a third of the time
    for chunk in _chunks(rows, len(weight)):
        part = rows[chunk]
        torch.mm(part, weight.T, out=logits.resize_(len(part), len(weight)))
        nll[chunk], z[chunk] = _softmax(logits, labels[chunk]).losses(z_loss)
    return nll, z


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - autograd's own context has no type that holds what is stored in it
        rows: Tensor,
        weight: Tensor,
        labels: Tensor,
        z_loss: float,
        chunk_loss: LossAndGradient,
    ) -> tuple[Tensor, Tensor, Tensor]:
        nll = rows.new_empty(len(rows), dtype=torch.float32)
        z = torch.empty_like(nll)
        rows_gradient = torch.empty_like(rows)
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32)
        for chunk in _chunks(rows, len(weight)):
            nll[chunk], z[chunk], gradient = chunk_loss(rows[chunk] @ weight.T, labels[chunk], z_loss)
            torch.mm(gradient, weight, out=rows_gradient[chunk])
            weight_gradient += gradient.T @ rows[chunk]
        ctx.save_for_backward(rows_gradient, weight_gradient)
        ctx.weight_dtype = weight.dtype
        ctx.mark_non_differentiable(nll, z)
        return (nll + z).sum(), nll, z

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401 - as above
        total_gradient: Tensor,
        *_: Tensor,
    ) -> tuple[Tensor, Tensor, None, None, None]:
        rows_gradient, weight_gradient = ctx.saved_tensors
        weight_gradient = (weight_gradient * total_gradient).to(ctx.weight_dtype)
        return rows_gradient * total_gradient.to(rows_gradient.dtype), weight_gradient, None, None, None
