"""Runs a model over requests: batched by length, spread over the ranks, in bounded memory.

Items (documents, questions) go to the ranks in turn, and each rank sorts a pool of its requests by length at a time. A
sharded model computes only when all ranks do, so before each pool they agree on the most forwards that any of them has;
who has fewer keeps the others company. A batch holds at most so many tokens, and the head computes only where a label
is wanted, in chunks: memory does not grow with the data.

The likelihood of a request does not depend on what else is in its batch but for the order in which a matrix product
adds: within 1e-5 in float32.

B = requests of a batch, T = tokens of the longest, N = labels of the batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed.fsdp import FSDPModule

from trainer.evaluation.progress import Progress
from trainer.evaluation.requests import Request
from trainer.models.attention import attention_kernels
from trainer.models.decoder import LanguageModel
from trainer.ranks import Ranks

Item = TypeVar("Item")
Nll: TypeAlias = NDArray[np.float64]
"""Negative log-likelihoods in nats, one a label."""
Batch: TypeAlias = Sequence[Request]
Groups: TypeAlias = Sequence[Sequence[Request]]
"""Requests whose labels belong together: the windows of a document, a choice of a question."""

_POOL_BATCHES = 64  # batches' worth of tokens that are read before they are sorted by length
_NOTHING: Nll = np.empty(0)


class Scorer:
    """Scores requests with one model; every rank has one and calls it in the same order.

    Args:
        model: with weights, sharded or not.
        ranks: all processes.
        max_length: tokens that the model reads at most; callers make no longer requests.
        batch_tokens: tokens of a batch with its padding; a longer request is a batch of its own.
    """

    def __init__(self, model: LanguageModel, ranks: Ranks, *, max_length: int, batch_tokens: int) -> None:
        self.max_length = max_length
        self.ranks = ranks
        self._model = model
        self._batch_tokens = batch_tokens

    def scored(
        self, items: Iterable[Item], requests_of: Callable[[Item], Groups], progress: Progress
    ) -> Iterator[tuple[Item, list[Nll]]]:
        """Yield this rank's share of the items in their order, each with the nll of all labels of each group.

        Every rank must exhaust it, with the same items.

        Args:
            items: all of them, the same on every rank; item i is rank (i mod world_size)'s.
            requests_of: gives the requests of an item in groups; called for this rank's items only.
            progress: is told of what is scored.

        Raises:
            StoppedError: a signal came.
        """
        try:
            for pool in self._pools(items, requests_of):
                requests = [request for _, groups in pool for group in groups for request in group]
                tokens_per_item = sum(len(request.inputs) for request in requests) / max(1, len(pool))
                nll = iter(self._pool_nll(requests, partial(self._tell, progress, tokens_per_item)))
                for item, groups in pool:
                    yield item, [np.concatenate([_NOTHING, *(next(nll) for _ in group)]) for group in groups]
            while self._forwards([], lambda _: None):
                pass
        finally:
            self._release()

    def summed(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sums over all ranks of an array that has the same shape on each."""
        total = torch.from_numpy(sums.copy())
        dist.all_reduce(total, group=self.ranks.control)
        found: NDArray[np.float64] = total.numpy()
        return found

    def _pools(
        self, items: Iterable[Item], requests_of: Callable[[Item], Groups]
    ) -> Iterator[list[tuple[Item, Groups]]]:
        """Yield this rank's items with their requests, so many at a time as sorting them by length pays for."""
        pool: list[tuple[Item, Groups]] = []
        num_tokens = 0
        for number, item in enumerate(items):
            if number % self.ranks.world_size == self.ranks.rank:
                groups = requests_of(item)
                pool.append((item, groups))
                num_tokens += sum(len(request.inputs) for group in groups for request in group)
                if num_tokens >= _POOL_BATCHES * self._batch_tokens:
                    yield pool
                    pool, num_tokens = [], 0
        yield pool

    def _pool_nll(self, requests: Sequence[Request], advance: Callable[[Batch], None]) -> list[Nll]:
        """Return the nll of each request, in the given order; `advance` is called after each batch."""
        order = sorted(range(len(requests)), key=lambda number: -len(requests[number].inputs))
        if not requests:
            return []
        batches = list(self._batches([requests[number] for number in order]))
        losses = self._forwards(batches, advance)[: len(batches)]
        # Losses stay on the device until here, so that no batch waits for the one before it.
        together = torch.cat(losses).double().cpu().numpy()
        ends = np.cumsum([len(requests[number].labels) for number in order])
        found: list[Nll] = [_NOTHING] * len(requests)
        for number, nll in zip(order, np.split(together, ends[:-1]), strict=True):
            found[number] = nll
        return found

    def _tell(self, progress: Progress, tokens_per_item: float, batch: Batch) -> None:
        """Tell of a batch, and that the other ranks have done as much."""
        done = self.ranks.world_size * sum(len(request.inputs) for request in batch)
        progress.add(done / tokens_per_item, done)

    def _batches(self, requests: Sequence[Request]) -> Iterator[Batch]:
        """Yield requests, given longest first, in batches that hold at most `batch_tokens` with their padding."""
        start = 0
        while start < len(requests):
            stop = start + max(1, self._batch_tokens // len(requests[start].inputs))
            yield requests[start:stop]
            start = stop

    def _forwards(self, batches: Sequence[Batch], advance: Callable[[Batch], None]) -> list[Tensor]:
        """Return the losses of each batch, and of as many idle ones as the rank that has most in this round has more.

        Nothing comes back where no rank has any: all are done.
        """
        most = torch.tensor(len(batches))
        dist.all_reduce(most, op=dist.ReduceOp.MAX, group=self.ranks.control)
        idle = [[_IDLE]] * (int(most) - len(batches))
        losses = []
        for number, batch in enumerate([*batches, *idle]):
            self.ranks.heed_signals()
            losses.append(self._forward(batch))
            if number < len(batches):
                advance(batch)
        return losses

    @torch.no_grad()
    def _forward(self, batch: Batch) -> Tensor:
        """Return the losses of all labels of a batch, request after request, shape (N,), float32, on the device."""
        length = max(len(request.inputs) for request in batch)
        tokens = np.zeros((len(batch), length), dtype=np.int64)  # padded at the end: nothing before sees it
        for row, request in enumerate(batch):
            tokens[row, : len(request.inputs)] = request.inputs
        places = np.concatenate([row * length + request.places for row, request in enumerate(batch)])
        labels = np.concatenate([request.labels for request in batch])
        arguments = (torch.from_numpy(array).to(self.ranks.device) for array in (tokens, places, labels))
        # Lengths differ from batch to batch: a model that is compiled would be compiled for each.
        with torch.compiler.set_stance("force_eager"), attention_kernels(self.ranks.device):
            return self._model.losses_at(*arguments)

    def _release(self) -> None:
        """Give gathered weights back: no backward pass does it here, and the optimizer must find the shards."""
        for module in self._model.modules():
            if isinstance(module, FSDPModule):
                module.reshard()


_IDLE = Request(inputs=np.zeros(1, np.int64), places=np.zeros(1, np.int64), labels=np.zeros(1, np.int64))
