"""Sampling ahead: which shards and documents of a source are looked at, before anything costly is done to any.

Documents lie in the order of their sampling keys, so those of a sample are the first of that order, and a budget that
is cut inside it is cut where it would have been without one.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from mixes.hashing import hash_integers
from mixes.typed_yaml.fields import about

AUTO = "auto"
_STEPS = (Fraction(1), Fraction(3, 2), Fraction(2), Fraction(3), Fraction(5), Fraction(7))
_LEAST_EXPONENT = -9
_SAFETY = Fraction(11, 10)  # by which a larger share is to hold more than is wanted, by what the smaller one held
_SHARDS = 0x736861726473  # "shards" in ASCII: keeps these hashes apart from other uses of the same seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Which part of a source is looked at; the rest is set aside before anything costly is done to it."""

    shards: float = field(
        default=1.0,
        metadata=about(
            "share of its shards that are read, by a hash of seed and name; one at least", above=0, at_most=1
        ),
    )
    documents: float | Literal["auto"] = field(
        default=1.0,
        metadata=about(
            "share of the documents read that are looked at, by sampling key; `auto`: the plan chooses it from the "
            "tokens wanted",
            above=0,
            at_most=1,
        ),
    )
    head_room: float = field(
        default=3.0,
        metadata=about(
            "of `auto`: tokens looked at, as estimated before anything is dropped, for each token wanted", at_least=1
        ),
    )

    @property
    def share(self) -> float:
        """Return the share of documents that are looked at; the plan has put a number in the place of `auto`."""
        assert not isinstance(self.documents, str), "the plan resolves it"
        return self.documents


def planned_share(wanted_tokens: int, estimated_tokens: int, head_room: float) -> float:
    """Return the share of a source's documents to look at, in (0, 1].

    It is rounded up to a coarse grid, so that a small change of a budget changes nothing that was made.

    Args:
        wanted_tokens: tokens wanted of the source.
        estimated_tokens: tokens that it has before anything is dropped, about.
        head_room: tokens to look at for each one wanted.
    """
    if estimated_tokens <= 0:
        return 1.0
    return rounded_share(Fraction(str(head_room)) * wanted_tokens / estimated_tokens)


def rounded_share(share: Fraction | float) -> float:
    """Return the smallest number of the grid that is no smaller: 1, 1.5, 2, 3, 5, 7 times a power of ten, at most 1."""
    exponent = max(_LEAST_EXPONENT, math.floor(math.log10(share))) if share > 0 else _LEAST_EXPONENT
    for power in (exponent, exponent + 1):  # the logarithm of a power of ten may come out below it
        for step in _STEPS:
            candidate = float(step * Fraction(10) ** power)  # compared as it is written: 0.1 is no less than 0.1
            if candidate >= float(share):
                return min(candidate, 1.0)
    raise AssertionError("unreachable: ten times a number's power of ten is larger")


def sampled_shards(names: Sequence[str], seed: int, share: float) -> list[bool]:
    """Return which shards are read: those whose hash of seed and name lies below the share, or the one of the lowest.

    Whoever lies in a smaller share lies in a larger one too.

    Args:
        names: names of the shards of a source.
        seed: the seed of the mix.
        share: in (0, 1].
    """
    if share == 1:
        return [True] * len(names)
    hashes = [shard_hash(name, seed) for name in names]
    end = max(math.ceil(Fraction(str(share)) * 2**64), min(hashes, default=0) + 1)
    return [each < end for each in hashes]


def shard_hash(name: str, seed: int) -> int:
    """Return the place of a shard in the order in which samples take them, in [0, 2**64)."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return hash_integers(_SHARDS, seed, int.from_bytes(digest, "big"))


def sample_remedy(sample: Sample, wanted_tokens: int, available_tokens: int, held_out_share: float) -> str:
    """Return what to do about a sample that holds fewer tokens than are wanted; "" where the sample is not the cause.

    Args:
        sample: the source's sample, resolved.
        wanted_tokens: tokens wanted of the source, or of one of its splits.
        available_tokens: tokens of its documents of the sample that every station kept and that are not held out.
        held_out_share: `validation.share` of the source: documents of the lowest keys, which a sample has first.
    """
    if sample.share == 1 or available_tokens >= wanted_tokens:
        return ""
    if available_tokens == 0 and sample.share <= held_out_share:
        return (
            f"validation.share {held_out_share:g} holds out all that sample.documents {sample.share:g} looks at; raise "
            f"sample.documents above it, to {rounded_share(2 * held_out_share):g} for as much again to train on"
        )
    factor = Fraction(wanted_tokens, available_tokens) * _SAFETY if available_tokens else 10
    return (
        f"only sample.documents {sample.share:g} of its documents were looked at, which hold {available_tokens:,} of "
        f"{wanted_tokens:,} tokens wanted; raise sample.documents to {rounded_share(sample.share * factor):g}"
    )
