"""The order of instances: a keyed permutation computed on the fly, with no state but the position.

A Feistel network permutes the smallest power of two with an even number of bits that holds `count`. Outputs
outside [0, count) are sent through again until they fall inside (cycle walking; Black and Rogaway, "Ciphers with
arbitrary finite domains", 2002): fewer than four passes on average, and still a bijection. Eight rounds of a 64-bit
mixer make orders that no statistical test of ours tells from random ones. This is no encryption.
"""

import numpy as np
from numpy.typing import NDArray

from mixes.hashing import hash_integers, mix64

NUM_ROUNDS = 8
MAX_COUNT = 2**62  # the largest even-bit domain whose numbers are int64
_ROUND_NUMBERS: NDArray[np.uint64] = np.arange(NUM_ROUNDS, dtype=np.uint64)
_ORDER = 0x6F72646572  # "order" in ASCII: keeps these keys apart from other uses of the same seed


def permute(positions: NDArray[np.int64], count: int, key: int) -> NDArray[np.int64]:
    """Return where a keyed bijection of [0, count) sends each position, same shape, int64.

    Args:
        positions: numbers in [0, count); may repeat, in any order, may be empty.
        count: size of the permuted range, in [1, 2**62].
        key: in [0, 2**64), see `order_key`; each key gives another permutation.

    Raises:
        ValueError: the count, the key or a position lies outside its range.
    """
    if not 0 <= key < 2**64:
        raise ValueError(f"found key {key}, wanted an integer in [0, 2**64)")
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"found count {count}, wanted an integer in [1, 2**62]")
    if positions.size and not (positions.min() >= 0 and positions.max() < count):
        raise ValueError(f"found positions in [{positions.min()}, {positions.max()}], wanted [0, {count})")
    half_bits = max(1, ((count - 1).bit_length() + 1) // 2)
    round_keys = mix64(mix64(np.full(NUM_ROUNDS, key, dtype=np.uint64)) + _ROUND_NUMBERS)
    images = _feistel(positions.astype(np.uint64), half_bits, round_keys)
    outside = np.nonzero(images >= count)
    while outside[0].size:
        walked = _feistel(images[outside], half_bits, round_keys)
        images[outside] = walked
        outside = tuple(axis[walked >= count] for axis in outside)
    return images.astype(np.int64)


def order_key(seed: int, epoch: int) -> int:
    """Return the key of `permute` for one epoch (from 0) of the data order that `seed` names, in [0, 2**64)."""
    return hash_integers(_ORDER, seed, epoch)


def instances_at(positions: NDArray[np.int64], num_instances: int, seed: int) -> NDArray[np.int64]:
    """Return the instance at each position of a run, same shape, int64 in [0, num_instances).

    Position p lies in epoch `p // num_instances`, whose order is its own permutation: every epoch holds every
    instance once. The answer for a position does not depend on the other positions asked for.

    Args:
        positions: numbers >= 0 counted over the whole run: step s of global batch G has [s * G, (s + 1) * G).
        num_instances: instances in the mix at the run's sequence length, in [1, 2**62].
        seed: names the data order, in [0, 2**64).

    Raises:
        ValueError: a number lies outside its range.
    """
    if not 1 <= num_instances <= MAX_COUNT:
        raise ValueError(f"found num_instances {num_instances}, wanted an integer in [1, 2**62]")
    if positions.size and positions.min() < 0:
        raise ValueError(f"found position {positions.min()}, wanted positions >= 0")
    epochs, places = np.divmod(positions, num_instances)
    instances = np.empty_like(positions)
    for epoch in np.unique(epochs):
        inside = epochs == epoch
        instances[inside] = permute(places[inside], num_instances, order_key(seed, int(epoch)))
    return instances


def _feistel(values: NDArray[np.uint64], half_bits: int, round_keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a bijection of [0, 2**(2 * half_bits)), same shape: per round, left ^= hash(right, key), then swap."""
    half = np.uint64(half_bits)
    mask = np.uint64(2**half_bits - 1)
    left, right = values >> half, values & mask
    for round_key in round_keys:
        left, right = right, left ^ (mix64(right ^ round_key) & mask)
    return (left << half) | right
