"""How far an evaluation is, by a clock that the test turns."""

import logging
import time

import pytest

from trainer.evaluation.progress import Progress


def test_a_line_comes_when_the_last_is_old(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with caplog.at_level(logging.INFO):
        told, open_ended = Progress("held_out", "documents", 40), Progress("texts", "documents", None)
        for clock[0] in (104.9, 105.0, 106.0, 120.0):
            told.add(2.5, 500)
            open_ended.add(2.5, 500)
    assert caplog.messages == [
        "  held_out: 5 of 40 documents, 200 tokens/s, about 35 s left",
        "  texts: 5 documents, 200 tokens/s",
        "  held_out: 10 of 40 documents, 100 tokens/s, about 1 min 00 s left",
        "  texts: 10 documents, 100 tokens/s",
    ]
