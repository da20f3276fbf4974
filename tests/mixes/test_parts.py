"""The part format: order, bytes, index, and refusal of documents that would break a reader."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mixes import parts
from mixes.errors import MixError
from mixes.files import DigestWriter, FileDigest, Write
from mixes.parts import KEY_ROW, PartDocuments, are_sound, read_index, restore_keys, write_part

EOS = 9


class Folder:
    """Publishes to memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def publish(self, name: str, write: Write) -> FileDigest:
        sink = pa.BufferOutputStream()
        writer = DigestWriter(sink)
        write(writer)  # type: ignore[arg-type]  # BinaryIO is a class, not a protocol
        self.files[name] = sink.getvalue().to_pybytes()
        return writer.digest()


def documents_of(texts: list[list[int]], keys: list[int]) -> tuple[NDArray[np.uint32], PartDocuments]:
    """Return the tokens of the texts, an EOS after each, and their columns."""
    lengths = np.array([len(text) + 1 for text in texts], dtype=np.int64)
    tokens = np.array([token for text in texts for token in [*text, EOS]], dtype=np.uint32)
    rows = np.arange(len(texts), dtype=np.int64)
    return tokens, PartDocuments(
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        keys=np.array(keys, dtype=np.uint64),
        ids=pa.array([f"id{row}" for row in rows], pa.string()),
        shards=pa.array([f"shard{row % 2}" for row in rows], pa.string()),
        rows=rows,
        bytes=rows * 10,
    )


def write(
    folder: Folder, tokens: NDArray[np.uint32], documents: PartDocuments, vocab_size: int = 10
) -> parts.PartSummary:
    return write_part("p", tokens, documents, vocab_size=vocab_size, eos_id=EOS, publish=folder.publish)


def test_documents_lie_in_the_order_of_their_keys_and_equal_keys_in_the_order_given(tmp_path: Path) -> None:
    tokens, documents = documents_of([[1], [2, 2], [], [4, 4, 4]], [2**63, 5, 2**63, 5])
    stem = str(tmp_path / "unit-00000")
    summary = write_part(stem, tokens, documents, vocab_size=10, eos_id=EOS)
    written = np.fromfile(stem + ".npy", dtype="<u2")
    assert written.tolist() == [2, 2, EOS, 4, 4, 4, EOS, 1, EOS, EOS]
    index = read_index(stem + ".parquet")
    assert index.starts.tolist() == [0, 3, 7, 9]
    assert index.lengths.tolist() == [3, 4, 2, 1]
    assert index.keys.tolist() == [5, 5, 2**63, 2**63]
    assert index.ids.to_pylist() == ["id1", "id3", "id0", "id2"]
    assert index.shards.to_pylist() == ["shard1", "shard1", "shard0", "shard0"]
    assert index.rows.tolist() == [1, 3, 0, 2]
    assert index.bytes.tolist() == [10, 30, 0, 20]
    assert (summary.documents, summary.tokens, summary.bytes) == (4, 10, 60)
    rows = np.fromfile(stem + ".keys", KEY_ROW)
    assert rows[["key", "tokens", "bytes"]].tolist() == [(5, 3, 10), (5, 7, 40), (2**63, 9, 40), (2**63, 10, 60)]
    assert are_sound(rows)
    for name in ("key", "tokens", "bytes", "check"):
        damaged = rows.copy()
        damaged[name][1] ^= np.uint64(8)
        assert not are_sound(damaged)
    for name, found in ((".npy", summary.token_file), (".parquet", summary.index_file)):
        content = Path(stem + name).read_bytes()
        assert (found.size, found.digest) == (len(content), hashlib.sha256(content).hexdigest())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "unit-00000.keys",
        "unit-00000.npy",
        "unit-00000.parquet",
    ]


@given(st.lists(st.tuples(st.lists(st.integers(0, 8), max_size=12), st.integers(0, 3)), max_size=20), st.integers(1, 7))
@settings(max_examples=60)
def test_blocks_of_any_size_write_the_same_documents(texts: list[tuple[list[int], int]], block_tokens: int) -> None:
    tokens, documents = documents_of([text for text, _ in texts], [key for _, key in texts])
    folder = Folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "_BLOCK_TOKENS", block_tokens)
        write(folder, tokens, documents)
    expected = [token for text, _ in sorted(texts, key=lambda pair: pair[1]) for token in [*text, EOS]]
    assert np.frombuffer(folder.files["p.npy"], dtype="<u2").tolist() == expected


def test_no_documents_give_an_empty_token_file_and_an_empty_index(tmp_path: Path) -> None:
    tokens, documents = documents_of([], [])
    summary = write_part(str(tmp_path / "p"), tokens, documents, vocab_size=10, eos_id=EOS)
    assert (summary.documents, summary.tokens, summary.token_file.size) == (0, 0, 0)
    assert len(read_index(tmp_path / "p.parquet")) == 0
    assert (tmp_path / "p.keys").read_bytes() == b""


def test_a_key_file_that_was_removed_is_written_again_from_the_index(tmp_path: Path) -> None:
    texts, keys = [[row % 9] * (row % 5) for row in range(50)], [row * 7919 % 50 for row in range(50)]
    stem = str(tmp_path / "p")
    write_part(stem, *documents_of(texts, keys), vocab_size=10, eos_id=EOS)
    written = (tmp_path / "p.keys").read_bytes()
    (tmp_path / "p.keys").unlink()
    with (tmp_path / "p.parquet").open("rb") as index:
        restore_keys(stem, index)
    assert (tmp_path / "p.keys").read_bytes() == written
    (tmp_path / "p.parquet").write_bytes(b"no index")
    with (tmp_path / "p.parquet").open("rb") as index, pytest.raises(MixError, match=r"p\.parquet: cannot be read"):
        restore_keys(stem, index)


