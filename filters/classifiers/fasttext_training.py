"""Training of a fastText classifier of words and their n-grams (Joulin et al., 2016), the same model every time.

The library cannot do that: with fewer than ten threads it leaves a part of the input matrix as the memory was found
(each thread fills a tenth), so that one training differs from the next and small ones often end in NaN; with more,
threads race. Here one thread walks the documents in an order that is a hash of seed and epoch. Files, hashes, softmax,
the falling learning rate and the mean over rows are the library's.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from filters.classifiers.fasttext_file import FastTextFile, FastTextSettings, write_model
from filters.classifiers.fasttext_rows import RowFinder
from filters.columns import TextColumn
from filters.kernels import kernel

_MULTIPLIER_1 = np.uint64(0x9E3779B97F4A7C15)  # odd constants of splitmix64 (Steele, Lea and Flood, 2014)
_MULTIPLIER_2 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_3 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 2.0**-53
_REPORTED = 4_096  # texts that are seen between two reports

PASSES = 2
"""Before the first epoch: one counts words, the other finds the row of each."""
_SPACES = bytes.maketrans(b"\0", b" ")  # `bytes.split` knows fastText's other white space


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How a classifier is trained; the size of its file is (words + num_buckets) * dimension * 4 bytes and the words.

    Attributes:
        dimension: numbers a row.
        word_ngrams: the longest n-gram of words that counts.
        num_buckets: rows that n-grams share by their hashes.
        epochs: how often each document is seen.
        learning_rate: of the first step; it falls to 0 in a straight line.
        min_count: how often a word must occur to have a row.
        seed: of the order of documents and of the first numbers, in [0, 2**63).
    """

    dimension: int = 32
    word_ngrams: int = 2
    num_buckets: int = 200_000
    epochs: int = 5
    learning_rate: float = 0.5
    min_count: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            ValueError: A setting is out of its range.
        """
        bounds = {"dimension": 4_096, "word_ngrams": 10, "num_buckets": 10**9, "epochs": 10_000, "min_count": 10**9}
        for key, most in bounds.items():
            if not 1 <= getattr(self, key) <= most:
                raise ValueError(f"{key}: found {getattr(self, key)}, wanted at least 1 and at most {most:,}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate: found {self.learning_rate}, wanted a number above 0")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed: found {self.seed}, wanted at least 0 and less than 2**63")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrainedModel:
    """A classifier, and what became of it in training."""

    model: FastTextFile
    settings: TrainingSettings
    num_words: int  # all that were read, the rare ones too
    losses: tuple[float, ...]  # mean negative logarithm of the right label's probability, in nats, of each epoch

    def write(self, stream: BinaryIO) -> None:
        """Write the model's file."""
        settings = self.settings
        kept = {"epochs": settings.epochs, "min_count": settings.min_count, "num_words": self.num_words}
        write_model(stream, self.model, kept)


def train(
    texts: TextColumn,
    targets: NDArray[np.int64],
    labels: Sequence[str],
    settings: TrainingSettings,
    report: Callable[[int], object] = lambda _: None,
) -> TrainedModel:
    """Train a classifier.

    Takes 8 bytes of memory for each word and pair of words, beside the texts and the model.

    Args:
        texts: the texts; a line feed is white space like any other.
        targets: the place in `labels` of each text's label, shape (num_texts,).
        labels: without `__label__`.
        settings: how.
        report: told now and then how many bytes of texts were gone through since; all are `PASSES` times before the
            first epoch, and once in each.

    Raises:
        ValueError: a label has no text, or the numbers grew beyond all bounds.
    """
    counts = np.bincount(targets, minlength=len(labels))
    if len(labels) < 2 or not counts.all():
        raise ValueError(f"found {dict(zip(labels, counts.tolist(), strict=True))}, wanted texts of two labels or more")
    order = np.argsort(-counts, kind="stable")  # a model's file names the most frequent label first
    words, num_words = _count_words(texts, settings.min_count, report)
    of_file = FastTextSettings(
        dimension=settings.dimension,
        loss="softmax",
        word_ngrams=settings.word_ngrams,
        num_buckets=settings.num_buckets if settings.word_ngrams > 1 else 0,
        min_subword=0,
        max_subword=0,
    )
    model = FastTextFile(
        settings=of_file,
        words=words,
        labels=tuple(labels[place] for place in order),
        label_counts=counts[order],
        buckets=None,
        input=np.empty((len(words) + of_file.num_buckets, settings.dimension), np.float32),
        output=np.zeros((len(labels), settings.dimension), np.float32),
    )
    _fill(model.input.reshape(-1), 1 / settings.dimension, np.uint64(settings.seed))
    found, offsets = RowFinder(words, model.labels, of_file).rows(texts)
    report(int(texts.offsets[-1] - texts.offsets[0]))
    sizes = np.diff(texts.offsets)
    places = np.argsort(order)[targets]
    losses = _descend(model, found, offsets, places, settings, lambda part: report(int(sizes[part].sum())))
    return TrainedModel(model=model, settings=settings, num_words=num_words, losses=losses)


def _count_words(texts: TextColumn, min_count: int, report: Callable[[int], object]) -> tuple[tuple[bytes, ...], int]:
    """Return the words that occur often enough, the most frequent first, and the number of all."""
    counts: Counter[bytes] = Counter()
    data = texts.data.data
    for start, end in zip(texts.offsets[:-1].tolist(), texts.offsets[1:].tolist(), strict=True):
        words = bytes(data[start:end]).translate(_SPACES).split()
        if b"</s>" in words:
            del words[words.index(b"</s>") :]
        counts.update(words)
        counts[b"</s>"] += 1
        report(end - start)
    frequent = [word for word, count in counts.items() if count >= min_count and not word.startswith(b"__label__")]
    return tuple(sorted(frequent, key=lambda word: (-counts[word], word))), counts.total()


