"""Tests of progress: marks of workers add up, and the line says where a build stands."""

import io
from pathlib import Path

from pipelines.progress import Marks, ProgressDisplay, describe, read_marks


def test_marks_of_several_units_add_up(tmp_path: Path) -> None:
    first, second = Marks(str(tmp_path), "measure", 0), Marks(str(tmp_path), "measure", 1)
    first.add(documents=10, text_bytes=1_000)
    first.add(documents=5, text_bytes=500)
    first.finish()
    second.add(documents=1, text_bytes=100)
    assert read_marks(str(tmp_path))["measure"] == {"units": 1, "documents": 16, "bytes": 1_600}


def test_marks_without_a_folder_leave_nothing(tmp_path: Path) -> None:
    marks = Marks(None, "measure", 0)
    marks.add(documents=1, text_bytes=1)
    marks.finish()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_means_nothing_was_done(tmp_path: Path) -> None:
    assert read_marks(str(tmp_path / "absent"))["tokenize"]["units"] == 0


def test_the_line_gives_units_documents_speed_and_time_left() -> None:
    totals = {
        "measure": {"units": 2, "documents": 300, "bytes": 4_000_000},
        "tokenize": {"units": 0, "documents": 0, "bytes": 0},
    }
    line = describe(totals, 4, 2.0)
    assert line == "measure: 2 of 4 units, 300 documents; 2.0 MB/s, 150 documents/s, 2 s so far, about 6 s left"


def test_where_there_is_no_terminal_plain_lines_are_written(tmp_path: Path) -> None:
    stream = io.StringIO()
    with ProgressDisplay(str(tmp_path), 1, stream):
        Marks(str(tmp_path), "measure", 0).finish()
        Marks(str(tmp_path), "tokenize", 0).finish()
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("measure: 0 of 1 units")  # at once: the first build on a machine compiles for a while
    assert lines[-1].startswith("tokenize: 1 of 1 units")
    assert "\x1b" not in stream.getvalue()