def test_tokens_between_documents_are_left_out() -> None:
    tokens, documents = documents_of([[1], [2], [3]], [0, 1, 2])
    kept = PartDocuments(
        starts=documents.starts[[2, 0]],
        lengths=documents.lengths[[2, 0]],
        keys=documents.keys[:2],
        ids=documents.ids[:2],
        shards=documents.shards[:2],
        rows=documents.rows[:2],
        bytes=documents.bytes[:2],
    )
    folder = Folder()
    write(folder, tokens, kept)
    assert np.frombuffer(folder.files["p.npy"], dtype="<u2").tolist() == [3, EOS, 1, EOS]


def test_a_large_vocabulary_is_written_in_four_bytes() -> None:
    tokens, documents = documents_of([[100_000]], [0])
    folder = Folder()
    write(folder, tokens, documents, vocab_size=100_278)
    assert folder.files["p.npy"] == np.array([100_000, EOS], dtype="<u4").tobytes()


def test_equal_documents_give_equal_bytes_whatever_the_form_of_the_columns() -> None:
    texts, keys = [[row % 9] * (row % 5) for row in range(500)], [row * 7919 % 500 for row in range(500)]
    tokens, documents = documents_of(texts, keys)
    encoded = PartDocuments(
        starts=documents.starts,
        lengths=documents.lengths,
        keys=documents.keys,
        ids=documents.ids,
        shards=pa.concat_arrays([pa.array(["unused"]), documents.shards]).dictionary_encode()[1:],
        rows=documents.rows,
        bytes=documents.bytes,
    )
    first, second = Folder(), Folder()
    write(first, tokens, documents)
    write(second, tokens, encoded)
    assert first.files == second.files


def test_the_bytes_of_a_part_never_change() -> None:
    tokens, documents = documents_of([[1], [2, 2], [], [4, 4, 4]], [2**63, 5, 2**63, 5])
    folder = Folder()
    summary = write(folder, tokens, documents)
    assert summary.token_file.digest == "fb6c959648d8484401387eb5ef4a1837b77343a0b0ff946b1b02a59dc7ce84c2"
    # The index also depends on pyarrow, which writes its version into the file: compare what a reader sees.
    metadata = pq.ParquetFile(pa.BufferReader(folder.files["p.parquet"])).metadata
    assert metadata.metadata is None
    assert [metadata.row_group(0).column(i).compression for i in range(7)] == ["ZSTD"] * 7
    assert [metadata.row_group(0).column(i).is_stats_set for i in range(7)] == [i == 2 for i in range(7)]


def test_row_groups_of_the_index_are_bounded() -> None:
    tokens, documents = documents_of([[]] * 70_000, [0] * 70_000)
    folder = Folder()
    write(folder, tokens, documents)
    metadata = pq.ParquetFile(pa.BufferReader(folder.files["p.parquet"])).metadata
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [65_536, 4_464]


def test_a_document_that_does_not_end_in_eos_is_named() -> None:
    tokens, documents = documents_of([[1], [2]], [0, 1])
    tokens[3] = 5
    with pytest.raises(MixError, match="p: document id1: found token 5 at its end, wanted EOS 9"):
        write(Folder(), tokens, documents)


def test_an_eos_inside_a_document_is_refused() -> None:
    tokens, documents = documents_of([[1], [EOS]], [0, 1])
    with pytest.raises(MixError, match="found 3 EOS in 2 documents"):
        write(Folder(), tokens, documents)


@pytest.mark.parametrize("token", [10, -1])
def test_an_id_outside_the_vocabulary_is_refused(token: int) -> None:
    tokens, documents = documents_of([[1]], [0])
    wide = tokens.astype(np.int64)
    wide[0] = token
    with pytest.raises(MixError, match=r"wanted ids in \[0, 10\)"):
        write_part("p", wide, documents, vocab_size=10, eos_id=EOS, publish=Folder().publish)


def test_a_document_outside_the_tokens_is_refused() -> None:
    tokens, documents = documents_of([[1], [2]], [0, 1])
    with pytest.raises(MixError, match="outside of the 3 tokens given"):
        write(Folder(), tokens[:3], documents)


def test_a_refused_part_leaves_no_file(tmp_path: Path) -> None:
    tokens, documents = documents_of([[EOS]], [0])
    with pytest.raises(MixError, match="EOS"):
        write_part(str(tmp_path / "p"), tokens, documents, vocab_size=10, eos_id=EOS)
    assert list(tmp_path.iterdir()) == []


def test_an_index_that_is_absent_damaged_or_of_another_kind_is_named(tmp_path: Path) -> None:
    tokens, documents = documents_of([[1], [2]], [0, 1])
    write_part(str(tmp_path / "p"), tokens, documents, vocab_size=10, eos_id=EOS)
    content = (tmp_path / "p.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[:-9])
    pq.write_table(pa.table({"start": [1]}), tmp_path / "other.parquet")
    for name in ("absent", "cut", "other"):
        with pytest.raises(MixError, match=rf"{name}\.parquet: .*build the part again"):
            read_index(tmp_path / f"{name}.parquet")
