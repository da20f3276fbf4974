"""Where a GPU's time goes: its kernels by what they are for, from the times that a profiler gives."""

from collections.abc import Sequence
from dataclasses import dataclass

# The first kind counts of which the name of a kernel has a word, in lower case.
_KINDS = (
    ("other ranks", ("nccl",)),
    ("attention", ("flash", "fmha", "sdpa", "attention")),
    ("optimizer and clipping", ("adam", "multi_tensor", "foreach")),
    ("compiled", ("triton_",)),
    ("matrix products", ("gemm", "nvjet", "cutlass", "xmma", "splitk", "cublas")),
    ("copies", ("memcpy", "memset", "copy", "cat", "split")),
)
OTHER, IDLE = "other", "idle"
_NAME_WIDTH = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTime:
    """One kernel in all steps that were profiled: its name, how often it ran, and for how long."""

    name: str
    count: int
    seconds: float


def kind_of(name: str) -> str:
    """Return what a kernel is for, by its name."""
    lower = name.lower()
    return next((kind for kind, words in _KINDS if any(word in lower for word in words)), OTHER)


def seconds_by_kind(kernels: Sequence[KernelTime], seconds: float) -> dict[str, float]:
    """Return the time of each kind, longest first, and last that in which no kernel ran.

    Args:
        kernels: that ran one after the other.
        seconds: from the first to the last.
    """
    sums: dict[str, float] = {}
    for kernel in kernels:
        kind = kind_of(kernel.name)
        sums[kind] = sums.get(kind, 0.0) + kernel.seconds
    longest_first = dict(sorted(sums.items(), key=lambda item: -item[1]))
    return longest_first | {IDLE: max(0.0, seconds - sum(sums.values()))}


def kernel_table(kernels: Sequence[KernelTime], seconds: float, num_steps: int, *, top: int = 20) -> str:
    """Return two tables: milliseconds of a step and share of it by kind, then of the `top` kernels that take most."""

    def row(part: float, title: str) -> str:
        return f"{1000 * part / num_steps:9.2f} ms {part / seconds:7.1%}  {title}"

    kinds = [row(part, kind) for kind, part in seconds_by_kind(kernels, seconds).items()]
    longest = sorted(kernels, key=lambda kernel: -kernel.seconds)[:top]
    names = [row(each.seconds, f"{each.count // num_steps:>5} x {each.name[:_NAME_WIDTH]}") for each in longest]
    return "\n".join([row(seconds, "a step"), *kinds, "", *names])
