"""The dtype of token files."""

import numpy as np
import pytest

from mixes.token_ids import token_dtype


@pytest.mark.parametrize(("vocab_size", "dtype"), [(1, "<u2"), (65_536, "<u2"), (65_537, "<u4"), (2**32, "<u4")])
def test_the_smallest_dtype_that_holds_the_vocabulary_is_taken(vocab_size: int, dtype: str) -> None:
    assert token_dtype(vocab_size) == np.dtype(dtype)


@pytest.mark.parametrize("vocab_size", [0, 2**32 + 1])
def test_vocabularies_that_no_dtype_holds_are_refused(vocab_size: int) -> None:
    with pytest.raises(ValueError, match=r"wanted 1 to 2\*\*32"):
        token_dtype(vocab_size)
