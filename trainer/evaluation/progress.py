"""How far an evaluation is: a line every few seconds."""

import logging
import time

from mixes.progress import format_seconds

_INTERVAL_SECONDS = 5.0
log = logging.getLogger(__name__)


class Progress:
    """Says now and then how many of some things are scored, how fast, and how long the rest takes.

    Args:
        what: is evaluated on, such as `held_out`.
        things: what is counted: `documents`, `questions`.
        total: how many there are, None where that is not known.
    """

    def __init__(self, what: str, things: str, total: int | None) -> None:
        self._what, self._things, self._total = what, things, total
        self._done = 0.0
        self._tokens = 0
        self._started = self._told = time.monotonic()

    def add(self, done: float, tokens: int) -> None:
        """Count things, in parts where they are scored in parts, and the tokens read for them."""
        self._done += done
        self._tokens += tokens
        now = time.monotonic()
        if now - self._told >= _INTERVAL_SECONDS:
            self._told = now
            log.info("%s", self.describe(now - self._started))

    def describe(self, seconds: float) -> str:
        """Return the line after so many seconds."""
        of_all = left = ""
        if self._total is not None:
            of_all = f" of {self._total:,}"
            left = f", about {format_seconds(seconds * max(0.0, self._total / self._done - 1))} left"
        return f"  {self._what}: {self._done:,.0f}{of_all} {self._things}, {self._tokens / seconds:,.0f} tokens/s{left}"
