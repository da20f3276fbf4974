"""Batches of a built mix: which instances a step sees is arithmetic, so the loader's whole state is the step."""

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mixes.errors import MixError
from mixes.permutation import instances_at
from mixes.repeats import has_repeated_ngrams
from mixes.token_stream import TokenStream
from trainer.models.head import IGNORED

STEPS_AHEAD = 8
"""How many steps before its own a batch is announced."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """One rank's slice of a global batch, and what the whole batch consists of.

    n = instances of this rank, T = sequence_length, G = global_batch.

    Attributes:
        tokens: shape (n, T), int64.
        labels: the next token of each token, shape (n, T), int64; IGNORED for the last, and for a whole instance that
            repeats an n-gram.
        documents: number of the document of each token, from 0 in each instance, shape (n, T), int64; None where
            attention crosses documents.
        instances: numbers of the instances of the global batch in its order, shape (G,), int64.
        sources: number of the source that each of them begins in, shape (G,), int32.
    """

    tokens: Tensor
    labels: Tensor
    documents: Tensor | None
    instances: NDArray[np.int64]
    sources: NDArray[np.int32]


class Loader:
    """Gives one rank its batches of one mix.

    Args:
        stream: the tokens of the mix; used from one thread at a time, and left open.
        sequence_length: tokens of an instance.
        global_batch: instances of a step over all ranks.
        data_seed: names the data order.
        end_of_document: the token that ends a document, where attention is to stay inside; None where it is not.
        mask_repeated_ngrams: give no label to an instance that repeats an n-gram as `mixes.repeats` defines it.
        rank: this process, in [0, world_size).
        world_size: number of processes; divides global_batch.
        pin: put batches in page-locked memory, from which a copy to a GPU does not wait.

    Raises:
        MixError: the mix holds less than one instance.
    """

    def __init__(
        self,
        stream: TokenStream,
        *,
        sequence_length: int,
        global_batch: int,
        data_seed: int,
        mask_repeated_ngrams: bool,
        end_of_document: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        pin: bool = False,
    ) -> None:
        assert global_batch % world_size == 0
        self.num_instances = stream.num_instances(sequence_length)
        if self.num_instances == 0:
            raise MixError(
                f"found a mix of {stream.num_tokens:,} tokens, wanted at least one instance of {sequence_length:,}; "
                "lower sequence_length or build a larger mix"
            )
        self._stream = stream
        self._length = sequence_length
        self._global_batch = global_batch
        self._data_seed = data_seed
        self._masks = mask_repeated_ngrams
        self._end_of_document = end_of_document
        self._mine = slice(rank * global_batch // world_size, (rank + 1) * global_batch // world_size)
        self._pin = pin

    def batch(self, step: int) -> Batch:
        """Return the batch of a step of this mix, from 1; a pure function of mix, settings and step.

        Raises:
            MixError: a part was cut or damaged since the stream was opened.
        """
        instances = self._instances(step)
        starts = instances * self._length
        tokens = self._stream.read(starts[self._mine], self._length)
        labels = np.full(tokens.shape, IGNORED, dtype=np.int64)
        labels[:, :-1] = tokens[:, 1:]
        if self._masks:
            ends = np.arange(len(tokens) + 1, dtype=np.int64) * self._length
            labels[has_repeated_ngrams(tokens.reshape(-1), ends)] = IGNORED
        return Batch(
            tokens=self._tensor(tokens.astype(np.int64)),
            labels=self._tensor(labels),
            documents=None if self._end_of_document is None else document_numbers(tokens, self._end_of_document),
            instances=instances,
            sources=self._stream.sources_at(starts),
        )

    def announce(self, step: int) -> None:
        """Begin to fetch what the batch of a step will read, where that lies in a store; returns at once."""
        if self._stream.reads_ahead:
            self._stream.announce(self._instances(step)[self._mine] * self._length, self._length)

    def _instances(self, step: int) -> NDArray[np.int64]:
        """Return the numbers of the instances of a global batch."""
        positions = np.arange((step - 1) * self._global_batch, step * self._global_batch, dtype=np.int64)
        return instances_at(positions, self.num_instances, self._data_seed)

    def _tensor(self, array: NDArray[np.int64]) -> Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory() if self._pin else tensor


class Batches(Protocol):
    """Gives the batch of each step, counted from 1."""

    def batch(self, step: int) -> Batch:
        """Return the batch of a step."""

    def announce(self, step: int) -> None:
        """Begin to fetch what the batch of a step will read."""


def prefetched(loader: Batches, first: int, last: int) -> Generator[Batch, None, None]:
    """Yield the batches of steps [first, last]; a thread prepares the next one while the caller works.

    What the steps after it will read is announced first, so that a store has time to answer.
    """
    announced = first - 1

    def prepare(step: int) -> Batch:
        nonlocal announced
        ahead = min(step + STEPS_AHEAD, last)
        for coming_step in range(announced + 1, ahead + 1):
            loader.announce(coming_step)
        announced = ahead
        return loader.batch(step)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="loader") as thread:
        coming: Future[Batch] | None = thread.submit(prepare, first) if first <= last else None
        for step in range(first + 1, last + 2):
            assert coming is not None
            batch = coming.result()
            coming = thread.submit(prepare, step) if step <= last else None
            yield batch


def document_numbers(tokens: NDArray[np.integer], end: int) -> Tensor:
    """Return the number of the document of each token (n, T), from 0 in each row, int64; `end` is its last token."""
    ends = tokens == end
    return torch.from_numpy(np.cumsum(ends, axis=1) - ends)
