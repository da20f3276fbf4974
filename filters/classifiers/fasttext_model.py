"""Probabilities of the labels of a fastText classifier, equal to the library's to 1e-5 and several times as fast.

The library adds up rows of the input matrix, takes their mean, and multiplies it by the output matrix. Both steps are
linear, so where there are fewer labels than dimensions the product of the matrices is taken once: a classifier of two
labels and 256 dimensions reads 8 bytes for each word instead of 1,024.

Sums are taken in float64. The library takes them in float32, which drifts where a text repeats one word thousands of
times: by up to 7e-4 in a probability.
"""

import math

import numpy as np
from numpy.typing import NDArray

from filters.classifiers.fasttext_file import FastTextFile, read_model
from filters.classifiers.fasttext_rows import RowFinder
from filters.columns import TextColumn
from filters.kernels import kernel

_SLICE_BYTES = 1 << 18
_TEXTS_AT_ONCE = 1 << 12
_ROWS_AT_ONCE = 1 << 16  # of the input matrix, while it is multiplied
_LOG_OFFSET = 1e-5  # fastText takes log(p + 1e-5) for log(p), and gives its exponential for the probability
_MAX_SIGMOID, _SIGMOID_STEPS = 8, 512  # fastText's table of the logistic function
_INFINITE = 10**15  # fastText's
_MAX_EXPONENT = 700.0  # beyond, the exponential is 0 or infinite for any use of ours
_LOG_2 = math.log(2)
_LOG_2_HIGH = 6.93147180369123816490e-01  # its first 33 bits: multiples up to 2**20 are exact
_LOG_2_LOW = 1.90821492927058770002e-10
_SERIES_TERMS = 14
_EXPONENT_BIAS, _FRACTION_BITS = 1_023, 52  # of float64


