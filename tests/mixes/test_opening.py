"""Where a mix may lie, how each store is asked for it, and what is said of places that hold none."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mixes.errors import MixError
from mixes.manifest import Manifest
from mixes.opening import mix_place, open_mix
from mixes.stores.addresses import signer
from mixes.token_stream import TokenStream
from tests.mixes.small_mix import SmallSource, write_small_mix
from tests.pipelines.serving import Scene, serve

TOKENS = list(range(50))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return write_small_mix(tmp_path / "out", [SmallSource(parts=[TOKENS])])


@pytest.fixture
def scene(tmp_path: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setenv("GRISTMILL_CACHE", str(tmp_path / "cache"))
    names = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    return Scene(files={str(path.relative_to(tmp_path)): path.read_bytes() for path in names})


@pytest.fixture
def address(scene: Scene) -> Iterator[str]:
    with serve(scene) as served:
        yield served


def tokens_at(place: str) -> list[int]:
    mix = open_mix(place)
    with TokenStream(mix.manifest, mix.files) as stream:
        return stream.read(np.array([0]), len(TOKENS)).ravel().tolist()


def test_a_local_path_stays_one_and_a_uri_too() -> None:
    assert mix_place("output/mixes/smoke") == Path("output/mixes/smoke")
    assert mix_place("s3://bucket/out/mixes/smoke") == "s3://bucket/out/mixes/smoke"


def test_a_local_mix_is_opened_by_its_folder_or_its_manifest(tmp_path: Path, manifest: Manifest) -> None:
    folder = tmp_path / "out" / "mixes" / "small"
    assert open_mix(folder).manifest == open_mix(folder / "manifest.json").manifest == manifest


@pytest.mark.parametrize("ending", ["", "/", "/manifest.json"])
def test_a_mix_behind_http_is_opened_by_its_folder_or_its_manifest(address: str, ending: str, scene: Scene) -> None:
    assert tokens_at(f"{address}/out/mixes/small{ending}") == TOKENS


def test_a_mix_in_google_cloud_storage_is_read_through_its_json_interface(
    scene: Scene, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
    scene.files = {f"download/storage/v1/b/bucket/o/{name}": data for name, data in scene.files.items()}
    assert tokens_at("gs://bucket/out/mixes/small") == TOKENS


@pytest.fixture
def s3(scene: Scene, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    """The mix in a bucket, as far as what is read goes; credentials of this machine are out of sight."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    scene.files = {f"bucket/{name}": data for name, data in scene.files.items()}
    return scene


def test_a_mix_in_s3_is_read_without_credentials_where_it_is_public(s3: Scene) -> None:
    assert tokens_at("s3://bucket/out/mixes/small") == TOKENS


def test_a_mix_in_s3_is_read_with_credentials(s3: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert tokens_at("s3://bucket/out/mixes/small") == TOKENS
    url, headers = signer("s3://bucket/out")("s3://bucket/out/a b")
    assert "/bucket/out/a%20b?" in url
    assert "X-Amz-Signature=" in url
    assert "secret" not in url
    assert headers == {}


def test_a_store_that_refuses_is_named_with_the_remedy(s3: Scene) -> None:
    s3.refusals["/bucket/out/mixes/small/manifest.json"] = [403]
    with pytest.raises(MixError) as caught:
        open_mix("s3://bucket/out/mixes/small")
    assert str(caught.value).startswith(
        "s3://bucket/out/mixes/small/manifest.json: cannot be read: HTTP status 403; s3:// needs gristmill[s3] and "
        "credentials, in AWS_ACCESS_KEY_ID"
    )


@pytest.mark.parametrize("place", ["s3://bucket", "gs://bucket/mixes", "https://host/mixes", "s3://bucket/mixes/a?b"])
def test_what_cannot_be_the_folder_of_a_mix_is_refused(place: str) -> None:
    with pytest.raises(MixError, match=r"wanted the folder of a built mix, such as s3://BUCKET/OUTPUT/mixes/NAME"):
        open_mix(place)


def test_a_manifest_that_was_changed_is_refused_with_its_place(scene: Scene, address: str) -> None:
    scene.files["out/mixes/small/manifest.json"] += b" "
    with pytest.raises(MixError, match=f"{address}/out/mixes/small/manifest.json: found the digest"):
        open_mix(f"{address}/out/mixes/small")
