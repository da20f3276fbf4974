"""Object stores through Beam's file systems."""

import pytest
from apache_beam.io.aws import s3io
from apache_beam.io.filesystems import FileSystems

from pipelines import storage


def test_a_store_is_asked_with_options_before_there_is_a_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)  # as in a process that has made no pipeline yet
    asked: list[object] = []

    class Client:
        """In the place of Beam's, which refuses to be made without a client and without options."""

        def __init__(self, options: object) -> None:
            asked.append(options)

        def exists(self, path: str) -> bool:
            return path == "s3://bucket/there"

    monkeypatch.setattr(s3io, "S3IO", Client)
    assert storage.exists("s3://bucket/there")
    assert not storage.exists("s3://bucket/elsewhere")
    assert asked
    assert None not in asked
