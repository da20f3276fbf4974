"""Which documents lie in stretches of a stream, against the indexes that were written."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from mixes import parts
from mixes.errors import MixError
from mixes.manifest import Manifest
from mixes.mix_files import LocalFiles
from mixes.parts import PartDocuments, write_part
from mixes.stream_documents import StreamDocument, documents_at
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix

EOS = 99
LENGTHS = ([3, 1, 4, 2], [5, 5])  # tokens of the documents of each part


def tokens_of(part: int) -> list[int]:
    return [token for length in LENGTHS[part] for token in [part + 1] * (length - 1) + [EOS]]


def write_index(root: Path, part: int) -> None:
    """Write the part of a source again, now with an index: ids `part.document`, two documents a row group."""
    lengths = np.array(LENGTHS[part])
    count = len(lengths)
    documents = PartDocuments(
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        keys=np.arange(count, dtype=np.uint64),
        ids=pa.array([f"{part}.{number}" for number in range(count)]),
        shards=pa.array([f"shard-{part}"] * count),
        rows=np.arange(count) * 10,
        bytes=lengths,
    )
    stem = f"{root}/tokens/source{part}-0/part-00000"
    write_part(stem, np.array(tokens_of(part)), documents, vocab_size=100, eos_id=EOS)


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A mix of two sources, the first seen twice: 0.0 0.1 0.2 0.3, the same again, 1.0 1.1; 30 tokens."""
    monkeypatch.setattr(parts, "_ROW_GROUP", 2)
    sources = [SmallSource(parts=[tokens_of(0)], whole_epochs=2), SmallSource(parts=[tokens_of(1)])]
    manifest = write_small_mix(tmp_path, sources)
    for part in (0, 1):
        write_index(tmp_path, part)
    return manifest


def ids_at(manifest: Manifest, root: Path, starts: list[int], length: int) -> list[list[str]]:
    with TokenStream(manifest, LocalFiles(root)) as stream:
        found = documents_at(stream, manifest, LocalFiles(root), np.array(starts, dtype=np.int64), length)
    return [[document.id for document in each] for each in found]


def test_documents_are_found_where_they_lie_in_any_order_over_epochs_parts_and_sources(
    manifest: Manifest, tmp_path: Path
) -> None:
    assert ids_at(manifest, tmp_path, [18, 0, 2, 8], 4) == [
        ["0.3", "1.0"],
        ["0.0", "0.1"],
        ["0.0", "0.1", "0.2"],
        ["0.3", "0.0"],
    ]
    assert ids_at(manifest, tmp_path, [], 4) == []
    assert ids_at(manifest, tmp_path, [0], 30)[0] == ["0.0", "0.1", "0.2", "0.3"] * 2 + ["1.0", "1.1"]


def test_every_token_lies_in_the_document_that_a_walk_finds(manifest: Manifest, tmp_path: Path) -> None:
    walk = [f"{part}.{number}" for part in (0, 0, 1) for number, size in enumerate(LENGTHS[part]) for _ in range(size)]
    assert ids_at(manifest, tmp_path, list(range(30)), 1) == [[name] for name in walk]


def test_a_document_is_named_by_source_id_shard_and_row(manifest: Manifest, tmp_path: Path) -> None:
    with TokenStream(manifest, LocalFiles(tmp_path)) as stream:
        ((document,),) = documents_at(stream, manifest, LocalFiles(tmp_path), np.array([28]), 2)
    assert document == StreamDocument(source="source1", id="1.1", shard="shard-1", row=10)


def test_a_damaged_or_absent_index_is_named(manifest: Manifest, tmp_path: Path) -> None:
    index = tmp_path / manifest.sources[0].parts[0].index
    index.write_bytes(b"index")
    with pytest.raises(MixError, match=r"part-00000\.parquet: cannot be read as the index of a part"):
        ids_at(manifest, tmp_path, [0], 4)
    index.unlink()
    with pytest.raises(MixError, match=r"part-00000\.parquet: cannot be read"):
        ids_at(manifest, tmp_path, [0], 4)
