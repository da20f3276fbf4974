"""Which mix each step sees, where a run has several: arithmetic on the step, as the order inside a mix is."""

import bisect
from collections.abc import Sequence
from itertools import accumulate

from mixes.errors import SpecError


class MixOrder:
    """Mixes one after another; one that comes again goes on where it was left.

    Args:
        stretches: the number of a mix and how many steps see it, at least 1; one after another to the end of the run.
    """

    def __init__(self, stretches: Sequence[tuple[int, int]]) -> None:
        self._mixes = [mix for mix, _ in stretches]
        self._ends = list(accumulate(steps for _, steps in stretches))
        seen: dict[int, int] = {}
        self._passed = []  # steps that are not of a stretch's mix, before the stretch
        for (mix, steps), end in zip(stretches, self._ends, strict=True):
            seen_before = seen.get(mix, 0)
            self._passed.append(end - steps - seen_before)
            seen[mix] = seen_before + steps

    def at(self, step: int) -> tuple[int, int]:
        """Return the number of the mix that a step of the run sees, and which step of that mix it is, from 1."""
        place = bisect.bisect_left(self._ends, step)
        return self._mixes[place], step - self._passed[place]


def order_of(names: Sequence[str], data: Sequence[tuple[str, int]], num_steps: int) -> MixOrder:
    """Return the order of the mixes that are at hand.

    Args:
        names: of the mixes at hand.
        data: what the spec says: (mix, steps) one after another; empty where it says nothing.
        num_steps: of the run.

    Raises:
        SpecError: the names are not those of the spec, each once, or there are several and it says nothing.
    """
    if len(set(names)) < len(names):
        raise SpecError(f"--mix: found {', '.join(names)}; wanted mixes of different names")
    if not data:
        if len(names) > 1:
            raise SpecError(f"--mix: found {len(names)} mixes and no `data` in the spec; wanted it to say their order")
        return MixOrder([(0, num_steps)])
    wanted = {name for name, _ in data}
    if wanted != set(names):
        raise SpecError(f"--mix: found {', '.join(names)}, wanted those of `data`: {', '.join(sorted(wanted))}")
    return MixOrder([(names.index(name), steps) for name, steps in data])
