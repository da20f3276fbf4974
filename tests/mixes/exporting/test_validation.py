"""What a mix holds out, exported: in files of its own, each document once, and none of it among what training sees."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from mixes.export import main
from tests.mixes.exporting.built import MATH, NONE, WEB, Text, token_lists, write_built_mix
from tests.mixes.exporting.test_datatrove import read_folder
from tests.mixes.exporting.test_megatron import read_pair
from tests.mixes.exporting.test_olmo_core import read_export

SOURCES = (
    replace(WEB, held_out=1, prefixes=[1, 1]),
    replace(MATH, name="math/best", parts=MATH.parts[:1], prefixes=[0], held_out=1),
    NONE,
)
HELD_OUT = {"web": [part[0] for part in WEB.parts], "math-best": [MATH.parts[0][0]]}
SEEN = {"web": SOURCES[0].stream()}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    write_built_mix(folder, SOURCES)
    return folder


def export(root: Path, folder: Path, to: str, *more: str) -> Path:
    assert main([str(root / "mixes" / "small"), "--to", to, str(folder / "out"), *more]) == 0
    return folder / "out"


def lists(texts: Mapping[str, Sequence[Text]]) -> dict[str, list[list[int]]]:
    return {name: token_lists(each) for name, each in texts.items()}


def test_olmo_core_has_a_mix_file_of_what_is_held_out(root: Path, tmp_path: Path) -> None:
    folder = export(root, tmp_path, "olmo-core")
    assert read_export(folder) == lists(SEEN)
    assert read_export(folder, "validation.txt") == lists(HELD_OUT)
    assert (folder / "validation.txt").read_text().splitlines()[0] == "web,validation/{TOKENIZER}/web/part-00000.npy"


def test_megatron_has_a_blend_of_what_is_held_out(root: Path, tmp_path: Path) -> None:
    folder = export(root, tmp_path, "megatron")
    assert read_pair(folder / "web") == lists(SEEN)["web"]
    words = (folder / "validation.txt").read_text().split()
    assert words[1::2] == ["validation/web", "validation/math-best"]
    for count, stem in zip(words[::2], words[1::2], strict=True):
        documents = read_pair(folder / stem)
        assert documents == lists(HELD_OUT)[Path(stem).name]
        assert sum(map(len, documents)) == int(count)


def test_datatrove_has_a_tree_of_what_is_held_out(root: Path, tmp_path: Path) -> None:
    folder = export(root, tmp_path, "datatrove")
    assert {each.name: read_folder(each) for each in (folder / "train").iterdir()} == lists(SEEN)
    assert {each.name: read_folder(each) for each in (folder / "validation").iterdir()} == lists(HELD_OUT)


def test_datasets_has_a_split_of_what_is_held_out(root: Path, tmp_path: Path) -> None:
    folder = export(root, tmp_path, "hf", "--tokenizer", str(root / "t.json"))
    card = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])
    configs = {config["config_name"]: config["data_files"] for config in card["configs"]}
    validation = {"split": "validation", "path": ["math-best/validation-*.parquet"]}
    assert configs["math-best"] == [validation]
    assert [each["split"] for each in configs["default"]] == ["train", "validation"]
    for name, texts in HELD_OUT.items():
        rows = [row for path in sorted((folder / name).glob("validation-*")) for row in pq.read_table(path).to_pylist()]
        assert [(row["text"], row["times_seen"]) for row in rows] == [(text.text, 0) for text in texts]


def test_without_validation_nothing_is_said_of_it(mix: Path, tmp_path: Path) -> None:
    for to in ("olmo-core", "megatron", "datatrove"):
        assert main([str(mix), "--to", to, str(tmp_path / to)]) == 0
        assert not list((tmp_path / to).glob("validation*"))
        assert "Validation" not in (tmp_path / to / "README.md").read_text()
