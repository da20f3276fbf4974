"""Files of tensors: read by safetensors itself, and by rows wherever they were cut."""

import io
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save_file

from mixes.errors import CheckpointError
from trainer.tensor_files import TensorFiles, write_tensors

TENSORS = {
    "a": torch.arange(12, dtype=torch.float32).reshape(4, 3),
    "empty": torch.empty(0, 3),
    "narrow": torch.arange(5).bfloat16(),
    "number": torch.tensor(7),
    "wide": torch.rand(2, 2, dtype=torch.float64),
}


def written(tensors: dict[str, torch.Tensor], first_rows: dict[str, int] | None = None) -> bytes:
    handle = io.BytesIO()
    write_tensors(handle, tensors, first_rows)
    return handle.getvalue()


def test_safetensors_reads_what_was_written() -> None:
    loaded = load(written(TENSORS))
    assert loaded.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


@given(cuts=st.lists(st.integers(0, 20), max_size=4).map(sorted), data=st.data())
def test_any_rows_are_read_from_files_cut_anywhere(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], data: st.DataObject
) -> None:
    whole = torch.arange(40).reshape(20, 2)
    folder = tmp_path_factory.mktemp("files")
    paths = []
    for number, (first, stop) in enumerate(zip([0, *cuts], [*cuts, 20], strict=True)):
        paths.append(folder / f"{number}.safetensors")
        paths[-1].write_bytes(written({"x": whole[first:stop].contiguous()}, {"x": first}))
    first = data.draw(st.integers(0, 20))
    stop = data.draw(st.integers(first, 20))
    with TensorFiles(paths) as files:
        assert torch.equal(files.read("x", first, stop), whole[first:stop])
        assert torch.equal(files.read("x"), whole)
        assert files.shape("x") == (20, 2)


def test_a_tensor_without_axes_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(written(TENSORS))
    with TensorFiles([tmp_path / "f"]) as files:
        assert files.read("number", 0, 1) == 7
        assert files.shape("number") == ()


def test_missing_tensors_rows_and_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(written({"a": TENSORS["a"]}, {"a": 2}))
    with TensorFiles([tmp_path / "f"]) as files:
        with pytest.raises(CheckpointError, match="found no tensor 'b'"):
            files.read("b")
        with pytest.raises(CheckpointError, match="a: found rows up to 0, wanted 4"):
            files.read("a", 0, 4)
    for name, content in (("cut", b"\x10"), ("absent", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{name}: cannot be read as safetensors"):
            TensorFiles([tmp_path / name])


@pytest.mark.parametrize("row", ["abc", "-1", "9" * 5000])
def test_a_first_row_that_is_no_number_is_refused(tmp_path: Path, row: str) -> None:
    save_file({"a": TENSORS["a"]}, tmp_path / "f", {"first_row:a": row})
    with pytest.raises(CheckpointError, match=r"f: a: found '.* in place of the number of its first row"):
        TensorFiles([tmp_path / "f"])
