"""Tests of compiled functions: with and without a folder for their machine code."""

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from mixes.kernels import kernel


def _doubled(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return values * 2


def test_where_no_folder_can_be_written_a_kernel_is_compiled_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    njit = numba.njit

    def njit_without_folder(*, cache: bool = False, nogil: bool) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(nogil=nogil)

    monkeypatch.setattr(numba, "njit", njit_without_folder)
    assert kernel(_doubled)(np.arange(3)).tolist() == [0, 2, 4]
