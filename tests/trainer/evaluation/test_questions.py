"""Questions as files hold them, and what is refused with its place."""

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from mixes.errors import DataError
from trainer.evaluation.questions import in_drawn_order, read_questions

ROOT = Path(__file__).resolve().parents[3]
CHOICE = {"id": "a", "task": "Some_Set", "question": "Why?", "choices": ["so", "thus"], "answer": 1}
TEXT = {"id": "b", "task": "gsm8k", "question": "1 + 1?", "choices": None, "answer": "2", "solution": "1 + 1 = 2"}


def written(path: Path, *records: object) -> Path:
    content = "".join(json.dumps(record) + "\n" for record in records).encode()
    packed = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}.get(path.suffix, bytes)
    path.write_bytes(packed(content))
    return path


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "jsonl.zst"])
def test_a_question_with_choices_is_read_from_any_container(tmp_path: Path, suffix: str) -> None:
    found = read_questions(written(tmp_path / f"set.{suffix}", CHOICE))
    (question,) = found.questions
    assert (found.task, found.has_choices) == ("some-set", True)
    assert (question.id, question.text, question.choices, question.answer) == ("a", "Why?", ("so", "thus"), 1)


@pytest.mark.parametrize(
    ("changes", "gold"),
    [
        ({}, "1 + 1 = 2"),
        ({"solution": None}, "2"),
        ({"solution": None, "answer": ["two", "2"]}, "two"),
        ({"solution": None, "answer": None, "canonical_solution": "    return 2"}, "    return 2"),
    ],
)
def test_the_right_answer_of_a_question_without_choices(tmp_path: Path, changes: dict[str, object], gold: str) -> None:
    found = read_questions(written(tmp_path / "set.jsonl", TEXT | changes))
    assert not found.has_choices
    assert found.questions[0].choices == (gold,)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "found no question"),
        ([CHOICE, 3], r"set.jsonl:2: found int, wanted a JSON object"),
        ([CHOICE | {"question": None}], r":1: question: found None, wanted a text"),
        ([CHOICE | {"answer": 2}], r":1: answer: found 2, wanted the index of one of 2 choices"),
        ([CHOICE | {"answer": True}], r":1: answer: found True, wanted the index of one of 2 choices"),
        ([CHOICE, CHOICE | {"question": "\ud800"}], r":2: found no JSON: .*surrogates not allowed; wanted one object"),
        ([CHOICE | {"choices": ["so", ""]}], ":1: choices: found"),
        ([CHOICE | {"choices": ["so"] * 27}], ":1: found 27 choices"),
        ([TEXT | {"answer": None, "solution": None}], ":1: found neither choices nor the text of an answer"),
        ([CHOICE, CHOICE | {"task": "other"}], r"several tasks: some-set \(.*:1\), other \(.*:2\)"),
        ([CHOICE | {"task": "a\n\033[31m"}], r":1: task: found 'a\\n\\x1b\[31m', wanted a name of printable"),
        ([CHOICE, TEXT | {"task": "some-set"}], "questions with choices and without"),
    ],
)
def test_what_is_no_question_is_refused_with_its_place(tmp_path: Path, records: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_questions(written(tmp_path / "set.jsonl", *records))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "set.jsonl.gz", *[CHOICE] * 1000)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="cannot be read after line"):
        read_questions(path)
    with pytest.raises(DataError, match=r"absent\.jsonl: No such file or directory; wanted a file of JSON lines"):
        read_questions(tmp_path / "absent.jsonl")


def test_every_bundled_set_can_be_read() -> None:
    counts = {path.name: len(read_questions(path).questions) for path in (ROOT / "data" / "eval").iterdir()}
    assert counts["arc-easy.jsonl.gz"] == 570
    assert counts["gsm8k-test.jsonl.gz"] == 1319


def test_the_drawn_order_depends_on_the_seed_and_not_on_the_file() -> None:
    questions = read_questions(ROOT / "data" / "eval" / "copa.jsonl.gz").questions
    drawn = in_drawn_order(questions, 1)
    assert in_drawn_order(questions[::-1], 1) == drawn
    assert in_drawn_order(questions, 2) != drawn
    assert set(drawn) == set(questions)
