"""Parquet with texts: each document once, its text as it was, how often the mix sees it, and a card that YAML reads."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from mixes.export import main
from tests.mixes.exporting.built import MATH, TOKENIZER, WEB, write_built_mix


@pytest.fixture(scope="module")
def exported(mix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "out"
    assert main([str(mix), "--to", "hf", str(folder), "--tokenizer", str(mix.parents[1] / "t.json")]) == 0
    return folder


def rows(folder: Path, source: str) -> list[dict[str, Any]]:
    return [row for path in sorted((folder / source).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_every_document_is_there_once_with_its_text(exported: Path) -> None:
    found = [(row["id"], row["text"], row["times_seen"]) for row in rows(exported, "web")]
    texts = [text for part in WEB.parts for text in part]
    assert found == [(text.name, text.text, WEB.stream().count(text)) for text in texts]
    assert [(row["id"], row["text"], row["times_seen"]) for row in rows(exported, "math")] == [("m0", "1+1=2", 1)]
    assert not (exported / "none").exists()


def test_tokens_times_seen_are_the_tokens_of_the_mix(exported: Path) -> None:
    seen = sum(row["num_tokens"] * row["times_seen"] for name in ("web", "math") for row in rows(exported, name))
    assert seen == sum(len(text.text.encode()) + 1 for source in (WEB, MATH) for text in source.stream())


def test_a_row_says_where_it_is_from(exported: Path) -> None:
    row = rows(exported, "web")[2]
    assert (row["source"], row["shard"], row["row"], row["num_tokens"]) == ("web", "a.jsonl", 4, 6)


def test_blocks_of_documents_change_nothing(
    mix: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mixes.exporting.hugging_face._BLOCK_TOKENS", 7)
    tokenizer = str(mix.parents[1] / "t.json")
    assert main([str(mix), "--to", "hf", str(tmp_path / "out"), "--tokenizer", tokenizer]) == 0
    assert rows(tmp_path / "out", "web") == rows(exported, "web")
    assert pq.read_metadata(tmp_path / "out" / "web" / "part-00000.parquet").num_row_groups == 3


def test_the_card_says_which_files_and_licences(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    head = yaml.safe_load(card.split("---\n")[1])
    assert [config["config_name"] for config in head["configs"]] == ["default", "web", "math"]
    assert head["configs"][0]["data_files"] == [
        {"split": "train", "path": ["web/part-*.parquet", "math/part-*.parquet"]}
    ]
    assert "| web | one of MIT, CC0-1.0 |" in card
    assert "| math | not limited by a rule: each document has that of its origin |" in card


@pytest.mark.parametrize(("arguments", "message"), [
    ([], "--to hf: found no --tokenizer"),
    (["--tokenizer", "{root}/other.json"], r"other\.json: found a tokenizer with the digest \w+, the mix was"),
    (["--tokenizer", "{root}/absent.json"], r"absent\.json: cannot be read"),
])  # fmt: skip
def test_without_the_tokenizer_of_the_mix_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    write_built_mix(tmp_path)
    (tmp_path / "other.json").write_text(json.dumps(TOKENIZER | {"version": "1.0"}))
    given = [each.replace("{root}", str(tmp_path)) for each in arguments]
    assert main([str(tmp_path / "mixes/small"), "--to", "hf", str(tmp_path / "out"), *given]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
