"""Files behind http: what a read survives, when it gives up, and what no message tells."""

import io
from collections.abc import Iterator
from random import Random

import pytest
import urllib3

from pipelines import web
from pipelines.web import WebError, describe, get, open_web
from tests.pipelines.serving import Scene, serve

DATA = Random(7).randbytes(3_000_000)


@pytest.fixture
def scene() -> Scene:
    return Scene(files={"a/shard.bin": DATA})


@pytest.fixture
def url(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(web, "RETRY_SECONDS", 0.0)
    with serve(scene) as address:
        yield address + "/a/shard.bin"


def test_a_file_has_a_size_and_a_version_that_changes_with_it(scene: Scene, url: str) -> None:
    size, version = describe(url)
    assert size == len(DATA)
    scene.files["a/shard.bin"] = DATA + b"!"
    assert describe(url)[1] != version


def test_what_is_read_is_what_is_stored(scene: Scene, url: str) -> None:
    with open_web(url) as stream:
        assert stream.read() == DATA
    assert scene.asked["/a/shard.bin"] == 1


@pytest.mark.parametrize("cuts", [[0], [1], [1_000_000, 500_000], [0, 0, 0, 0, 0], [2_999_999]])
def test_a_read_goes_on_where_a_body_broke_off(scene: Scene, url: str, cuts: list[int]) -> None:
    scene.cuts["/a/shard.bin"] = list(cuts)
    with open_web(url) as stream:
        assert b"".join(iter(lambda: stream.read(70_000), b"")) == DATA
    assert scene.asked["/a/shard.bin"] == 1 + len(cuts)


def test_bodies_that_break_off_again_and_again_without_a_byte_end_the_read(scene: Scene, url: str) -> None:
    scene.cuts["/a/shard.bin"] = [2_000_000] + [0] * 100
    with open_web(url) as stream, pytest.raises(WebError, match=r"broke off 6 times in a row after byte 2,000,000"):
        stream.read()
    assert scene.asked["/a/shard.bin"] <= 1 + 2 * (web.NUM_RETRIES + 1)


def test_a_file_that_changes_while_it_is_read_is_refused(scene: Scene, url: str) -> None:
    scene.cuts["/a/shard.bin"] = [1_000_000]
    with open_web(url) as stream:
        assert stream.read(10) == DATA[:10]
        scene.files["a/shard.bin"] = DATA[::-1]
        with pytest.raises(WebError, match="changed while it was read"):
            stream.read()


def test_a_server_without_parts_of_files_cannot_go_on(scene: Scene, url: str) -> None:
    scene.has_ranges = False
    scene.cuts["/a/shard.bin"] = [1_000_000]
    with open_web(url) as stream, pytest.raises(WebError, match="sends no parts of files"):
        stream.read()


def test_seeking_reads_from_there(url: str) -> None:
    with open_web(url) as stream:
        for offset in (2_500_000, 0, 17):
            stream.seek(offset)
            assert stream.read(1000) == DATA[offset : offset + 1000]
        assert stream.seek(-5, io.SEEK_END) == len(DATA) - 5
        assert stream.read() == DATA[-5:]
        stream.seek(len(DATA) + 1)
        assert stream.read() == b""


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_refusal_is_asked_again(scene: Scene, url: str, status: int) -> None:
    scene.refusals["/a/shard.bin"] = [status] * web.NUM_RETRIES
    assert get(url).content == DATA
    scene.refusals["/a/shard.bin"] = [status] * 100
    with pytest.raises(WebError, match=rf"^HTTP status {status} after 6 tries$") as caught:
        get(url)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_lasting_refusal_is_not(scene: Scene, url: str, status: int) -> None:
    scene.refusals["/a/shard.bin"] = [status] * 100
    with pytest.raises(WebError, match=rf"^HTTP status {status}$"):
        get(url)
    assert scene.asked["/a/shard.bin"] == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "86400"}, web.MAX_WAIT_SECONDS),
        ({"RateLimit": '"api";r=0;t=55'}, 55),
        ({"RateLimit": '"api";r=0;t=9999'}, web.MAX_WAIT_SECONDS),
    ],
)
def test_a_server_is_given_the_time_it_asks_for_up_to_a_bound(headers: dict[str, str], seconds: float | None) -> None:
    response = urllib3.HTTPResponse(status=429, headers=headers)
    assert web._BoundedRetry().get_retry_after(response) == seconds


def test_no_message_holds_the_address(scene: Scene, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.refusals["/a/shard.bin"] = [403]
    with pytest.raises(WebError) as caught:
        get(url + "?signature=secret")
    assert "secret" not in repr(caught.value)
    monkeypatch.setattr(web, "NUM_RETRIES", 0)
    with pytest.raises(WebError, match=r"^no server reached after 1 tries: \w+; check the network") as caught:
        get("http://127.0.0.1:1/?signature=secret", num_connects=0)
    assert "secret" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_a_server_out_of_reach_is_not_waited_for_as_one_that_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "RETRY_SECONDS", 0.0)
    with pytest.raises(WebError, match=f"no server reached after {web.NUM_CONNECTS + 1} tries"):
        describe("http://127.0.0.1:1/a")
    with pytest.raises(WebError, match=f"no server reached after {web.NUM_RETRIES + 1} tries"):
        open_web("http://127.0.0.1:1/a")
