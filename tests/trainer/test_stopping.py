"""Signals: the first is noted, what torchrun passes on of it is the same one, and a later one ends the process."""

import signal
import time
from collections.abc import Iterator

import pytest

from trainer.stopping import noted_signals


@pytest.fixture(autouse=True)
def python_handles_interrupts() -> Iterator[None]:
    """Handle SIGINT as Python does, also where a shell started the tests in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("again", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_again_within_a_second_is_the_same_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], again: signal.Signals
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with noted_signals() as received:
        signal.raise_signal(signal.SIGINT)
        clock[0] += 0.9
        signal.raise_signal(again)
        assert received == [signal.SIGINT]
        clock[0] += 0.2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert capfd.readouterr().err == "SIGINT: stopping where the work can go on; once more ends it at once\n"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
