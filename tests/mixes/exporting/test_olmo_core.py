"""OLMo-core's files, read as its format is described: paths of the data mix, tokens without a header, sidecars."""

import csv
import gzip
from pathlib import Path

import numpy as np

from mixes.export import main
from tests.mixes.exporting.built import MATH, WEB, token_lists


def read_export(folder: Path, mix_file: str = "mix.txt") -> dict[str, list[list[int]]]:
    """Return the documents of each source, in the order of a mix file, with the boundaries of the sidecars."""
    documents: dict[str, list[list[int]]] = {}
    for line in (folder / mix_file).read_text().splitlines():
        source, path = line.split(",")
        tokens = np.fromfile(folder / path.replace("{TOKENIZER}", "t"), "<u2")
        sidecar = folder / path.replace("{TOKENIZER}", "t").replace(".npy", ".csv.gz")
        last = 0
        for row in gzip.decompress(sidecar.read_bytes()).decode().splitlines():
            start, end = map(int, row.split(",")[:2])
            assert start == last
            documents.setdefault(source, []).append(tokens[start:end].tolist())
            last = end
        assert last == len(tokens)
    return documents


def test_every_document_of_every_epoch_is_there(mix: Path, tmp_path: Path) -> None:
    assert main([str(mix), "--to", "olmo-core", str(tmp_path / "out")]) == 0
    assert read_export(tmp_path / "out") == {"web": token_lists(WEB.stream()), "math": token_lists(MATH.stream())}


def test_the_mix_names_a_part_once_for_each_epoch(mix: Path, tmp_path: Path) -> None:
    assert main([str(mix), "--to", "olmo-core", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "mix.txt").read_text().splitlines() == [
        "web,{TOKENIZER}/web/part-00000.npy",
        "web,{TOKENIZER}/web/part-00001.npy",
        "web,{TOKENIZER}/web/part-00000.npy",
        "web,{TOKENIZER}/web/part-00001.npy",
        "web,{TOKENIZER}/web/part-00000-prefix.npy",
        "web,{TOKENIZER}/web/part-00001.npy",  # all of it is prefix
        "math,{TOKENIZER}/math/part-00000-prefix.npy",
    ]


def test_a_sidecar_is_csv_with_a_line_a_document(mix: Path, tmp_path: Path) -> None:
    assert main([str(mix), "--to", "olmo-core", str(tmp_path / "out")]) == 0
    content = (tmp_path / "out" / "t" / "web" / "part-00000.csv.gz").read_bytes()
    assert content[3:8] == bytes(5)  # no name, no time
    text = gzip.decompress(content).decode()
    assert text == '0,7,w0,a.jsonl,1\n7,21,"w,""1""  ",a.jsonl,3\n21,27,w2,a.jsonl,5\n'
    assert next(csv.reader(text.splitlines()[1:])) == ["7", "21", 'w,"1"  ', "a.jsonl", "3"]
