"""The command: what is printed of two mixes, and the exit status."""

import json
from pathlib import Path

import pytest

from mixes.diff import main
from tests.mixes.exporting.built import MATH, SPEC, WEB, Source, Text, write_built_mix
from tests.mixes.small_mix import publish_bytes


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the outputs of three mixes: two equal ones, and one with other documents and settings."""
    root = tmp_path_factory.mktemp("outputs")
    for name in ("one", "same"):
        write_built_mix(root / name, [WEB, MATH])
    red = Text(name="\x1b[31mred", text="red", key=7)
    web = Source(name="web", parts=[[*WEB.parts[0], red], WEB.parts[1]], whole_epochs=2, prefixes=[1, 2])
    write_built_mix(root / "other", [web])
    more = "{rules: gopher_quality, variant: dolma}, {measure: license, among: [MIT]}, {measure: license, among: []}"
    spec = SPEC.replace("1_000", "2_000").replace("{measure: license, among: [MIT, CC0-1.0]}", more)
    spec = spec.replace("max_epochs: 3", "max_epochs: 4")
    publish_bytes(str(root / "other" / "mixes" / "small" / "spec.yaml"), spec.encode())
    return root


def run(outputs: Path, *names: str, json: bool = False) -> int:
    return main([*(str(outputs / name / "mixes" / "small") for name in names), *(["--json"] if json else [])])


def test_mixes_of_one_digest_are_equal(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(outputs, "one", "same") == 0
    assert capsys.readouterr().out.startswith("equal: mix 'small'")


def test_settings_sources_and_documents_that_differ_are_told(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(outputs, "one", "other") == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "tokens 1,000 2,000" in lines
    assert 'rule_sets.free[license].among ["MIT", "CC0-1.0"] ["MIT"]' in lines
    assert "rule_sets.free[license#2].among - []" in lines
    assert "rule_sets.free[gopher_quality].variant - dolma" in lines
    assert "sources[web].max_epochs 3 4" in lines
    assert "web 5 0 1 0 0" in lines
    assert "math 0 1 0 0 0" in lines
    assert "web, only in B: 1 of 1" in lines
    assert "\\x1b[31mred (a.jsonl#6)" in lines
    assert any(line.startswith("math B - - - -") for line in lines)


def test_json_says_the_same(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(outputs, "one", "other", json=True) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["equal"] is False
    assert {"name": "tokens", "first": 1000, "second": 2000} in found["settings"]
    assert found["documents"][0]["second_examples"] == [{"id": "\x1b[31mred", "shard": "a.jsonl", "row": 6}]
    assert found["sources"][0]["web"]["documents"] == 13
    assert found["documents_known_by"] == "text"


def test_what_is_no_mix_cannot_be_compared(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(outputs, "one", "absent") == 2
    assert "give the folder of a built mix" in capsys.readouterr().err
