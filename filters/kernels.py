"""How functions over columns are compiled: one place that knows numba's switches."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])  # any arguments: a decorator changes none of them

Record = Any
"""A row of a structured array; the array's dtype tells numba what fields it has, but no type checker."""


def kernel(function: F) -> F:
    """Compile a function that reads and fills arrays it is given, and allocates none.

    The machine code is kept beside the module, and the GIL is released while it runs. `_nrt=False` leaves out the
    reference counts of arrays: with them every call from kernel to kernel costs a few atomic operations, and the word
    pass takes 3 times as long (`docs/decisions/kernels.md`). A function that allocates does not compile under it.
    """
    try:
        return _compile(function, cache=True)
    except RuntimeError:  # numba refuses to cache where neither the package nor the home folder can be written
        return _compile(function, cache=False)


def _compile(function: F, *, cache: bool) -> F:
    compiled: F = numba.njit(cache=cache, nogil=True, _nrt=False)(function)  # type: ignore[call-overload]  # no stub has it
    return compiled
