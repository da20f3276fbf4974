"""SwiGLU, and many of them behind a router: the experts of OLMoE.

Routing is OLMoE's (Muennighoff et al., 2024, section 3.1): the probabilities of all experts, then the highest few, not
scaled up to one again; no token is dropped.

B = instances, T = tokens of each, N = B * T, C = hidden_size, E = num_experts, K = experts_per_token.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.models.presets import ModelShape


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x))."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.up_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.down_proj = nn.Linear(shape.intermediate_size, shape.hidden_size, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the transformed states of (B, T, C), same shape."""
        transformed: Tensor = self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))
        return transformed


class Experts(nn.Module):
    """The SwiGLUs of all experts, stacked; FSDP2 cuts the stack between experts."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        sizes = (shape.num_experts, shape.hidden_size, shape.intermediate_size)
        num_experts, hidden_size, intermediate_size = sizes
        self.gate_up_proj = nn.Parameter(torch.empty(num_experts, 2 * intermediate_size, hidden_size))
        self.down_proj = nn.Parameter(torch.empty(num_experts, hidden_size, intermediate_size))

    def forward(self, hidden: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """Return the weighted sum of what the chosen experts make of each state, shape (N, C).

        Tokens are sorted by expert, so that each expert multiplies one stretch of rows, and come back by the same
        permutation: no sum over a changing set of rows, so the result is the same every time on a GPU too.

        Args:
            hidden: shape (N, C).
            chosen: numbers of experts, rising along the last axis, shape (N, K), int64.
            weights: shape (N, K), in the dtype of the states.
        """
        num_chosen = chosen.shape[1]
        flat = chosen.T.flatten()  # all first choices, then all second ones
        order = flat.argsort(stable=True)
        counts = torch.zeros(len(self.down_proj), dtype=torch.int64, device=flat.device)
        ends = counts.scatter_add(0, flat, torch.ones_like(flat)).cumsum(0).to(torch.int32)
        back = torch.empty_like(order).scatter(0, order, torch.arange(len(order), device=order.device))
        states = _gathered(hidden, order % len(hidden), back)
        gate, up = grouped_product(states, self.gate_up_proj, ends).chunk(2, dim=-1)
        made = grouped_product(functional.silu(gate) * up, self.down_proj, ends)
        by_choice = _gathered(made, back, order).view(num_chosen, *hidden.shape) * weights.T.unsqueeze(2)
        return by_choice.sum(0)


class Router(nn.Module):
    """The matrix that gives each token a logit for each expert, named as Hugging Face names it."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape.num_experts, shape.hidden_size))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits of states (N, C), shape (N, E)."""
        return functional.linear(hidden, self.weight)


class RoutedSwiGLU(nn.Module):
    """A router and its experts."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.num_chosen = shape.experts_per_token
        self.gate = Router(shape)
        self.experts = Experts(shape)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the transformed states of (B, T, C), same shape, and the losses of the router, see `router_losses`."""
        rows = hidden.flatten(0, 1)
        logits = self.gate(rows)
        probabilities = logits.float().softmax(-1)
        chosen = probabilities.topk(self.num_chosen).indices.sort().values
        weights = probabilities.gather(1, chosen).to(hidden.dtype)
        transformed: Tensor = self.experts(rows, chosen, weights)
        return transformed.view_as(hidden), router_losses(logits, probabilities, chosen)


def router_losses(logits: Tensor, probabilities: Tensor, chosen: Tensor) -> Tensor:
    """Return the load-balancing loss and the z-loss of one router over the tokens it saw, shape (2,), float32.

    Load balancing is E times the sum over experts of (share of all choices) x (mean probability): 1 where both are
    even, at most E / K. This is megablocks', with which OLMoE was trained; that of `transformers`
    does not divide by K and takes both means over all layers at once. The z-loss is the mean squared logsumexp.

    Args:
        logits: shape (N, E).
        probabilities: their softmax in float32.
        chosen: numbers of experts, shape (N, K).
    """
    num_tokens, num_experts = logits.shape
    choices = torch.zeros_like(probabilities).scatter(1, chosen, 1.0).sum(0)
    share = choices / (num_tokens * chosen.shape[1])
    balance = num_experts * (share * probabilities.mean(0)).sum()
    return torch.stack((balance, logits.float().logsumexp(-1).square().mean()))


def _gathered(rows: Tensor, places: Tensor, back: Tensor) -> Tensor:
    """Return rows[places], whose gradient is gathered too: `back` says where each row went, one stretch a copy.

    Autograd's own would add up the copies of a row one by one, in no fixed order on a GPU and in the rows' dtype.
    """
    gathered: Tensor = _Gathered.apply(rows, places, back)  # type: ignore[no-untyped-call] # torch gives it no types
    return gathered


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - autograd's own context has no type that holds what is stored in it
        rows: Tensor,
        places: Tensor,
        back: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(back)
        ctx.shape = rows.shape
        return rows[places]

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401 - as above
        gradient: Tensor,
    ) -> tuple[Tensor, None, None]:
        (back,) = ctx.saved_tensors
        copies = gradient[back].view(-1, *ctx.shape)
        return copies.sum(0) if len(copies) > 1 else copies[0], None, None


def grouped_product(rows: Tensor, matrices: Tensor, ends: Tensor) -> Tensor:
    """Return each stretch of rows times the transpose of its own matrix, shape (rows, J).

    On a GPU in bfloat16 one kernel does all; elsewhere, and as its reference, a loop does one matrix after the other.

    Args:
        rows: shape (rows, L).
        matrices: shape (E, J, L).
        ends: where the stretch of each matrix ends, shape (E,), int32; the last is the number of rows.
    """
    if rows.device.type != "cpu" and rows.dtype == torch.bfloat16:
        return functional.grouped_mm(rows, matrices.transpose(1, 2), offs=ends)
    lengths = ends.diff(prepend=ends.new_zeros(1)).tolist()
    return torch.cat([part @ matrix.T for part, matrix in zip(rows.split(lengths), matrices, strict=True)])
