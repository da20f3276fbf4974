"""Signals: the first is noted, what torchrun passes on of it is the same one, and a later one ends the process."""

import signal
import time

import pytest

from trainer.stopping import noted_signals


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