class FastTextModel:
    """A classifier in memory; serves one thread at a time."""

    def __init__(self, path: str) -> None:
        """Read a model.

        Raises:
            ValueError: the file cannot be read, is no whole and sound supervised model, or holds numbers that are none.
        """
        model = read_model(path)
        self.labels = model.labels
        self._loss = model.settings.loss
        self._finder = RowFinder.of(model)
        self._tree = _tree(model.label_counts) if self._loss == "hierarchical softmax" else None
        output = np.array(model.output, np.float32)
        self._is_multiplied = len(output) <= model.settings.dimension
        self._table = _multiply(model, output) if self._is_multiplied else np.array(model.input, np.float32)
        self._output = np.ascontiguousarray(output.T, np.float64)
        if not (np.isfinite(self._table).all() and np.isfinite(output).all()):
            raise ValueError(f"{path}: the model gives no probability: it holds NaN or infinity; fetch the file again")

    def probabilities(self, texts: TextColumn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return how probable each label is for each text.

        A line feed in a text is white space: the library takes single lines.

        Returns:
            probabilities: in (0, 1], shape (num_texts, num_labels); those of a text without rows are 0.
            is_known: whether the model knows anything of the text, shape (num_texts,).
        """
        scores, counts = self._scores(texts)
        is_known = counts > 0
        found = np.minimum(self._activate(scores), 1.0)  # fastText's products of sums with 1e-5 can exceed 1
        found[~is_known] = 0.0
        return found, is_known

    def top_labels(self, texts: TextColumn, step: int) -> NDArray[np.int64]:
        """Return the place in `labels` of the most probable label of texts 0, step, 2 * step and so on, int64.

        However many they are, few probabilities are in memory at once. A text without rows has the first label.
        """
        tops = [np.zeros(0, np.int64)]
        for first in range(0, texts.num_documents, step * _TEXTS_AT_ONCE):
            part = TextColumn(texts.data, texts.offsets[first : first + step * _TEXTS_AT_ONCE + 1])
            tops.append(self._activate(self._scores(part)[0][::step]).argmax(axis=1))
        return np.concatenate(tops)

    def _scores(self, texts: TextColumn) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return mean of rows times output matrix, shape (num_texts, num_labels), and how many rows each text has."""
        scores = np.zeros((texts.num_documents, self._table.shape[1]))
        counts = np.zeros(texts.num_documents, np.int64)
        first = 0
        for part in texts.slices(_SLICE_BYTES):
            rows, offsets = self._finder.rows(part)
            last = first + part.num_documents
            _add_up(self._table, rows, offsets, scores[first:last])
            counts[first:last] = np.diff(offsets)
            first = last
        scores /= np.maximum(counts, 1)[:, np.newaxis]
        if not self._is_multiplied:
            means, scores = scores, np.zeros((len(scores), len(self.labels)))
            _multiply_means(means, self._output, scores)
        return scores, counts

    def _activate(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._tree is not None:
            return _hierarchical_softmax(scores, self._tree)
        if self._loss == "softmax":
            powers = _exponential(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True) + _LOG_OFFSET)
        steps = ((scores + _MAX_SIGMOID) * _SIGMOID_STEPS / _MAX_SIGMOID / 2).astype(np.int64)
        places = steps.clip(0, _SIGMOID_STEPS) * 2.0 * _MAX_SIGMOID / _SIGMOID_STEPS - _MAX_SIGMOID
        values = np.where(np.abs(scores) > _MAX_SIGMOID, scores > 0, _sigmoid(places))
        return np.asarray(values + _LOG_OFFSET, np.float64)


def _multiply(model: FastTextFile, output: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the product of the input matrix and the transposed output matrix, shape (num_rows, num_labels)."""
    product = np.empty((len(model.input), len(output)), np.float32)
    for first in range(0, len(product), _ROWS_AT_ONCE):
        rows = np.array(model.input[first : first + _ROWS_AT_ONCE])  # aligned, which a file need not be
        _multiply_rows(rows, output, product[first : first + _ROWS_AT_ONCE])
    return product


@kernel
def _multiply_rows(rows: NDArray[np.float32], output: NDArray[np.float32], product: NDArray[np.float32]) -> None:
    """Multiply in the order of the columns: the libraries of linear algebra differ from processor to processor."""
    for row in range(len(rows)):
        for label in range(len(output)):
            total = 0.0
            for k in range(output.shape[1]):
                total += np.float64(rows[row, k]) * np.float64(output[label, k])
            product[row, label] = total


@kernel
def _multiply_means(means: NDArray[np.float64], output: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
    for d in range(len(means)):
        for k in range(len(output)):
            for label in range(output.shape[1]):
                scores[d, label] += means[d, k] * output[k, label]


@kernel
def _add_up(
    table: NDArray[np.float32], rows: NDArray[np.int32], offsets: NDArray[np.int64], sums: NDArray[np.float64]
) -> None:
    width = table.shape[1]
    for d in range(len(sums)):
        if width == 2:  # most classifiers; a loop over two would cost more than what is in it
            first, second = 0.0, 0.0
            for k in range(offsets[d], offsets[d + 1]):
                first += table[rows[k], 0]
                second += table[rows[k], 1]
            sums[d, 0], sums[d, 1] = first, second
        else:
            for k in range(offsets[d], offsets[d + 1]):
                for column in range(width):
                    sums[d, column] += table[rows[k], column]


def _tree(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the children of each node of fastText's Huffman tree, shape (2 * num_labels - 1, 2); -1 for labels."""
    num_labels = len(counts)
    weights = [*counts.tolist(), *[_INFINITE] * (num_labels - 1)]
    children = np.full((2 * num_labels - 1, 2), -1, np.int64)
    leaf, node = num_labels - 1, num_labels
    for parent in range(num_labels, 2 * num_labels - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                children[parent, side], leaf = leaf, leaf - 1
            else:
                children[parent, side], node = node, node + 1
        weights[parent] = weights[children[parent, 0]] + weights[children[parent, 1]]
    return children


def _hierarchical_softmax(scores: NDArray[np.float64], tree: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the probability of each label: the product of those on the way to it from the root, the last node."""
    num_labels = scores.shape[1]
    found = np.ones((len(tree), len(scores)))
    right = _sigmoid(scores.T[: num_labels - 1])
    for node in range(len(tree) - 1, num_labels - 1, -1):
        found[tree[node, 0]] = found[node] * (1 - right[node - num_labels] + _LOG_OFFSET)
        found[tree[node, 1]] = found[node] * (right[node - num_labels] + _LOG_OFFSET)
    return found[:num_labels].T.copy()


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + _exponential(-values)))


def _exponential(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return e to the power of each value, the same bits on any processor, where numpy and the C library differ."""
    exponents = np.ascontiguousarray(values).clip(-_MAX_EXPONENT, _MAX_EXPONENT)
    powers, scales = np.empty(values.shape), np.empty(values.shape, np.int64)
    _exponentiate(exponents.reshape(-1), powers.reshape(-1), scales.reshape(-1))
    powers *= scales.view(np.float64)
    return powers


@kernel
def _exponentiate(values: NDArray[np.float64], powers: NDArray[np.float64], scales: NDArray[np.int64]) -> None:
    """Split each value into k * log(2) + rest, and sum the series of the rest, which is at most 0.35.

    The bits of 2 to the power of k go into `scales`: what has no branch and calls nothing is done several values at a
    time.
    """
    for i in range(len(values)):
        k = np.floor(values[i] / _LOG_2 + 0.5)
        rest = (values[i] - k * _LOG_2_HIGH) - k * _LOG_2_LOW
        total = 1.0
        for divisor in range(_SERIES_TERMS, 0, -1):
            total = 1.0 + total * rest / divisor
        powers[i] = total
        scales[i] = (np.int64(k) + _EXPONENT_BIAS) << _FRACTION_BITS
