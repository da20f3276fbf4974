"""The integers of token files."""

import numpy as np


def token_dtype(vocab_size: int) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
    """Return the smaller of little-endian uint16 and uint32 that holds every id below `vocab_size`.

    Raises:
        ValueError: the vocabulary is empty or has more than 2**32 ids.
    """
    if not 1 <= vocab_size <= 2**32:
        raise ValueError(f"found vocab_size {vocab_size}, wanted 1 to 2**32")
    return np.dtype("<u2") if vocab_size <= 2**16 else np.dtype("<u4")
