"""Ranges of files over HTTP: what is asked again, how often, and what is said when there is no hope."""

from collections.abc import Iterator

import pytest

from mixes.errors import MixError
from mixes.stores import ranges
from mixes.stores.addresses import signer
from mixes.stores.ranges import NUM_TRIES, RangeReader
from tests.pipelines.serving import Scene, serve

DATA = bytes(range(256)) * 40


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(ranges, "FIRST_WAIT_SECONDS", 0.0)
    return Scene(files={"out/file": DATA})


@pytest.fixture
def root(scene: Scene) -> Iterator[str]:
    with serve(scene) as address:
        yield f"{address}/out"


@pytest.fixture
def reader(root: str) -> RangeReader:
    return RangeReader(signer(root))


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (0, len(DATA)), (100, 300), (len(DATA) - 1, 1)])
def test_a_range_has_its_bytes_and_tells_of_the_file(reader: RangeReader, root: str, offset: int, size: int) -> None:
    found = reader.read(f"{root}/file", offset, size)
    assert found.data == DATA[offset : offset + size]
    assert found.file_size == len(DATA)
    assert found.version


def test_a_range_beyond_the_end_is_cut_there(reader: RangeReader, root: str) -> None:
    assert reader.read(f"{root}/file", len(DATA) - 5, 100).data == DATA[-5:]


def test_a_whole_file_is_read_without_a_range(reader: RangeReader, root: str) -> None:
    assert reader.whole(f"{root}/file") == DATA


@pytest.mark.parametrize("statuses", [[503], [500, 429, 504], [408] * (NUM_TRIES - 1)])
def test_what_may_pass_is_asked_again(scene: Scene, reader: RangeReader, root: str, statuses: list[int]) -> None:
    scene.refusals["/out/file"] = list(statuses)
    assert reader.read(f"{root}/file", 3, 4).data == DATA[3:7]
    assert scene.asked["/out/file"] == len(statuses) + 1


def test_a_body_that_breaks_off_is_asked_for_again(scene: Scene, reader: RangeReader, root: str) -> None:
    scene.cuts["/out/file"] = [0, 10]
    assert reader.read(f"{root}/file", 0, 100).data == DATA[:100]
    assert scene.asked["/out/file"] == 3


def test_a_store_that_stays_silent_is_given_up_with_the_name_of_the_file(
    scene: Scene, reader: RangeReader, root: str
) -> None:
    scene.refusals["/out/file"] = [503] * 100
    with pytest.raises(MixError, match=rf"{root}/file: cannot be read: HTTP status 503, {NUM_TRIES} times; the same"):
        reader.read(f"{root}/file", 0, 1)
    assert scene.asked["/out/file"] == NUM_TRIES


def test_no_server_at_all_is_said(reader: RangeReader, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "http://127.0.0.1:1/out/file"
    with pytest.raises(MixError, match=r"cannot be read: no answer \(NewConnectionError\), 6 times"):
        reader.read(uri, 0, 1)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "401; the server wants credentials"),
        (403, "403; the server wants credentials"),
        (404, "404: no such bucket or file; give the folder of a built mix"),
        (302, "302"),
    ],
)
def test_what_will_not_pass_is_not_asked_again(
    scene: Scene, reader: RangeReader, root: str, status: int, said: str
) -> None:
    scene.refusals["/out/file"] = [status]
    with pytest.raises(MixError, match=f"/out/file: cannot be read: HTTP status {said}"):
        reader.read(f"{root}/file", 0, 1)
    assert scene.asked["/out/file"] == 1


def test_a_server_without_ranges_is_refused(scene: Scene, reader: RangeReader, root: str) -> None:
    scene.has_ranges = False
    with pytest.raises(MixError, match="sends no ranges of files; copy the mix to this machine"):
        reader.read(f"{root}/file", 0, 1)


def test_a_range_behind_the_end_is_refused(reader: RangeReader, root: str) -> None:
    with pytest.raises(MixError, match="416: the file is shorter than the manifest says"):
        reader.read(f"{root}/file", len(DATA), 1)


def test_a_stopped_reader_waits_for_nothing(scene: Scene, reader: RangeReader, root: str) -> None:
    scene.refusals["/out/file"] = [503] * 100
    reader.stop()
    with pytest.raises(MixError, match="503"):
        reader.read(f"{root}/file", 0, 1)
    assert scene.asked["/out/file"] == 1
