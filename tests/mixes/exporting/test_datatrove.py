"""datatrove's files, read as its format is described: every document of the stream, ended where the index says."""

from pathlib import Path

import numpy as np
import pytest

from mixes.export import main
from mixes.exporting.datatrove import short_count
from tests.mixes.exporting.built import MATH, WEB, token_lists


def read_folder(folder: Path) -> list[list[int]]:
    """Return the documents of all `.ds` of a folder, by name."""
    documents = []
    for path in sorted(folder.glob("*.ds")):
        tokens, ends = np.fromfile(path, "<u2"), np.fromfile(f"{path}.index", "<u8").astype(np.int64)
        assert ends[-1] == len(tokens)
        assert Path(f"{path}.metadata").read_text() == f"t.json|2\n{len(tokens)}\n{len(tokens)} T"
        documents += [each.tolist() for each in np.split(tokens, ends[:-1])]
    return documents


@pytest.mark.parametrize("name", ["datatrove", "nanotron"])
def test_every_document_of_every_epoch_is_there(mix: Path, tmp_path: Path, name: str) -> None:
    assert main([str(mix), "--to", name, str(tmp_path / "out")]) == 0
    assert read_folder(tmp_path / "out" / "train" / "web") == token_lists(WEB.stream())
    assert read_folder(tmp_path / "out" / "train" / "math") == token_lists(MATH.stream())
    assert not (tmp_path / "out" / "train" / "none").exists()


def test_the_bytes_of_an_index_never_change(mix: Path, tmp_path: Path) -> None:
    assert main([str(mix), "--to", "datatrove", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "train" / "web" / "00000.ds.index").read_bytes().hex() == (
        "0700000000000000" "1500000000000000" "1b00000000000000"
    )  # fmt: skip


def test_whole_parts_are_not_stored_twice(mix: Path, tmp_path: Path) -> None:
    assert main([str(mix), "--to", "datatrove", str(tmp_path / "out")]) == 0
    part = mix.parents[1] / "tokens" / "web-0" / "u-00001.npy"
    numbers = [
        path.stat().st_ino == part.stat().st_ino for path in sorted((tmp_path / "out" / "train" / "web").glob("*.ds"))
    ]
    assert numbers == [False, True, False, True, False, True]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 T"),
        (999, "999 T"),
        (1_000, "1.00 kT"),
        (9_994, "9.99 kT"),
        (9_995, "10.0 kT"),
        (99_950, "100 kT"),
        (999_500, "1.00 MT"),
        (2_091_823, "2.09 MT"),
        (50_000_000_000, "50.0 GT"),
        (3_900_000_000_000, "3.90 TT"),
    ],
)
def test_counts_have_three_digits(count: int, text: str) -> None:
    assert short_count(count) == text
