"""One step of training: forward, backward, clip, guard, update; and the tensors that it changes."""

import torch
import torch.distributed as dist
from torch import Tensor

from trainer.checkpoint import WEIGHTS
from trainer.figures import StepFigures
from trainer.loader import Batch
from trainer.models.attention import attention_kernels
from trainer.models.documents import documents_of
from trainer.models.head import IGNORED, Losses
from trainer.models.presets import ModelShape
from trainer.optimizer import SpikeGuard, apply_step, clip_gradients, make_optimizer
from trainer.ranks import Ranks
from trainer.schedule import Schedule, learning_rate
from trainer.sharding import DTYPES, sharded_model
from trainer.spec import TrainSpec


class Trainer:
    """All that a step changes: weights, optimizer, spike guard; and how a step changes it."""

    def __init__(
        self,
        spec: TrainSpec,
        shape: ModelShape,
        schedule: Schedule,
        ranks: Ranks,
        *,
        compiled: bool = False,
        recomputes: bool = False,
    ) -> None:
        self._spec = spec
        self._schedule = schedule
        self._ranks = ranks
        self._num_labels = spec.global_batch * (spec.sequence_length - 1)
        self._router_factors = torch.tensor(spec.router_factors, device=ranks.device)
        self.model = sharded_model(shape, spec.precision, ranks, compiled=compiled, recomputes=recomputes)
        self.optimizer = make_optimizer(self.model, spec.optimizer)
        self.guard = SpikeGuard(spec.optimizer.skip_sigma, ranks.device)

    def state(self) -> dict[str, Tensor]:
        """Return every tensor that the next step depends on, by name; filling them resumes the run."""
        state = self.inherited_state()
        return state | {"guard/window": self.guard.window, "guard/count": self.guard.count}

    def inherited_state(self) -> dict[str, Tensor]:
        """Return the tensors that a run takes from the checkpoint it begins from: weights and optimizer."""
        state = self.weights()
        for name, parameter in self.model.named_parameters():
            state |= {f"{key}/{name}": value for key, value in self.optimizer.state[parameter].items()}
        return state

    def weights(self) -> dict[str, Tensor]:
        """Return the weights alone."""
        return {WEIGHTS + name: parameter for name, parameter in self.model.named_parameters()}

    def step(self, number: int, batch: Batch) -> StepFigures:
        """Do step `number` (from 1) on this rank's slice of a batch, without waiting for the device.

        The loss is summed over all labels and divided by what the batch would have without masked instances, as
        OLMo-core does: a masked instance makes its step smaller, not the others in it larger.
        """
        device, size = self._ranks.device, self._spec.micro_batch
        tokens, labels = (part.to(device, non_blocking=True) for part in (batch.tokens, batch.labels))
        sums = []
        for start in range(0, len(tokens), size):
            rows = slice(start, start + size)
            documents = None
            if batch.documents is not None:
                documents = documents_of(batch.documents[rows], device, DTYPES[self._spec.precision])
            is_last = start + size == len(tokens)
            self.model.set_requires_gradient_sync(is_last)  # type: ignore[operator] # FSDPModule
            if self._ranks.num_shards == 1:
                # All weights are gathered at once in any case: so they need not be cast again for the next micro-batch.
                self.model.set_reshard_after_backward(is_last)  # type: ignore[operator] # as above
            with attention_kernels(device):
                losses = self.model(tokens[rows], labels[rows], self._spec.z_loss, documents)
                self._objective(losses).backward()
            sums.append(self._sums_of(losses, labels[rows]))
        batch_sums = self._of_all_ranks(torch.cat(sums, dim=1))
        nll, _, num_labels = batch_sums[:3].double().sum(1)
        norm = clip_gradients(self.model.parameters(), self._spec.optimizer.max_grad_norm, self._ranks)
        skipped = self.guard.check(nll / num_labels.clamp(min=1), norm)
        rate = learning_rate(number, self._schedule)
        apply_step(self.optimizer, rate, skipped)
        return StepFigures(
            step=number,
            learning_rate=rate,
            sums=batch_sums,
            grad_norm=norm,
            skipped=skipped,
            instances=batch.instances,
            sources=batch.sources,
        )

    def _objective(self, losses: Losses) -> Tensor:
        """Return what a micro-batch adds to the loss of its step, as its share of the whole batch."""
        objective = losses.total / self._num_labels
        if losses.router is not None:
            share = self._spec.micro_batch / self._spec.global_batch
            objective = objective + share * (self._router_factors * losses.router).sum()
        return objective

    def _sums_of(self, losses: Losses, labels: Tensor) -> Tensor:
        """Return the columns of `StepFigures.sums` of a micro-batch."""
        rows = torch.stack((losses.nll, losses.z, (labels != IGNORED).sum(1).float()))
        if losses.router is None:
            return rows
        of_router = (self._router_factors * losses.router.detach()).unsqueeze(1).expand(-1, rows.shape[1])
        return torch.cat((rows, of_router))

    def _of_all_ranks(self, sums: Tensor) -> Tensor:
        """Return the columns of every rank, side by side."""
        of_ranks = [torch.empty_like(sums) for _ in range(self._ranks.world_size)]
        dist.all_gather(of_ranks, sums)
        return torch.cat(of_ranks, dim=1)
