"""Listing: every place of a spec that leads nowhere is named at once, beside all else that is wrong with it."""

from pathlib import Path

import pytest

from mixes.errors import SpecError
from pipelines.plan import make_plan
from pipelines.request import read_spec

WRONG = """\
name: small
tokens: 1_000
tokeniser: {file: "{data}/none.json"}
language: {model: "{data}/none.ftz"}
evaluations: {files: ["{data}/evaluations/*.jsonl"]}
rule_sets:
  prose: [{measure: langage_en, min: 0.5}, {measur: num_words}, {measure: num_wrds, max: 3}]
sources:
  - {name: web, documents: "{data}/web/*", proportion: 0.5, rules: prosa}
  - {name: code, documents: "{data}/code/*", proportion: 0.4, max_epochs: two, edits: [secret]}
  - {name: more, documents: "{data}/here.txt", proportion: 0.05, tokens: 5}
"""


def refusal(path: Path) -> list[str]:
    """Return the lines of the error that a spec gives, without the name of the file."""
    with pytest.raises(SpecError) as error:
        make_plan(read_spec(str(path), str(path.parent)), str(path.parent))
    return [line.removeprefix(f"{path}:") for line in str(error.value).splitlines()]


def test_keys_names_budget_and_places_that_are_wrong_come_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("here")
    path = tmp_path / "mix.yaml"
    path.write_text(WRONG)
    found = refusal(path)
    wanted = [
        "3:1: unknown key 'tokeniser'; did you mean 'tokenizer'?",
        "4:19: language.model: '{data}/none.ftz' matches no file",
        "5:23: evaluations.files[0]: '{data}/evaluations/*.jsonl' matches no file",
        "7:21: rule_sets.prose[0].measure: unknown measure 'langage_en'; did you mean 'language_en'?",
        "7:44: rule_sets.prose[1]: keys 'measure' and 'rules' missing, wanted one of them",
        "7:75: rule_sets.prose[2].measure: unknown measure 'num_wrds'; did you mean 'num_words'?",
        "9:3: sources: proportions add up to 0.95, wanted 1; add 0.05",
        "9:28: sources[0].documents[0]: source 'web': '{data}/web/*' matches no file",
        "9:68: sources[0].rules: unknown rule set 'prosa'; did you mean 'prose'?",
        "10:29: sources[1].documents[0]: source 'code': '{data}/code/*' matches no file",
        "10:75: sources[1].max_epochs: found 'two', wanted a number in (0, 1,000]",
        "10:88: sources[1].edits[0]: unknown edit 'secret'; did you mean",
        "11:74: sources[2].tokens: source 'more' has both proportion and tokens; keep one of them",
    ]
    assert len(found) == len(wanted), found
    for line, beginning in zip(found, wanted, strict=True):
        assert line.startswith(beginning), line


def test_places_of_a_spec_that_is_right_come_together_too(tmp_path: Path) -> None:
    path = tmp_path / "mix.yaml"
    (tmp_path / "here.txt").write_text("here")
    path.write_text(
        "name: a\ntokenizer: {file: '{data}/t.json'}\nsources:\n"
        "- {name: web, documents: ['{data}/here.txt', '{data}/none.txt'], tokens: 5}\n"
        "- {name: code, documents: '{data}/her*', tokens: 5}\n"
    )
    found = refusal(path)
    assert [line.partition(" ")[0] for line in found] == ["2:19:", "4:46:", "5:27:"]
    assert "here.txt is read by source 'web' too" in found[2]
