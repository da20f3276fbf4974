"""hf:// places against a server that speaks the Hub's interface."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from mixes.errors import DataError
from pipelines import storage, web
from pipelines.build_mix import main
from pipelines.storage import exists, find, local_file, local_files, local_folder, open_stored, read_bytes, read_range
from tests.pipelines.serving import Scene, serve

DATASET = "datasets/owner/mix"
SHARDS = [f"data/dclm/{folder:04}/dclm-{shard:04}.json.zst" for folder in range(3) for shard in range(4)]


@pytest.fixture
def scene() -> Scene:
    files = {f"{DATASET}@main/{name}": name.encode() * 50 for name in SHARDS}
    files |= {f"{DATASET}@main/{name}": b"{}\n" for name in ("README.md", ".gitattributes", "data/math/a b+[1].jsonl")}
    files[f"{DATASET}@refs/pr/2/data/other.jsonl"] = b"other"
    files |= {f"owner/edu@main/{name}": name.encode() for name in ("config.json", "model.safetensors", "train.py")}
    return Scene(files=files)


@pytest.fixture(autouse=True)
def hub(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setattr(web, "RETRY_SECONDS", 0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    forget_copies()
    with serve(scene) as address:
        monkeypatch.setenv("HF_ENDPOINT", address + "/")
        yield address


def forget_copies() -> None:
    storage._copies.cache_clear()
    storage._folder_copy.cache_clear()


def names(pattern: str) -> list[str]:
    return [file.uri.removeprefix(f"hf://{DATASET}/") for file in find(f"hf://{DATASET}/{pattern}")]


def test_a_listing_has_every_page_with_sizes_and_digests() -> None:
    found = find(f"hf://{DATASET}/data/dclm/*/*.json.zst")
    assert [file.uri for file in found] == [f"hf://{DATASET}/{name}" for name in SHARDS]
    for file, name in zip(found, SHARDS, strict=True):
        data = name.encode() * 50
        assert (file.size, file.version) == (len(data), sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("data/dclm/0001/dclm-0002.json.zst", SHARDS[6:7]),
        ("data/dclm/0001/dclm-000[01].json.zst", SHARDS[4:6]),
        ("data/dclm/000?/dclm-0003.json.zst", SHARDS[3::4]),
        ("data/dclm/**/*.zst", SHARDS),
        ("data/**", [*SHARDS, "data/math/a b+[1].jsonl"]),
        ("**/dclm-0000.*", SHARDS[::4]),
        ("data/*", []),
        ("data/dclm/*.json.zst", []),
        ("data/none/*", []),
        ("*", ["README.md"]),
        (".git*", [".gitattributes"]),
    ],
)
def test_globs_are_read_as_on_disk(pattern: str, wanted: list[str]) -> None:
    assert names(pattern) == wanted


def test_one_folder_is_listed_without_those_below_it(scene: Scene) -> None:
    names("data/dclm/0001/dclm-0002.json.zst")
    assert set(scene.asked) == {f"/api/{DATASET}/tree/main/data/dclm/0001"}


def test_a_revision_is_asked_for_and_kept_in_the_name() -> None:
    name = f"hf://{DATASET}@refs%2Fpr%2F2/data/other.jsonl"
    assert [file.uri for file in find(f"hf://{DATASET}@refs%2Fpr%2F2/data/*")] == [name]
    assert read_bytes(name) == b"other"


def test_files_are_read_whole_in_parts_and_through_a_cut(scene: Scene) -> None:
    name = f"hf://{DATASET}/{SHARDS[0]}"
    data = SHARDS[0].encode() * 50
    assert read_bytes(name) == data
    assert read_range(name, 100, 50) == data[100:150]
    scene.cuts[f"/{DATASET}@main/{SHARDS[0]}"] = [123]
    assert read_bytes(name) == data
    assert read_bytes(f"hf://{DATASET}/data/math/a b+[1].jsonl") == b"{}\n"
    assert exists(name)
    assert not exists(name + "2")


def test_the_token_goes_to_the_hub_and_nowhere_else(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.token = "hf_secret"
    name = f"hf://{DATASET}/{SHARDS[0]}"
    for attempt in (lambda: names("data/**"), lambda: read_bytes(name), lambda: open_stored(name)):
        with pytest.raises(DataError, match=r"HTTP status 401: HF_TOKEN is not set; .*accepted, do so at http"):
            attempt()
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(DataError, match="the token in HF_TOKEN may not read it") as caught:
        names("data/**")
    assert "hf_wrong" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert names("data/dclm/**") == SHARDS
    assert read_bytes(name) == SHARDS[0].encode() * 50  # from another host, after a redirection
    assert scene.leaks == []


def test_a_listing_that_leads_elsewhere_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    scene.next_page = "http://127.0.0.1:1/api/more"
    with pytest.raises(DataError, match="goes on at another server"):
        names("data/**")


def test_a_missing_repository_is_named() -> None:
    with pytest.raises(DataError, match=r"^hf://datasets/owner/none: cannot be listed: HTTP status 404: no such repo"):
        find("hf://datasets/owner/none/data/*")
    with pytest.raises(DataError, match=r"none.jsonl: cannot be read: HTTP status 404: no such"):
        read_bytes(f"hf://{DATASET}/data/none.jsonl")


def test_a_hub_that_has_no_time_is_asked_again_a_stated_number_of_times(scene: Scene) -> None:
    path = f"/api/{DATASET}/tree/main/data"
    scene.refusals[path] = [429, 503]
    assert len(names("data/**")) == 13
    scene.refusals[path] = [503] * 100
    with pytest.raises(DataError, match="HTTP status 503 after 6 tries"):
        names("data/**")


def test_without_a_network_the_place_in_the_spec_and_a_remedy_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    spec = tmp_path / "mix.yaml"
    spec.write_text(
        f"name: a\ntokenizer: {{file: {spec}}}\nsources:\n"
        "- {name: web, documents: 'hf://datasets/owner/name/*', tokens: 5}\n"
        "- {name: math, documents: 'hf://datasets/owner/more/*', tokens: 5}\n"
    )
    assert main([str(spec), "--dry-run"]) == 2
    error = capfd.readouterr().err
    assert error.startswith(f"{spec}:4:26: sources[0].documents[0]: source 'web': hf://datasets/owner/name: cannot be ")
    assert error.count("\n") == 1
    assert "check the network and the name, and behind a proxy set HTTPS_PROXY" in error


def test_an_answer_that_is_no_listing_names_the_endpoint(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.pipelines.serving.json.dumps", lambda _: "<html>")
    with pytest.raises(DataError, match=f"{hub} does not answer as the Hub does; check HF_ENDPOINT"):
        names("data/**")


def test_a_process_asks_for_a_model_once_and_a_machine_copies_it_once(scene: Scene) -> None:
    path = local_file("hf://owner/edu/config.json")
    assert Path(path).read_bytes() == b"config.json"
    asked = sum(scene.asked.values())
    assert local_file("hf://owner/edu/config.json") == path
    assert sum(scene.asked.values()) == asked
    forget_copies()  # as another process
    assert local_file("hf://owner/edu/config.json") == path
    assert scene.asked["/owner/edu/resolve/main/config.json"] == 1
    scene.files["owner/edu@main/config.json"] = b"newer"
    forget_copies()
    assert Path(local_file("hf://owner/edu/config.json")).read_bytes() == b"newer"


def test_evaluations_are_copied_in_the_order_of_their_names() -> None:
    paths = local_files(f"hf://{DATASET}/data/dclm/*/*.zst")
    assert [Path(path).read_bytes() for path in paths] == [name.encode() * 50 for name in SHARDS]


def test_of_a_folder_the_files_of_a_model_are_copied() -> None:
    folder = Path(local_folder("hf://owner/edu"))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert (folder / "model.safetensors").read_bytes() == b"model.safetensors"


def test_local_models_stay_where_they_are(tmp_path: Path) -> None:
    assert local_file(f"{tmp_path}/none.bin") == f"{tmp_path}/none.bin"
    assert local_folder("models/edu") == "models/edu"


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"hf://owner/edu/none.bin: found 0 files"):
        local_file("hf://owner/edu/none.bin")
    with pytest.raises(DataError, match=r"found no model, wanted a folder with \.json and \.safetensors files"):
        local_folder(f"hf://{DATASET}/data/dclm/0000")


def test_a_mix_cannot_be_written_to_where_only_reading_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("hf://datasets/owner/mix/out", "https://host/out"):
        assert main(["mixes/smoke.yaml", "--output", place]) == 2
        assert f"--output {place}: is read, not written" in capsys.readouterr().err
