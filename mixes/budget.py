"""Budget arithmetic: from proportions to tokens, from tokens to epochs, and from a rest of tokens to the exact cut.

The documents of a source have one order: by sampling key, then by part, then by place in the part. After the whole
epochs, the documents at its beginning are seen once more while their tokens add up to at most the rest. As every part
lies in the order of its keys, what is seen of a part is a prefix. The cut is found in two steps, so that nobody holds a
source's keys at once: a histogram of tokens by key gives the bin, the rows of that bin in each part give the document.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from mixes.errors import SpecError
from mixes.hashing import key_bins


@dataclass(frozen=True, slots=True, kw_only=True)
class Epochs:
    """How often a source is seen: whole epochs, and the tokens wanted of one more, fewer than a whole one has."""

    whole_epochs: int
    rest_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """What the first documents of a part hold."""

    documents: int
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BinRows:
    """The documents of one part whose keys lie in one bin.

    Attributes:
        before: what the part's documents in lower bins hold.
        keys: sampling keys, rising, uint64.
        lengths: tokens, int64.
        bytes: UTF-8 bytes of the texts, int64.
    """

    before: Prefix
    keys: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    bytes: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a source is cut.

    Attributes:
        cut_key: sampling key of the first document left out; all with smaller keys are in, none with larger ones.
        prefixes: what is in, for each part.
    """

    cut_key: int
    prefixes: tuple[Prefix, ...]


def plan_tokens(total: int, proportions: Sequence[float]) -> list[int]:
    """Return the tokens of each source: integers that add up to `total`, each less than one away from its proportion.

    Proportions count as the decimals they are written as, divided by their sum. What rounding down leaves goes to the
    largest remainders, one token each; among equal ones to the earlier source.

    Args:
        total: tokens of the mix, at least 0.
        proportions: one for each source, positive.
    """
    parts = [Fraction(str(proportion)) for proportion in proportions]
    exact = [total * part / sum(parts) for part in parts]
    tokens = [math.floor(quota) for quota in exact]
    by_remainder = sorted(range(len(parts)), key=lambda place: tokens[place] - exact[place])
    for place in by_remainder[: total - sum(tokens)]:
        tokens[place] += 1
    return tokens


def plan_epochs(name: str, wanted: int, available: int, max_epochs: float, *, total: int | None = None) -> Epochs:
    """Return how often a source must be seen to give the tokens wanted of it.

    Args:
        name: the source, for messages.
        wanted: tokens wanted, at least 0.
        available: tokens of one epoch.
        max_epochs: the bound, as written in the spec; need not be whole.
        total: tokens of the mix, where `wanted` is a proportion of it; None where the source itself gives `wanted`.

    Raises:
        SpecError: the source does not have that many tokens within `max_epochs`.
    """
    limit = math.floor(available * Fraction(str(max_epochs)))
    if wanted > limit:
        raise SpecError(_shortage(name, wanted, available, max_epochs, limit, total))
    if wanted == 0:
        return Epochs(whole_epochs=0, rest_tokens=0)
    whole_epochs, rest_tokens = divmod(wanted, available)
    return Epochs(whole_epochs=whole_epochs, rest_tokens=rest_tokens)


def find_cut_bin(histogram: NDArray[np.int64], rest_tokens: int) -> tuple[int, int]:
    """Return the bin in which a source is cut, and the tokens in all bins below it.

    Args:
        histogram: tokens of the source by bin of sampling key, shape (NUM_BINS,): the sum of its parts' histograms.
        rest_tokens: tokens wanted, in [0, sum of the histogram).

    Raises:
        ValueError: the source has no more tokens than are wanted, so nothing is cut.
    """
    tokens_through = np.cumsum(histogram)
    if not 0 <= rest_tokens < tokens_through[-1]:
        raise ValueError(f"found rest_tokens {rest_tokens}, wanted 0 or more and fewer than {tokens_through[-1]}")
    number = int(np.searchsorted(tokens_through, rest_tokens, side="right"))
    return number, int(tokens_through[number] - histogram[number])


def bin_rows(
    keys: NDArray[np.uint64], lengths: NDArray[np.int64], text_bytes: NDArray[np.int64], number: int
) -> BinRows:
    """Return the rows of a part's index whose keys lie in bin `number`, and the sums of those before.

    Args:
        keys: sampling keys of the part's documents, rising, shape (num_documents,).
        lengths: their tokens.
        text_bytes: UTF-8 bytes of their texts.
        number: the bin, in [0, NUM_BINS).
    """
    bins = key_bins(keys)
    first, end = (int(np.searchsorted(bins, number, side=side)) for side in ("left", "right"))
    before = Prefix(documents=first, tokens=int(lengths[:first].sum()), bytes=int(text_bytes[:first].sum()))
    return BinRows(before=before, keys=keys[first:end], lengths=lengths[first:end], bytes=text_bytes[first:end])


def cut_source(parts: Sequence[BinRows], rest_tokens: int) -> Cut:
    """Return the longest beginning of a source's order that has at most `rest_tokens` tokens.

    Args:
        parts: the rows of each part in the bin that `find_cut_bin` gave for `rest_tokens`, in the order of the parts.
        rest_tokens: tokens wanted.

    Raises:
        ValueError: the cut lies in another bin.
    """
    keys = np.concatenate([part.keys for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])
    part_of = np.repeat(np.arange(len(parts)), [len(part.keys) for part in parts])
    order = np.argsort(keys, kind="stable")  # stable: equal keys stay in the order of part and place
    room = rest_tokens - sum(part.before.tokens for part in parts)
    num_taken = int(np.searchsorted(np.cumsum(lengths[order]), room, side="right"))
    if room < 0 or num_taken == len(keys):
        raise ValueError(f"found room for {room} tokens in a bin of {lengths.sum()}, wanted the bin of the cut")
    taken = np.bincount(part_of[order[:num_taken]], minlength=len(parts))
    prefixes = tuple(_extend(part, int(count)) for part, count in zip(parts, taken, strict=True))
    return Cut(cut_key=int(keys[order[num_taken]]), prefixes=prefixes)


def _extend(part: BinRows, num_documents: int) -> Prefix:
    """Return what a part holds up to and with the first `num_documents` of its bin."""
    return Prefix(
        documents=part.before.documents + num_documents,
        tokens=part.before.tokens + int(part.lengths[:num_documents].sum()),
        bytes=part.before.bytes + int(part.bytes[:num_documents].sum()),
    )


def _shortage(name: str, wanted: int, available: int, max_epochs: float, limit: int, total: int | None) -> str:
    """Return the message that says what a source lacks and what to change."""
    if total is None:
        demand, remedy = f"wants {wanted:,} tokens", f"lower tokens to {limit:,}"
    else:
        demand = f"proportion {wanted / total:.6g} of {total:,} tokens needs {wanted:,}"
        remedy = f"lower proportion to {_round_down(limit / total)}" if limit else "leave it out"
    if available == 0:
        return f"source {name!r}: {demand}, but no token of it survived; loosen what drops it, or leave it out"
    epochs = f"{math.ceil(Fraction(100 * wanted, available)) / 100:.2f}".rstrip("0").rstrip(".")
    supply = f"{available:,} tokens x max_epochs {max_epochs:g} gives {limit:,}"
    return f"source {name!r}: {demand}, but {supply}; {remedy} or raise max_epochs to {epochs}"


def _round_down(proportion: float) -> str:
    """Return a positive proportion with three digits after the point or, when it is small, three digits that count."""
    digits = max(3, 2 - math.floor(math.log10(proportion)))
    return f"{math.floor(proportion * 10**digits) / 10**digits:.{digits}f}"