def _descend(
    model: FastTextFile,
    rows: NDArray[np.int32],
    offsets: NDArray[np.int64],
    targets: NDArray[np.int64],
    settings: TrainingSettings,
    report: Callable[[NDArray[np.int64]], object],
) -> tuple[float, ...]:
    """Train the matrices in place; return the mean loss of each epoch. `report` is told the texts that were seen."""
    losses: list[float] = []
    dimension = settings.dimension
    scratch = (np.zeros(dimension, np.float32), np.zeros(dimension, np.float32), np.zeros(len(model.labels)))
    for epoch in range(settings.epochs):
        keys = np.empty(len(targets), np.uint64)
        _draw(keys, np.uint64(settings.seed), np.uint64(epoch + 1))
        order = np.argsort(keys, kind="stable")
        loss, num_seen = 0.0, 0
        for first in range(0, len(order), _REPORTED):
            part = order[first : first + _REPORTED]
            loss, num_seen = _train_some(
                rows,
                offsets,
                targets,
                part,
                (model.input, model.output),
                scratch,
                (settings.learning_rate, epoch, settings.epochs),
                (loss, num_seen),
            )
            report(part)
        loss /= len(order)
        if not (math.isfinite(loss) and np.isfinite(model.input).all() and np.isfinite(model.output).all()):
            raise ValueError(
                f"learning_rate: with {settings.learning_rate:g} the numbers grew beyond all bounds in epoch "
                f"{epoch + 1}; wanted a lower one, such as {settings.learning_rate / 10:g}"
            )
        losses.append(loss)
    return tuple(losses)


@kernel
def _random(seed: np.uint64, stream: np.uint64, place: np.uint64) -> np.uint64:
    """Return 64 bits for a place in a stream: splitmix64 of all three."""
    state = seed
    for value in (stream, place):
        state = (state + value + np.uint64(1)) * _MULTIPLIER_1
        state = (state ^ (state >> np.uint64(30))) * _MULTIPLIER_2
        state = (state ^ (state >> np.uint64(27))) * _MULTIPLIER_3
        state ^= state >> np.uint64(31)
    return state


@kernel
def _draw(keys: NDArray[np.uint64], seed: np.uint64, stream: np.uint64) -> None:
    for i in range(len(keys)):
        keys[i] = _random(seed, stream, np.uint64(i))


@kernel
def _fill(values: NDArray[np.float32], bound: float, seed: np.uint64) -> None:
    """Fill with numbers spread evenly over [-bound, bound)."""
    for i in range(len(values)):
        unit = np.float64(_random(seed, np.uint64(0), np.uint64(i)) >> np.uint64(11)) * _TO_UNIT
        values[i] = (2 * unit - 1) * bound


@kernel
def _train_some(
    rows: NDArray[np.int32],
    offsets: NDArray[np.int64],
    targets: NDArray[np.int64],
    order: NDArray[np.int64],
    matrices: tuple[NDArray[np.float32], NDArray[np.float32]],
    scratch: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float64]],
    progress: tuple[float, int, int],
    so_far: tuple[float, int],
) -> tuple[float, int]:
    """See some documents of an epoch; return the sum of its losses and the rows seen, those `so_far` included."""
    table, output = matrices
    hidden, gradient, probabilities = scratch
    first_rate, epoch, num_epochs = progress
    total_loss, num_seen = so_far
    for d in order:
        start, end = offsets[d], offsets[d + 1]
        rate = first_rate * (1 - (epoch + num_seen / max(len(rows), 1)) / num_epochs)
        if end == start:
            continue
        num_seen += end - start
        _average(table, rows, start, end, hidden)
        _predict(hidden, output, probabilities)
        total_loss -= math.log(max(probabilities[targets[d]], 1e-300))
        gradient[:] = 0
        for label in range(len(output)):
            step = np.float32(rate * ((label == targets[d]) - probabilities[label]))
            for k in range(len(hidden)):
                gradient[k] += step * output[label, k]
                output[label, k] += step * hidden[k]
        share = np.float32(1 / (end - start))
        for k in range(len(hidden)):
            gradient[k] *= share
        for i in range(start, end):
            for k in range(len(hidden)):
                table[rows[i], k] += gradient[k]
    return total_loss, num_seen


@kernel
def _average(
    table: NDArray[np.float32], rows: NDArray[np.int32], start: int, end: int, hidden: NDArray[np.float32]
) -> None:
    hidden[:] = 0
    for i in range(start, end):
        for k in range(len(hidden)):
            hidden[k] += table[rows[i], k]
    share = np.float32(1 / (end - start))
    for k in range(len(hidden)):
        hidden[k] *= share


@kernel
def _predict(hidden: NDArray[np.float32], output: NDArray[np.float32], probabilities: NDArray[np.float64]) -> None:
    """Write the softmax of the output matrix times a vector."""
    highest = -np.inf
    for label in range(len(output)):
        score = 0.0
        for k in range(len(hidden)):
            score += np.float64(output[label, k]) * np.float64(hidden[k])
        probabilities[label] = score
        highest = max(highest, score)
    total = 0.0
    for label in range(len(output)):
        probabilities[label] = math.exp(probabilities[label] - highest)
        total += probabilities[label]
    for label in range(len(output)):
        probabilities[label] /= total
