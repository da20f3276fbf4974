"""What is held out of a mix comes document by document, as the parts have it, or is refused."""

from pathlib import Path

import numpy as np
import pytest

from mixes.errors import MixError
from mixes.held_out import held_out_documents
from mixes.mix_files import LocalFiles
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
