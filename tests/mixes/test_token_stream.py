"""The token stream: every read equals a slice of the plain concatenation, and damaged files are named."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.errors import MixError
from mixes.mix_files import LocalFiles
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix

SOURCES = [
    SmallSource(parts=[[0, 1, 2, 3, 4], [5, 6]], whole_epochs=2, prefixes=[3, 0]),
    SmallSource(parts=[[7, 8, 10, 11, 12]], whole_epochs=0, held_out=[2], prefixes=[2]),
    SmallSource(parts=[[], [20], [21, 22]], whole_epochs=1),
]
STREAM = [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 10, 11, 20, 21, 22]
SOURCE_AT = [0] * 17 + [1] * 2 + [2] * 3


@pytest.mark.parametrize("vocab_size", [100, 100_278])
@pytest.mark.parametrize("length", [1, 2, 5, 21, 22])
def test_every_read_is_a_slice_of_the_concatenation(tmp_path: Path, vocab_size: int, length: int) -> None:
    manifest = write_small_mix(tmp_path, SOURCES, vocab_size=vocab_size)
    starts = np.arange(len(STREAM) - length + 1)
    with TokenStream(manifest, LocalFiles(tmp_path)) as stream:
        read = stream.read(starts, length)
    assert read.dtype == np.uint32
    assert read.tolist() == [STREAM[start : start + length] for start in starts]


def test_counts_and_sources_of_the_stream(tmp_path: Path) -> None:
    with TokenStream(write_small_mix(tmp_path, SOURCES), LocalFiles(tmp_path)) as stream:
        assert stream.num_tokens == len(STREAM)
        assert [stream.num_instances(length) for length in (1, 4, 22, 23)] == [22, 5, 1, 0]
        sources = stream.sources_at(np.arange(len(STREAM)))
    assert sources.dtype == np.int32
    assert sources.tolist() == SOURCE_AT


@given(st.data())
@settings(max_examples=60)
def test_any_mix_reads_as_its_plain_concatenation(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    tokens = st.lists(st.integers(0, 99), max_size=9)
    sources, expected = [], []
    for _ in range(data.draw(st.integers(1, 3))):
        parts = data.draw(st.lists(tokens, max_size=4))
        prefixes = [data.draw(st.integers(0, len(part))) for part in parts]
        epochs = data.draw(st.integers(0, 3))
        sources.append(SmallSource(parts=parts, whole_epochs=epochs, prefixes=prefixes))
        expected += [token for part in parts for token in part] * epochs
        expected += [token for part, prefix in zip(parts, prefixes, strict=True) for token in part[:prefix]]
    root = tmp_path_factory.mktemp("mix")
    with TokenStream(write_small_mix(root, sources), LocalFiles(root, max_open_files=1)) as stream:
        assert stream.num_tokens == len(expected)
        if expected:
            length = data.draw(st.integers(1, len(expected)))
            starts = data.draw(st.lists(st.integers(0, len(expected) - length), max_size=8))
            read = stream.read(np.array(starts, dtype=np.int64), length)
            assert read.tolist() == [expected[start : start + length] for start in starts]


def test_no_reads_give_an_empty_result(tmp_path: Path) -> None:
    with TokenStream(write_small_mix(tmp_path, SOURCES), LocalFiles(tmp_path)) as stream:
        assert stream.read(np.array([], dtype=np.int64), 4).shape == (0, 4)


def test_an_empty_mix_has_no_tokens(tmp_path: Path) -> None:
    with TokenStream(write_small_mix(tmp_path, []), LocalFiles(tmp_path)) as stream:
        assert stream.num_tokens == 0
        assert stream.num_instances(4) == 0


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (22, 1), (20, 3), (0, 23), (0, 0)])
def test_reads_outside_the_stream_are_refused(tmp_path: Path, start: int, length: int) -> None:
    with (
        TokenStream(write_small_mix(tmp_path, SOURCES), LocalFiles(tmp_path)) as stream,
        pytest.raises(ValueError, match="wanted"),
    ):
        stream.read(np.array([start]), length)


def test_a_part_of_another_size_is_refused_at_opening(tmp_path: Path) -> None:
    manifest = write_small_mix(tmp_path, SOURCES)
    with (tmp_path / "tokens/source0-0/part-00001.npy").open("ab") as handle:
        handle.write(b"x")
    with pytest.raises(MixError, match=r"part-00001\.npy: found 5 bytes, the manifest says 4"):
        TokenStream(manifest, LocalFiles(tmp_path))


def test_a_part_that_is_absent_is_refused_at_opening(tmp_path: Path) -> None:
    manifest = write_small_mix(tmp_path, SOURCES)
    (tmp_path / "tokens/source1-0/part-00000.npy").unlink()
    with pytest.raises(MixError, match=r"part-00000\.npy: cannot be read: No such file"):
        TokenStream(manifest, LocalFiles(tmp_path))


def test_a_part_that_is_cut_under_an_open_stream_is_named(tmp_path: Path) -> None:
    with TokenStream(write_small_mix(tmp_path, SOURCES), LocalFiles(tmp_path)) as stream:
        stream.read(np.array([0]), 5)
        os.truncate(tmp_path / "tokens/source0-0/part-00000.npy", 4)
        assert stream.read(np.array([0]), 2).tolist() == [[0, 1]]
        with pytest.raises(MixError, match=r"part-00000\.npy: found 0 bytes at 4, wanted 2; the file was cut"):
            stream.read(np.array([2]), 1)


def test_a_part_that_vanishes_before_it_is_first_read_is_named(tmp_path: Path) -> None:
    with TokenStream(write_small_mix(tmp_path, SOURCES), LocalFiles(tmp_path)) as stream:
        (tmp_path / "tokens/source0-0/part-00000.npy").unlink()
        with pytest.raises(MixError, match=r"part-00000\.npy: cannot be read: No such file"):
            stream.read(np.array([0]), 5)


def test_a_token_outside_the_vocabulary_is_named_with_its_file(tmp_path: Path) -> None:
    with TokenStream(write_small_mix(tmp_path, SOURCES), LocalFiles(tmp_path)) as stream:
        np.array([5, 999], dtype="<u2").tofile(tmp_path / "tokens/source0-0/part-00001.npy")
        with pytest.raises(
            MixError, match=r"part-00001\.npy: found token 999, wanted ids below the vocabulary size 100"
        ):
            stream.read(np.array([0, 3]), 5)


def test_no_more_files_are_open_than_allowed_and_none_after_closing(tmp_path: Path) -> None:
    manifest = write_small_mix(tmp_path, [SmallSource(parts=[[number] for number in range(20)])])
    before = len(os.listdir("/proc/self/fd"))
    with TokenStream(manifest, LocalFiles(tmp_path, max_open_files=3)) as stream:
        assert stream.read(np.array([0]), 20).tolist() == [list(range(20))]
        assert len(os.listdir("/proc/self/fd")) == before + 3
    assert len(os.listdir("/proc/self/fd")) == before
