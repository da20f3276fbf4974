"""What the garbage collections of a process look through."""

import gc


def spare_what_is_loaded() -> None:
    """Leave what this process holds by now out of its garbage collections.

    To look through the modules of Beam and of the compiler, which stay to the end, takes 0.2 s each time. Processes
    that are forked afterwards share that memory the longer for it.
    """
    gc.freeze()
