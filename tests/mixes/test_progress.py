"""Progress: what a line says, and when there is one."""

import io
import threading

import pytest

from mixes.progress import Progress, format_seconds, telling_after


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_line_says_how_much_is_done_how_fast_and_what_is_left() -> None:
    progress = Progress("checked", "MB", 4_000_000_000)
    progress.add(1_000_000_000)
    assert progress.describe(10) == "checked 1,000.0 of 4,000.0 MB; 100.0 MB/s, 10 s so far, about 30 s left"


def test_nothing_is_left_at_the_end_and_nothing_is_known_at_the_beginning() -> None:
    progress = Progress("checked", "MB", 1_000_000)
    assert progress.describe(0) == "checked 0.0 of 1.0 MB; 0.0 MB/s, 0 s so far"
    progress.add(1_000_000)
    assert progress.describe(1) == "checked 1.0 of 1.0 MB; 1.0 MB/s, 1 s so far"


@pytest.mark.parametrize(("stream", "wait"), [(Terminal(), 0.5), (io.StringIO(), 10.0)])
def test_a_line_comes_once_the_last_one_is_old(
    stream: io.StringIO, wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("mixes.progress.time.monotonic", lambda: now[0])
    with Progress("exported", "M tokens", 10, stream) as progress:
        now[0] += wait - 0.1
        progress.add(1)
        assert stream.getvalue() == ""
        now[0] += 0.2
        progress.add(1)
        assert stream.getvalue().count("exported") == 1
        progress.add(8)
    assert stream.getvalue().count("exported") == 2
    assert stream.getvalue().endswith("\n")
    assert progress.done == 10


def test_what_is_done_at_once_shows_nothing() -> None:
    stream = Terminal()
    with Progress("exported", "M tokens", 10, stream) as progress:
        progress.add(10)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7_800, "2 h 10 min")]
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_a_line_is_written_where_a_block_takes_long_and_none_where_it_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with telling_after(3600, "still at it"):
        pass
    assert capsys.readouterr().err == ""
    with telling_after(0, "still at it"):
        for thread in threading.enumerate():
            if isinstance(thread, threading.Timer):
                thread.join()
    assert capsys.readouterr().err == "still at it\n"
