"""Where shards are found and where a build leaves its files: local folders, object stores, the web and the Hub alike.

Local paths use the operating system; `gs://` and `s3://` go through Beam's FileSystems for listing and writing.
`http(s)://` and `hf://` are read and not written. A file appears under its final name whole or not at all. The clients
of stores take most of a second to import, so that is done where there is one to speak to.
"""

import contextlib
import glob
import hashlib
import io
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from mixes.errors import DataError
from mixes.files import DigestWriter, FileDigest, Write, publish_file
from mixes.stores.addresses import REMEDIES
from pipelines.hub import find_in_hub, open_in_hub
from pipelines.web import WebError, describe, open_web

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from apache_beam.io.filesystems import FileSystems

_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://")
_GLOB = re.compile(r"[*?\[]")
_WEB = ("http://", "https://")
_HUB = "hf://"
_NO_STORE = "wanted a local path, s3://, gs://, http(s):// or hf://"
_COPY_BYTES = 1 << 20
_MODEL_FILES = (".json", ".safetensors")  # what a model of transformers is made of


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file as a listing shows it: nothing of it has been read."""

    uri: str
    size: int  # stored bytes; -1 where the store does not say
    version: str  # changes when the file is written again: modification time or the store's own tag


def is_remote(uri: str) -> bool:
    """Return True for a URI with a scheme, False for a local path."""
    return bool(_SCHEME.match(uri))


def join(folder: str, *names: str) -> str:
    """Return the URI of a file below a folder, local or remote."""
    if is_remote(folder):
        return "/".join([folder.rstrip("/"), *names])
    return os.path.join(folder, *names)


def find(pattern: str) -> list[StoredFile]:
    """Return the files that match a glob or a plain name, ordered by URI; empty when there are none.

    Raises:
        DataError: The store cannot be asked.
    """
    if pattern.startswith(_WEB):
        return [_web_file(pattern)]
    if pattern.startswith(_HUB):
        return [StoredFile(uri=file.uri, size=file.size, version=file.version) for file in find_in_hub(pattern)]
    if is_remote(pattern):
        with _explained(pattern):
            found = _file_systems().match([pattern])[0].metadata_list
        files = [
            StoredFile(uri=each.path, size=each.size_in_bytes, version=str(each.last_updated_in_seconds or ""))
            for each in found
        ]
        return sorted(files, key=lambda file: file.uri)
    is_glob = _GLOB.search(pattern) and not os.path.isfile(pattern)
    paths = glob.glob(pattern, recursive=True) if is_glob else [pattern]
    return [_local_file(path) for path in sorted(paths) if os.path.isfile(path)]


@contextlib.contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Say what to do about a store that cannot be asked: its clients name neither the place nor a remedy."""
    try:
        yield
    except Exception as error:  # each store's client has its own
        scheme = uri.partition("://")[0]
        raise DataError(
            f"{uri}: cannot be listed: {type(error).__name__}; {REMEDIES.get(scheme, _NO_STORE)}"
        ) from error


def _web_file(uri: str) -> StoredFile:
    try:
        size, version = describe(uri)
    except WebError as error:
        raise DataError(f"{uri.partition('?')[0]}: cannot be read: {error}") from error
    return StoredFile(uri=uri, size=size, version=version)


def _local_file(path: str) -> StoredFile:
    status = os.stat(path)
    return StoredFile(uri=path, size=status.st_size, version=str(status.st_mtime_ns))


def exists(uri: str) -> bool:
    """Return True when a file of this name is there."""
    if uri.startswith((*_WEB, _HUB)):
        return bool(find(uri))
    return bool(_file_systems().exists(uri)) if is_remote(uri) else os.path.isfile(uri)


def has_size(uri: str, size: int) -> bool:
    """Return True when a file of this name and stored size is there."""
    return any(file.size == size for file in find(uri if is_remote(uri) else glob.escape(uri)))


def list_sizes(folder: str) -> dict[str, int]:
    """Return the stored bytes of each file in a folder, by name; none where there is no such folder."""
    if is_remote(folder):
        return {file.uri.rpartition("/")[2]: file.size for file in find(join(folder, "*"))}
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}
    except (FileNotFoundError, NotADirectoryError):
        return {}


def remove(uri: str) -> None:
    """Remove a file, if it is there."""
    if is_remote(uri):
        _file_systems().delete([uri])
    elif os.path.exists(uri):
        os.unlink(uri)


def read_bytes(uri: str) -> bytes:
    """Return the whole content of a file as stored.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    try:
        with open_stored(uri) as stream:
            return stream.read()
    except OSError as error:
        raise DataError(f"{uri}: cannot be read: {error}") from error


def read_range(uri: str, offset: int, size: int) -> bytes:
    """Return `size` bytes of a file from an offset on; fewer where it ends before.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    try:
        with open_stored(uri) as stream:
            stream.seek(offset)
            return stream.read(size)
    except OSError as error:
        raise DataError(f"{uri}: cannot be read: {error}") from error


def open_stored(uri: str) -> BinaryIO:
    """Open a file for reading its stored bytes, seekable; compression is left to the reader."""
    if uri.startswith(_WEB):
        return cast("BinaryIO", open_web(uri))
    if uri.startswith(_HUB):
        return cast("BinaryIO", open_in_hub(uri))
    if is_remote(uri):
        return _open_remote(uri)
    return open(uri, "rb")


