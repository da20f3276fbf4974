"""AdamW as OLMo 2 has it, and the guard that keeps a bad step from the weights without asking the device."""

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim import AdamW

from trainer.ranks import Ranks, local_part
from trainer.spec import OptimizerSpec

WINDOW = 128  # steps that a spike is measured against, as in OLMo-core's SkipStepOptimizer
_MIN_STEPS = WINDOW // 2  # no step is a spike before this many


def make_optimizer(model: nn.Module, spec: OptimizerSpec) -> AdamW:
    """Return fused AdamW over the parameters of a model, its moments already there, at zero.

    Norms and head have decay too (OLMo's `decay_norm_and_bias: true`), the input embedding only where the spec says so:
    OLMo 2 has none on it, OLMoE has. The rate is set before each step.
    """
    of_embedding = spec.weight_decay if spec.decay_embedding else 0.0
    embedding = [parameter for name, parameter in model.named_parameters() if "embed_tokens" in name]
    others = [parameter for name, parameter in model.named_parameters() if "embed_tokens" not in name]
    optimizer = AdamW(
        [{"params": others, "weight_decay": spec.weight_decay}, {"params": embedding, "weight_decay": of_embedding}],
        lr=0.0,
        betas=(spec.beta1, spec.beta2),
        eps=spec.eps,
        fused=True,
    )
    for parameter in (*others, *embedding):
        optimizer.state[parameter] = {
            "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
    return optimizer


def apply_step(optimizer: AdamW, learning_rate: float, skipped: Tensor) -> None:
    """Change the weights, unless `skipped` is 1: then weights, moments and step counts stay, even with NaN gradients.

    Args:
        optimizer: from `make_optimizer`.
        learning_rate: of this step.
        skipped: 0 or 1 on the device, shape (), float32; the fused kernel reads it there, so nothing waits for it.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.grad_scale = None  # type: ignore[attr-defined] # both are what GradScaler sets, and no public attribute
    optimizer.found_inf = skipped  # type: ignore[attr-defined] # as above
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float, ranks: Ranks) -> Tensor:
    """Scale all gradients down to a global norm of at most `max_norm`; return the norm before, shape (), float32.

    The norm of each row is taken in float32 and their squares are summed in float64: no rank has part of a row (of a
    stack of experts, of an expert), so the result does not depend on how many there are. With
    `torch.nn.utils.clip_grad_norm_` its last bit does. Replicas of the model have equal gradients; their mean
    square is taken, so that all replicas skip a step that is wrong on one of them, and never part.
    """
    gradients = [local_part(parameter.grad) for parameter in parameters if parameter.grad is not None]
    rows = [torch.linalg.vector_norm(part.flatten(1), dim=1) if part.ndim > 1 else part for part in gradients]
    square = torch.cat(rows).double().square().sum()
    dist.all_reduce(square)
    norm = (square * ranks.num_shards / ranks.world_size).sqrt().float()
    torch._foreach_mul_(gradients, (max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


class SpikeGuard:
    """Decides on the device whether a step is skipped, from the last WINDOW losses and gradient norms.

    A step is skipped when its loss or gradient norm is not finite, or exceeds the mean of the window by more than
    `sigma` standard deviations, once the window is half full. Spikes enter the window, so that a new level is accepted
    in time; what is not finite does not, as it would make every later step a spike.

    Attributes:
        window: losses and norms, shape (2, WINDOW), float64; only the first `count` columns hold any, in no order.
        count: values entered so far, shape (), int64.
    """

    def __init__(self, sigma: float | None, device: torch.device) -> None:
        self.sigma = sigma
        self.window = torch.zeros((2, WINDOW), dtype=torch.float64, device=device)
        self.count = torch.zeros((), dtype=torch.int64, device=device)
        self._columns = torch.arange(WINDOW, device=device)

    def check(self, loss: Tensor, norm: Tensor) -> Tensor:
        """Return 1 where the step is to be skipped, else 0, shape (), float32; enter its loss and norm."""
        values = torch.stack((loss.double(), norm.double()))
        finite = values.isfinite().all()
        skipped = ~finite
        if self.sigma is not None:
            filled = (self._columns < self.count).double()
            num_filled = self.count.clamp(1, WINDOW).double()
            mean = (self.window * filled).sum(1) / num_filled
            variance = ((self.window - mean.unsqueeze(1)).square() * filled).sum(1) / num_filled
            spike = (values > mean + self.sigma * variance.sqrt()).any() & (self.count >= _MIN_STEPS)
            skipped = skipped | spike
        here = (self._columns == self.count % WINDOW) & finite
        self.window.copy_(torch.where(here, values.unsqueeze(1), self.window))
        self.count.add_(finite)
        return skipped.float()
