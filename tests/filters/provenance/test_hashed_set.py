"""Sets of hashes against Python's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.provenance.hashed_set import HashedSet

HASHES = st.lists(st.one_of(st.integers(0, 40), st.integers(0, 2**64 - 1)), max_size=60)


@settings(max_examples=200)
@given(st.lists(HASHES, max_size=4), HASHES)
def test_a_set_holds_what_was_put_in_and_nothing_else(added: list[list[int]], asked: list[int]) -> None:
    found, wanted = HashedSet(), set[int]()
    for hashes in added:
        found.add(np.array(hashes, np.uint64))
        wanted |= {max(each, 1) for each in hashes}  # 0 is kept as 1
    assert len(found) == len(wanted)
    assert found.contains(np.array(asked, np.uint64)).tolist() == [max(each, 1) in wanted for each in asked]


def test_a_hash_takes_at_most_22_bytes() -> None:
    hashes = np.arange(1, 400_001, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    many = HashedSet()
    for block in np.split(hashes, 400):
        many.add(block)
        assert len(many) < 100 or many.num_bytes <= 22 * len(many)
    assert len(many) == 400_000
