"""Listing: the shards that a spec's patterns stand for, and every file that it names and nobody has.

All that is wrong with places is found at once. A spec that was refused before is listed as far as it could be read.
"""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mixes.errors import DataError
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand, places_of
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.checks import problems_of
from mixes.typed_yaml.fields import FoundProblem, KeyPath
from pipelines.readers import ReadSettings, shard_format
from pipelines.storage import StoredFile, find, is_remote
from pipelines.web import WebError

_SECRETS = re.compile(r"(?<=://)[^/@]*@|[?#].*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One input file of a source."""

    uri: str
    name: str  # what the manifest and every message call it: relative to the data root, without secrets
    size: int  # stored bytes, -1 if unknown
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The shards of each source by name, and what is wrong with their places."""

    shards: tuple[tuple[Shard, ...], ...]
    problems: tuple[FoundProblem, ...]


def list_shards(spec: MixSpec, data_root: str) -> Listing:
    """Expand the patterns of all sources."""
    found: list[dict[str, StoredFile]] = [{} for _ in spec.sources]
    silent: set[str] = set()
    problems = problems_of(
        *(
            _source_problems(index, source, data_root, found[index], silent)
            for index, source in enumerate(spec.sources)
        ),
        _read_twice(spec, found, data_root),
    )
    return Listing(shards=tuple(_shards(files, data_root) for files in found), problems=tuple(problems))


def missing_files(spec: MixSpec, data_root: str) -> Iterator[FoundProblem]:
    """Yield every local file or folder that a spec names beside its documents and that is not there."""
    for path, place in places_of(spec):
        name = expand(place, data_root)
        is_document = path[0] == "sources"
        if not (is_document or is_remote(name) or os.path.exists(name) or glob.glob(name, recursive=True)):
            yield path, _nothing_found(place, data_root)


def place_problems(spec: MixSpec, data_root: str) -> Iterator[FoundProblem]:
    """Yield all that is wrong with the places of a spec, of which some values may be absent."""
    yield from missing_files(spec, data_root)
    yield from list_shards(spec, data_root).problems


def _shards(files: dict[str, StoredFile], data_root: str) -> tuple[Shard, ...]:
    shards = [
        Shard(uri=file.uri, name=_shard_name(file.uri, data_root), size=file.size, version=file.version)
        for file in files.values()
    ]
    return tuple(sorted(shards, key=lambda shard: shard.name))


def _source_problems(
    index: int, source: SourceSpec, data_root: str, found: dict[str, StoredFile], silent: set[str]
) -> Iterator[FoundProblem]:
    """Yield what is wrong with the patterns of a source, and put the files by their identities into `found`.

    A server that gave no answer goes into `silent`, and is not asked for what else lies there.
    """
    for number, pattern in enumerate(source.documents):
        place = ("sources", index, "documents", number)
        uri = expand(pattern, data_root if is_remote(data_root) else glob.escape(data_root))
        server = _server(uri)
        if server in silent:
            continue
        try:
            files = find(uri)
            for file in files:
                shard_format(file.uri, ReadSettings(format=source.format))
        except DataError as error:
            yield place, f"source '{source.name}': {error}"
            if isinstance(error.__cause__, WebError) and error.__cause__.status is None:
                silent.add(server)
            continue
        if not files:
            yield place, f"source '{source.name}': {_nothing_found(pattern, data_root)}"
        yield from _unfit_names(place, files)
        found |= zip(_identities([file.uri for file in files]), files, strict=True)


def _server(uri: str) -> str:
    """Return the server of a URI: the Hub is one, whatever is asked of it."""
    return uri[: len("hf://")] if uri.startswith("hf://") else "/".join(uri.split("/")[:3])


def _unfit_names(place: KeyPath, files: Sequence[StoredFile]) -> Iterator[FoundProblem]:
    for file in files:
        try:
            file.uri.encode()
        except UnicodeEncodeError:
            yield place, f"found the file name {file.uri!r}, wanted UTF-8; rename the file"


def _read_twice(spec: MixSpec, found: Sequence[dict[str, StoredFile]], data_root: str) -> Iterator[FoundProblem]:
    """Yield a file of each source that an earlier one would read too: its tokens would count for both."""
    readers: dict[str, int] = {}
    for index, files in enumerate(found):
        for identity, file in files.items():
            first = readers.setdefault(identity, index)
            if first != index:
                names = [spec.sources[each].name for each in (first, index)]
                shard = _shard_name(file.uri, data_root)
                yield (
                    ("sources", index, "documents"),
                    f"source '{names[1]}': {shard} is read by source '{names[0]}' too; name it in one of them",
                )
                break


def _identities(uris: Sequence[str]) -> list[str]:
    """Return, for each name of a file, what it has in common with all other names of that file."""
    folders: dict[str, str] = {}  # many files lie in few folders, and to follow the links to one takes a while

    def identity(uri: str) -> str:
        if is_remote(uri):
            return uri
        if os.path.islink(uri):
            return os.path.realpath(uri)
        folder, name = os.path.split(uri)
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        return os.path.join(folders[folder], name)

    return [identity(uri) for uri in uris]


def _nothing_found(pattern: str, data_root: str) -> str:
    if not is_remote(pattern) and os.path.isdir(expand(pattern, data_root)):
        return f"{pattern!r} is a folder; name its files: {pattern.rstrip('/')}/*"
    if "{data}" not in pattern:
        return f"{_redact(pattern)!r} matches no file; mend it: relative paths start at {os.getcwd()}"
    return (
        f"{_redact(pattern)!r} matches no file with {{data}} = {data_root!r}; give the data root with --data or mend "
        "the pattern"
    )


def _shard_name(uri: str, data_root: str) -> str:
    if not is_remote(uri) and not is_remote(data_root):
        inside = os.path.relpath(uri, data_root)
        return uri if inside.split(os.sep)[0] == ".." else inside.replace(os.sep, "/")
    root = data_root.rstrip("/") + "/"
    return _redact(uri.removeprefix(root))


def _redact(uri: str) -> str:
    """Return a URI without user, password, query and fragment, which may hold secrets."""
    return _SECRETS.sub("", uri) if is_remote(uri) else uri
