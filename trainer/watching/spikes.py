"""The spike score of OLMo 2: the share of values far from the mean of those before them."""

import numpy as np

WINDOW = 1000
SIGMA = 7.0
_MIN_VALUES = 128
"""Values before which none is a spike: seven standard deviations of a few values mean nothing."""


class SpikeScore:
    """Counts values at least SIGMA standard deviations from the mean of the WINDOW values before them.

    Team OLMo, 2024, "2 OLMo 2 Furious", section 3: the share of such values, here in [0, 1]. A value that is not finite
    is a spike and enters no window. It judges steps afterwards; what keeps them from the weights is the guard of
    trainer/optimizer.py, which is stricter and looks at fewer.
    """

    def __init__(self) -> None:
        self._window = np.zeros(WINDOW)
        self._num_finite = self._num_values = self._num_spikes = 0

    @property
    def score(self) -> float:
        """Share of spikes among all values so far; 0 where there is none."""
        return self._num_spikes / max(1, self._num_values)

    def add(self, value: float | None, *, judged: bool | None = None) -> bool:
        """Enter a value, None for one that is not finite; return whether it is a spike, as judged before or now."""
        spike = judged if judged is not None else value is None or self._is_far(value)
        self._num_values += 1
        self._num_spikes += spike
        if value is not None:
            self._window[self._num_finite % WINDOW] = value
            self._num_finite += 1
        return spike

    def _is_far(self, value: float) -> bool:
        if self._num_finite < _MIN_VALUES:
            return False
        values = self._window[: self._num_finite]
        distance = abs(value - values.mean())
        return bool(distance > 0 and distance >= SIGMA * values.std())
