"""The cache of blocks: whole or absent, named by digest, bounded, shared."""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from mixes.errors import MixError, SpecError
from mixes.stores.cache import Block, BlockCache, cache_of_environment

DIGEST = "ab" * 32
BLOCK = Block(DIGEST, 100, 10)


def read(cache: BlockCache, block: Block, offset: int, size: int) -> bytes | None:
    target = bytearray(size)
    return bytes(target) if cache.read(block, offset, memoryview(target)) else None


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_block_that_was_put_is_read_at_any_place(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 10_000)
    assert not cache.has(BLOCK)
    assert read(cache, BLOCK, 0, 4) is None
    cache.put(BLOCK, b"0123456789")
    assert cache.has(BLOCK)
    assert [read(cache, BLOCK, *place) for place in ((0, 10), (3, 4), (9, 1))] == [b"0123456789", b"3456", b"9"]


def test_another_process_finds_it_and_another_file_does_not(tmp_path: Path) -> None:
    BlockCache(tmp_path, 10_000).put(BLOCK, b"0123456789")
    later = BlockCache(tmp_path, 10_000)
    assert later.has(BLOCK)
    assert not later.has(Block("cd" * 32, 100, 10))
    assert not later.has(Block(DIGEST, 0, 10))


@pytest.mark.parametrize("damaged", [b"", b"012345678", b"0123456789x"])
def test_a_block_of_another_size_counts_as_absent(tmp_path: Path, damaged: bytes) -> None:
    cache = BlockCache(tmp_path, 10_000)
    cache.put(BLOCK, b"0123456789")
    cache.path(BLOCK).write_bytes(damaged)
    assert not cache.has(BLOCK)
    cache.put(BLOCK, b"0123456789")
    assert read(cache, BLOCK, 0, 10) == b"0123456789"


def test_those_used_longest_ago_go_first_and_the_bound_holds(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, 1000)
    blocks = [Block(DIGEST, number * 50, 50) for number in range(60)]
    for number, block in enumerate(blocks):
        cache.put(block, bytes([number]) * 50)
        os.utime(cache.path(block), (number, number))  # ages that a clock would give them
        cache.has(blocks[0])  # what is used stays
        assert size_of(tmp_path) <= 1000
    left = [number for number, block in enumerate(blocks) if cache.path(block).is_file()]
    assert left[0] == 0
    assert left[1:] == list(range(left[1], 60))
    assert len(left) >= 12


def test_a_lower_bound_holds_from_the_start(tmp_path: Path) -> None:
    before = BlockCache(tmp_path, 10_000)
    for number in range(20):
        before.put(Block(DIGEST, number * 50, 50), bytes(50))
    BlockCache(tmp_path, 400)
    assert size_of(tmp_path) <= 400


def test_what_was_written_half_and_abandoned_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    folder = tmp_path / DIGEST
    folder.mkdir()
    for name, age in ((".old.tmp", 0), (".new.tmp", None)):
        (folder / name).write_bytes(b"half")
        if age is not None:
            os.utime(folder / name, (age, age))
    BlockCache(tmp_path, 10_000)
    assert [path.name for path in folder.iterdir()] == [".new.tmp"]


def test_many_threads_and_caches_share_a_folder(tmp_path: Path) -> None:
    caches = [BlockCache(tmp_path, 3000) for _ in range(4)]

    def use(number: int) -> bool:
        cache, block = caches[number % 4], Block(DIGEST, number % 30 * 100, 100)
        content = bytes([number % 30]) * 100
        if not cache.has(block):
            cache.put(block, content)
        return read(cache, block, 0, 100) in (content, None)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(600)))
    assert size_of(tmp_path) <= 3000


def test_a_file_that_is_all_there_is_held_to_its_digest(tmp_path: Path) -> None:
    cache, content = BlockCache(tmp_path, 10_000), b"0123456789abcde"
    digest = sha256(content).hexdigest()
    blocks = [Block(digest, 0, 10), Block(digest, 10, 5)]
    cache.put(blocks[0], content[:10])
    cache.require_digest(blocks, "s3://bucket/part")
    cache.put(blocks[1], b"abcdX")
    with pytest.raises(MixError, match=rf"s3://bucket/part: found the digest \w+, the manifest says {digest}"):
        cache.require_digest(blocks, "s3://bucket/part")
    assert not any(cache.has(block) for block in blocks)
    cache.put(blocks[0], content[:10])
    cache.put(blocks[1], content[10:])
    cache.require_digest(blocks, "s3://bucket/part")
    assert all(cache.has(block) for block in blocks)


def test_a_whole_file_is_fetched_once_and_again_when_it_was_damaged(tmp_path: Path) -> None:
    cache, asked = BlockCache(tmp_path, 10_000), []
    digest = sha256(b"index").hexdigest()

    def fetch(place: str) -> bytes:
        asked.append(place)
        return b"index"

    for _ in range(2):
        assert cache.whole(digest, "gs://bucket/index", fetch).read_bytes() == b"index"
    assert asked == ["gs://bucket/index"]
    cache.whole(digest, "gs://bucket/index", fetch).write_bytes(b"")
    assert cache.whole(digest, "gs://bucket/index", fetch).read_bytes() == b"index"
    with pytest.raises(MixError, match="gs://bucket/other: found the digest"):
        cache.whole("00" * 32, "gs://bucket/other", fetch)


def test_a_folder_that_cannot_be_written_is_named_with_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MixError, match=r"file/cache: cannot be written: Not a directory; .*GRISTMILL_CACHE to another"):
        BlockCache(tmp_path / "file" / "cache", 1000)


def test_the_environment_says_where_and_how_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    cache_of_environment()
    assert (tmp_path / "home" / "gristmill" / "mixes").is_dir()
    monkeypatch.setenv("GRISTMILL_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("GRISTMILL_CACHE_GB", "1e-6")
    cache = cache_of_environment()
    for number in range(30):
        cache.put(Block(DIGEST, number * 100, 100), bytes(100))
    assert 0 < size_of(tmp_path / "own") <= 1000


@pytest.mark.parametrize("text", ["", "0", "-1", "much", "nan", "inf"])
def test_an_impossible_size_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("GRISTMILL_CACHE_GB", text)
    with pytest.raises(SpecError, match=f"GRISTMILL_CACHE_GB: found '{text}', wanted how many GB"):
        cache_of_environment()
