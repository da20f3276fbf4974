"""How functions over tokens are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])  # any arguments: a decorator changes none of them


def kernel(function: F) -> F:
    """Compile a function when it is first called; keep the machine code on disk where a folder for it can be written.

    It may allocate what it returns, which functions compiled by `filters.kernels` may not.
    """
    try:
        return cast("F", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # numba refuses to cache where neither the package nor the home folder can be written
        return cast("F", numba.njit(nogil=True)(function))
