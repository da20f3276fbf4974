"""A mix in a store reads as the same mix on this machine does, whatever the cache has, and what differs is named."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mixes.errors import MixError
from mixes.manifest import Manifest
from mixes.mix_files import LocalFiles
from mixes.opening import open_mix
from mixes.stores import files, ranges
from mixes.stores.files import StoredFiles
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix
from tests.pipelines.serving import Scene, serve

LENGTH = 7
PARTS = [list(range(40)), [], [5, 6], list(range(90, 20, -1))]


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    sources = [SmallSource(parts=PARTS, whole_epochs=2, prefixes=[9, 0, 1, 3], held_out=[4, 0, 0, 2])]
    return write_small_mix(tmp_path / "out", [*sources, SmallSource(parts=[list(range(3, 33))])])


@pytest.fixture
def scene(tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The files of the mix below `out`, in blocks of 16 bytes."""
    monkeypatch.setenv("GRISTMILL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "BLOCK_BYTES", 16)
    monkeypatch.setattr(ranges, "FIRST_WAIT_SECONDS", 0.0)
    names = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    return Scene(files={str(path.relative_to(tmp_path)): path.read_bytes() for path in names})


@pytest.fixture
def root(scene: Scene) -> Iterator[str]:
    with serve(scene) as address:
        yield f"{address}/out"


def starts_of(manifest: Manifest) -> np.ndarray:
    return np.random.default_rng(0).permutation(manifest.tokens - LENGTH + 1)


def part_requests(scene: Scene) -> int:
    return sum(count for path, count in scene.asked.items() if path.endswith(".npy"))


def test_it_gives_the_same_tokens_with_an_empty_a_full_and_a_tiny_cache(
    tmp_path: Path, manifest: Manifest, scene: Scene, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = starts_of(manifest)
    with TokenStream(manifest, LocalFiles(tmp_path / "out")) as stream:
        wanted = stream.read(starts, LENGTH)
    for gigabytes in ("1", "1", "1e-8"):  # a tiny one has room for no block
        monkeypatch.setenv("GRISTMILL_CACHE_GB", gigabytes)
        mix = open_mix(f"{root}/mixes/small")
        assert mix.manifest == manifest
        with TokenStream(mix.manifest, mix.files) as stream:
            assert np.array_equal(stream.read(starts[:20], LENGTH), wanted[:20])
            stream.announce(starts[20:60], LENGTH)
            assert np.array_equal(stream.read(starts[20:60], LENGTH), wanted[20:60])


def test_a_block_is_asked_for_once_and_a_second_run_asks_for_none(manifest: Manifest, scene: Scene, root: str) -> None:
    num_parts, num_blocks = 4, sum(-(-2 * len(part) // 16) for part in (*PARTS, range(30)))  # an empty one has none
    for requests in (num_parts + num_blocks, 2 * num_parts + num_blocks):
        with TokenStream(manifest, StoredFiles(root)) as stream:
            for start in starts_of(manifest):
                stream.announce(np.array([start]), LENGTH)
            stream.read(starts_of(manifest), LENGTH)
        assert part_requests(scene) == requests


def test_a_store_on_a_bad_day_gives_the_same_bytes(manifest: Manifest, scene: Scene, root: str, tmp_path: Path) -> None:
    starts = starts_of(manifest)
    with TokenStream(manifest, LocalFiles(tmp_path / "out")) as stream:
        wanted = stream.read(starts, LENGTH)
    for part in manifest.sources[0].parts:
        scene.refusals[f"/out/{part.file}"] = [503, 500]
        scene.cuts[f"/out/{part.file}"] = [0, 5, 3]
    with TokenStream(manifest, StoredFiles(root)) as stream:
        assert np.array_equal(stream.read(starts, LENGTH), wanted)


def test_a_part_of_another_size_is_refused_at_opening(manifest: Manifest, scene: Scene, root: str) -> None:
    file = manifest.sources[0].parts[3].file
    scene.files[f"out/{file}"] += b"x"
    with pytest.raises(MixError, match=rf"{root}/{file}: found 141 bytes, the manifest says 140"):
        TokenStream(manifest, StoredFiles(root))


def test_a_part_that_is_absent_is_refused_at_opening(manifest: Manifest, scene: Scene, root: str) -> None:
    file = manifest.sources[1].parts[0].file
    del scene.files[f"out/{file}"]
    with pytest.raises(MixError, match=rf"{root}/{file}: cannot be read: HTTP status 404"):
        TokenStream(manifest, StoredFiles(root))


def test_a_part_that_changes_under_an_open_stream_is_named(manifest: Manifest, scene: Scene, root: str) -> None:
    part = manifest.sources[1].parts[0]
    with TokenStream(manifest, StoredFiles(root)) as stream:
        scene.files[f"out/{part.file}"] = bytes(part.size)
        with pytest.raises(MixError, match=rf"{root}/{part.file}: was changed while it was read"):
            stream.read(np.array([manifest.tokens - LENGTH]), LENGTH)


def test_a_part_of_other_bytes_is_refused_when_all_of_it_is_here_and_is_not_kept(
    manifest: Manifest, scene: Scene, root: str, tmp_path: Path
) -> None:
    part = manifest.sources[1].parts[0]
    scene.files[f"out/{part.file}"] = bytes(part.size)
    with TokenStream(manifest, StoredFiles(root)) as stream:
        stream.read(np.array([manifest.tokens - LENGTH]), LENGTH)  # a block alone has no digest to be compared with
        with pytest.raises(
            MixError, match=rf"{root}/{part.file}: found the digest \w+, the manifest says {part.digest}"
        ):
            stream.read(np.array([manifest.tokens - 30]), 30)
    assert not (tmp_path / "cache" / part.digest).exists()


def test_an_index_is_copied_and_held_to_its_digest(manifest: Manifest, scene: Scene, root: str) -> None:
    part = manifest.sources[0].parts[0]
    assert StoredFiles(root).index(part).read_bytes() == b"index"
    scene.files.clear()
    assert StoredFiles(root).index(part).read_bytes() == b"index"


def test_a_stream_that_is_closed_waits_for_nothing_that_was_announced(
    manifest: Manifest, scene: Scene, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "FIRST_WAIT_SECONDS", 60.0)
    threads = threading.active_count()
    with TokenStream(manifest, StoredFiles(root)) as stream:
        scene.refusals = {f"/out/{part.file}": [503] * 999 for source in manifest.sources for part in source.parts}
        stream.announce(starts_of(manifest), LENGTH)
    assert threading.active_count() <= threads + 1  # the server's own may end later