def _open_remote(uri: str) -> BinaryIO:
    from smart_open import open as smart_open

    return smart_open(uri, "rb", compression="disable")


def _file_systems() -> "type[FileSystems]":
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    if FileSystems._pipeline_options is None:  # no pipeline was made yet, and without options s3:// refuses all
        FileSystems.set_options(PipelineOptions([]))
    return FileSystems


def local_file(uri: str) -> str:
    """Return the path of a file on this machine: its own or, of a remote one, that of a copy, made once a version.

    Copies lie in `~/.cache/gristmill`, or below XDG_CACHE_HOME, and may be removed at any time.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    if not is_remote(uri):
        return uri
    paths = local_files(uri)
    if len(paths) != 1:
        raise DataError(f"{uri}: found {len(paths)} files of this name, wanted one")
    return paths[0]


def local_files(pattern: str) -> tuple[str, ...]:
    """Return the paths on this machine of all files that a glob or name stands for, ordered by URI, as `local_file`.

    Raises:
        DataError: The store cannot be asked, or a file cannot be read.
    """
    if not is_remote(pattern):
        return tuple(file.uri for file in find(pattern))
    return _copies(pattern)


@cache  # each source of a spec asks for the same models, and stores count requests
def _copies(pattern: str) -> tuple[str, ...]:
    copies: list[str] = []
    for file in find(pattern):
        path = _cached(file.version, file.uri) / file.uri.partition("?")[0].rpartition("/")[2]
        _copy(file, path)
        copies.append(str(path))
    return tuple(copies)


def local_folder(uri: str) -> str:
    """Return the path of a model's folder on this machine: its own, or a copy's that holds its JSON and safetensors.

    Raises:
        DataError: There are no such files, or they cannot be read.
    """
    return _folder_copy(uri) if is_remote(uri) else uri


@cache
def _folder_copy(uri: str) -> str:
    files = [file for file in find(f"{uri.rstrip('/')}/*") if file.uri.endswith(_MODEL_FILES)]
    if not files:
        raise DataError(f"{uri}: found no model, wanted a folder with {' and '.join(_MODEL_FILES)} files")
    folder = _cached("".join(file.version for file in files), uri)
    for file in files:
        _copy(file, folder / file.uri.rpartition("/")[2])
    return str(folder)


def cache_folder() -> Path:
    """Return the folder of what this machine need not fetch or work out again, which may be removed at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "gristmill")


def _cached(version: str, uri: str) -> Path:
    return cache_folder() / hashlib.sha256(f"{uri}\n{version}".encode()).hexdigest()[:16]


def _copy(file: StoredFile, path: Path) -> None:
    if path.is_file() and file.size in (-1, path.stat().st_size):
        return
    log.info("copying %s, %d bytes, to %s", file.uri.partition("?")[0], file.size, path)
    try:
        with open_stored(file.uri) as stored:
            publish_file(str(path), lambda stream: shutil.copyfileobj(stored, stream, _COPY_BYTES))
    except WebError as error:
        raise DataError(f"{file.uri.partition('?')[0]}: cannot be read: {error}") from error


def publish(uri: str, write: Write) -> FileDigest:
    """Call `write` with a stream, let the file appear under its name only when all of it is stored; return its digest.

    Local files are written under a temporary name, synced and renamed. An object of a store appears when its
    stream is closed, whole; if `write` raises it does not appear.

    Raises:
        MixError: The file cannot be written.
    """
    if not is_remote(uri):
        return publish_file(uri, write)
    buffer = io.BytesIO()
    writer = DigestWriter(buffer)
    write(cast("BinaryIO", writer))
    from apache_beam.io.filesystem import CompressionTypes

    stored_as_is = CompressionTypes.UNCOMPRESSED  # or Beam would compress what is named `.gz` once more
    if writer.tell() == 0 and uri.startswith("s3://"):
        _store_nothing(uri)
        return writer.digest()
    with _file_systems().create(uri, "application/octet-stream", stored_as_is) as stream:
        stream.write(buffer.getbuffer())
    return writer.digest()


def _store_nothing(uri: str) -> None:
    """Store an empty object: Beam's client of S3 writes in pieces, and S3 refuses an object of none."""
    import boto3

    bucket, _, key = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"")


def publish_together(uris: Sequence[str], write: Callable[[Sequence[BinaryIO]], object]) -> None:
    """Publish several files that are written side by side: `write` is given a stream for each.

    Each file is whole or absent, the last of them being there first; if `write` raises, none appears.

    Raises:
        MixError: A file cannot be written; those after it are there.
    """
    streams: list[BinaryIO] = []

    def open_next(stream: BinaryIO) -> None:
        streams.append(stream)
        publish_rest()

    def publish_rest() -> None:
        if len(streams) == len(uris):
            write(streams)
        else:
            publish(uris[len(streams)], open_next)

    publish_rest()


def publish_bytes(uri: str, data: bytes) -> FileDigest:
    """Publish `data` as the whole content of a file; return its digest."""
    return publish(uri, lambda stream: stream.write(data))
