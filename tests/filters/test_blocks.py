"""Instructions on blocks and masks against what they say, in Python."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.blocks import (
    BLOCK,
    bytes_between,
    columns_that_meet,
    count_bits,
    eight_bytes,
    equal_of_eight,
    lowest_bit,
    mask_between,
    put_eight_bytes,
)
from filters.kernels import kernel

masks = st.integers(0, 2**64 - 1)
bytes_ = st.integers(0, 255)


@kernel
def between(text: NDArray[np.uint8], i: int, bounds: tuple[int, int, int], found: NDArray[np.uint64]) -> None:
    found[0] = bytes_between(text, np.uint64(i), bounds[0], bounds[1], bounds[2])


@kernel
def first_eight(text: NDArray[np.uint8], i: int, found: NDArray[np.uint64]) -> None:
    found[0] = eight_bytes(text, np.uint64(i))


@kernel
def write_eight(text: NDArray[np.uint8], i: int, number: np.uint64) -> None:
    put_eight_bytes(text, np.uint64(i), number)


@kernel
def meeting(columns: NDArray[np.uint64], i: int, keep: np.uint64, found: NDArray[np.uint64]) -> None:
    found[0] = columns_that_meet(columns, np.uint64(i), keep)


@kernel
def equals(numbers: NDArray[np.uint64], number: np.uint64, found: NDArray[np.uint64]) -> None:
    found[0] = equal_of_eight(numbers, number)


@kernel
def inside(start: int, end: int, place: int, found: NDArray[np.uint64]) -> None:
    found[0] = mask_between(np.uint64(start), np.uint64(end), np.uint64(place))


@kernel
def bits(mask: np.uint64, found: NDArray[np.uint64]) -> None:
    found[0], found[1] = lowest_bit(mask), count_bits(mask)


@given(st.binary(min_size=BLOCK + 3, max_size=BLOCK + 3), st.integers(0, 3), bytes_, bytes_, bytes_)
def test_a_mask_tells_which_bytes_lie_between_two(data: bytes, i: int, fold: int, low: int, high: int) -> None:
    low, high = sorted((low, high))
    found = np.zeros(1, np.uint64)
    between(np.frombuffer(data, np.uint8), i, (fold, low, high), found)
    assert int(found[0]) == sum((low <= byte | fold <= high) << k for k, byte in enumerate(data[i : i + BLOCK]))


@given(st.binary(min_size=11, max_size=11), st.integers(0, 3))
def test_eight_bytes_are_one_number_wherever_they_lie(data: bytes, i: int) -> None:
    found = np.zeros(1, np.uint64)
    first_eight(np.frombuffer(data, np.uint8), i, found)
    assert found.tobytes() == data[i : i + 8]


@given(st.lists(masks, min_size=24, max_size=24), st.integers(0, 2 * BLOCK - 1), masks)
def test_columns_meet_a_mask_that_begins_anywhere_in_a_block(rows: list[int], i: int, keep: int) -> None:
    columns, found = np.array(rows, np.uint64).reshape(3, 8), np.zeros(1, np.uint64)
    meeting(columns, i, np.uint64(keep), found)
    joined = [sum(row << (BLOCK * block) for block, row in enumerate(rows[column::8])) for column in range(8)]
    assert int(found[0]) == sum((mask >> i & keep != 0) << column for column, mask in enumerate(joined))


@given(masks)
def test_bits_of_a_mask_are_counted_and_the_lowest_is_found(mask: int) -> None:
    found = np.zeros(2, np.uint64)
    bits(np.uint64(mask), found)
    assert found.tolist() == [(mask & -mask).bit_length() - 1 if mask else BLOCK, mask.bit_count()]


@given(st.lists(st.integers(0, 3), min_size=8, max_size=8), st.integers(0, 3))
def test_all_numbers_of_eight_that_are_equal_to_one_are_told(numbers: list[int], number: int) -> None:
    found = np.zeros(1, np.uint64)
    equals(np.array(numbers, np.uint64), np.uint64(number), found)
    assert int(found[0]) == sum((each == number) << k for k, each in enumerate(numbers))


@given(st.integers(0, 200), st.integers(1, 200))
def test_the_bytes_of_a_block_between_two_places_are_told(start: int, size: int) -> None:
    found = np.zeros(1, np.uint64)
    for place in range(start // BLOCK * BLOCK, start + size, BLOCK):
        inside(start, start + size, place, found)
        assert int(found[0]) == sum((start <= place + k < start + size) << k for k in range(BLOCK))


@given(st.binary(min_size=11, max_size=11), st.integers(0, 3), st.binary(min_size=8, max_size=8))
def test_eight_bytes_are_written_wherever_they_lie(data: bytes, i: int, new: bytes) -> None:
    text = np.frombuffer(data, np.uint8).copy()
    write_eight(text, i, np.frombuffer(new, np.uint64)[0])
    assert text.tobytes() == data[:i] + new + data[i + 8 :]
