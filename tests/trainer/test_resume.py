"""What makes two runs the same, in words a person can act on."""

from pathlib import Path

import pytest

from mixes.manifest import load
from tests.mixes.small_mix import SmallSource, write_small_mix
from trainer.resume import differences, mix_record, told


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({}, {}, []),
        ({"a": 1, "b": {"c": [1]}}, {"b": {"c": [1]}, "a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a: 1 became 2"]),
        ({"b": {"c": 1, "d": 2}}, {"b": {"c": 1, "d": 3}}, ["b.d: 2 became 3"]),
        ({"sources": {"web": {"tokens": 1}}}, {"sources": {}}, ["sources.web: {'tokens': 1} became None"]),
        ({"a": None}, {"a": 0}, ["a: None became 0"]),
    ],
)
def test_differences_name_each_key_by_its_path(
    old: dict[str, object], new: dict[str, object], found: list[str]
) -> None:
    assert differences(old, new) == found


def test_a_mix_is_known_by_its_tokens_and_not_by_its_place(mix: Path, tmp_path: Path) -> None:
    sources = [SmallSource(parts=[[1, 2, 3, 99]])]
    first = write_small_mix(tmp_path / "a", sources)
    assert mix_record([first]) == mix_record([write_small_mix(tmp_path / "b", sources)])
    seen_twice = write_small_mix(tmp_path / "c", [SmallSource(parts=[[1, 2, 3, 99]], whole_epochs=2)])
    changed = differences(mix_record([first]), mix_record([seen_twice]))
    assert "sources.source0.whole_epochs: 1 became 2" in changed
    assert "tokens: 4 became 8" in changed
    assert mix_record([load(mix)])["tokenizer"]["vocab_size"] == 250


@pytest.mark.parametrize(("number", "line"), [(1, "0"), (6, "0; 1; 2; 3; 4; 5"), (8, "0; 1; 2; 3; 4; 5 and 2 more")])
def test_many_changes_are_told_in_one_line(number: int, line: str) -> None:
    assert told([str(each) for each in range(number)]) == line
