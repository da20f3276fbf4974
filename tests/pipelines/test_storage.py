"""Object stores through Beam's file systems."""

import io
from types import SimpleNamespace

import boto3
import pytest
from apache_beam.io.aws import s3io
from apache_beam.io.filesystems import FileSystems

from pipelines import storage


class Stored(io.BytesIO):
    """An object that is stored when it is closed."""

    def __init__(self, client: "Client", name: str) -> None:
        super().__init__()
        self._client = client
        self._name = name

    def close(self) -> None:
        if not self.closed:
            self._client.objects[self._name] = self.getvalue()
        super().close()


class Client:
    """In the place of Beam's client of S3, which refuses to be made without a client of boto3 and without options."""

    objects: dict[str, bytes] = {}  # noqa: RUF012  (one bucket for all clients of a test)

    def __init__(self, options: object) -> None:
        assert options is not None

    def exists(self, path: str) -> bool:
        return path in self.objects

    def open(self, path: str, mode: str, mime_type: str) -> Stored:
        assert (mode, mime_type) == ("wb", "application/octet-stream")
        return Stored(self, path)


@pytest.fixture(autouse=True)
def no_pipeline_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)
    monkeypatch.setattr(s3io, "S3IO", Client)
    monkeypatch.setattr(Client, "objects", {})


def test_a_store_is_asked_before_there_is_a_pipeline() -> None:
    assert not storage.exists("s3://bucket/file")


@pytest.mark.parametrize("name", ["part.npy", "tokenizer.json.gz", "shard.jsonl.zst"])
def test_what_is_published_is_stored_as_it_is_whatever_its_name(name: str) -> None:
    written = storage.publish_bytes(f"s3://bucket/{name}", b"content")
    assert written.size == 7
    assert Client.objects == {f"s3://bucket/{name}": b"content"}
    assert storage.exists(f"s3://bucket/{name}")


def test_an_empty_file_is_stored_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    stored: list[dict[str, object]] = []
    client = SimpleNamespace(put_object=lambda **asked: stored.append(asked))
    monkeypatch.setattr(boto3, "client", lambda name: client)
    assert storage.publish_bytes("s3://bucket/folder/none", b"").size == 0
    assert stored == [{"Bucket": "bucket", "Key": "folder/none", "Body": b""}]
    assert Client.objects == {}
