"""What is held out of a mix comes document by document, as the parts have it, or is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mixes import held_out
from mixes.errors import MixError
from mixes.held_out import held_out_documents
from mixes.mix_files import LocalFiles
from mixes.parts import PartDocuments, read_index
from tests.mixes.exporting.built import EOS, VOCAB_SIZE, Source, Text, encode, write_built_mix

_PARTS = [
    [Text(name="a0", text="Ä"), Text(name="a1", text=""), Text(name="a2", text="seen")],
    [Text(name="b0", text="one"), Text(name="b1", text="two")],
    [],
]
_HELD_OUT = Source(name="web", parts=_PARTS, whole_epochs=1, prefixes=[0, 0, 0], held_out=2)


def test_the_documents_before_the_first_that_is_seen_are_those_held_out(tmp_path: Path) -> None:
    manifest = write_built_mix(tmp_path, [_HELD_OUT])
    found = list(held_out_documents(manifest, LocalFiles(tmp_path), manifest.sources[0]))
    texts = {"a0": "Ä", "a1": "", "b0": "one", "b1": "two"}
    assert [document.id for document in found] == list(texts)
    assert [document.tokens.tolist() for document in found] == [[*encode(text), EOS] for text in texts.values()]
    assert [document.bytes for document in found] == [len(text.encode()) for text in texts.values()]


@pytest.mark.parametrize(("most", "ids"), [(1, ["b0"]), (3, ["a0", "b0", "b1"]), (4, ["a0", "a1", "b0", "b1"])])
def test_the_documents_of_the_lowest_keys_over_all_parts_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, ids: list[str]
) -> None:
    manifest = write_built_mix(tmp_path, [_HELD_OUT])

    def read(path: Path) -> PartDocuments:
        index = read_index(path)
        first = 6 if index.ids[0].as_py() == "a0" else 5
        return replace(index, keys=np.arange(first, first + 2 * len(index.keys), 2, dtype=np.uint64))  # 6 8 10, 5 7

    monkeypatch.setattr(held_out, "read_index", read)
    every = {each.id: each for each in held_out_documents(manifest, LocalFiles(tmp_path), manifest.sources[0])}
    found = list(held_out_documents(manifest, LocalFiles(tmp_path), manifest.sources[0], most))
    assert [document.id for document in found] == ids
    for document in found:
        assert document.tokens.tolist() == every[document.id].tokens.tolist()
        assert document.bytes == every[document.id].bytes


def test_ids_from_the_size_of_the_vocabulary_on_are_refused(tmp_path: Path) -> None:
    manifest = write_built_mix(tmp_path, [_HELD_OUT])
    path = tmp_path / manifest.sources[0].parts[0].file
    tokens = np.fromfile(path, np.uint16)
    tokens[0] = VOCAB_SIZE - 1
    tokens.tofile(path)
    assert len(list(held_out_documents(manifest, LocalFiles(tmp_path), manifest.sources[0]))) == 4
    tokens[0] = VOCAB_SIZE
    tokens.tofile(path)
    with pytest.raises(MixError, match=r"u-00000\.npy: found token 300, wanted ids below the vocabulary size 300"):
        list(held_out_documents(manifest, LocalFiles(tmp_path), manifest.sources[0]))
