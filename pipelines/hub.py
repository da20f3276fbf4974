"""Places at the Hugging Face Hub: `hf://datasets/OWNER/NAME@REVISION/PATH`, and `hf://OWNER/NAME/PATH` for models.

The Hub is asked over its HTTP interface at `HF_ENDPOINT`, with the token in `HF_TOKEN` where there is one. The token
goes into a header, to that server alone, and is in no message.
"""

import fnmatch
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mixes.errors import DataError
from mixes.spec.places import HUB_PLACE
from pipelines.web import NUM_CONNECTS, WebError, get, open_web

_MAGIC = re.compile(r"[*?\[]")
_REFUSED = (401, 403)
_MISSING = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a repository as the Hub lists it."""

    uri: str
    size: int  # bytes
    version: str  # digest of its content


@dataclass(frozen=True, slots=True)
class _Place:
    repository: str  # "datasets/OWNER/NAME" or "OWNER/NAME"
    revision: str  # percent-encoded, as it stands in the URI; "" where it names none
    path: str  # in the repository; may be a glob

    @property
    def root(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")

    @property
    def revision_or_main(self) -> str:
        return self.revision or "main"


def find_in_hub(pattern: str) -> list[HubFile]:
    """Return the files that a URI or glob names, ordered by URI: `*` and `?` stay within a folder, `**` does not.

    Raises:
        DataError: There is no such repository or revision, it may not be read, or the Hub does not answer.
    """
    place = _parse(pattern)
    segments = place.path.split("/")
    num_fixed = next((index for index, each in enumerate(segments) if _MAGIC.search(each)), len(segments) - 1)
    is_deep = num_fixed < len(segments) - 1 or segments[-1] == "**"
    found = [
        HubFile(uri=f"{place.root}/{path}", size=size, version=version)
        for path, size, version in _list(place, "/".join(segments[:num_fixed]), recursive=is_deep)
        if _matches(path.split("/"), segments)
    ]
    return sorted(found, key=lambda file: file.uri)


def open_in_hub(uri: str) -> io.BufferedReader:
    """Open a file of a repository for reading, seekable.

    Raises:
        DataError: There is no such file, or it may not be read, or the Hub does not answer.
    """
    place = _parse(uri)
    url = f"{_endpoint()}/{place.repository}/resolve/{place.revision_or_main}/{quote(place.path)}"
    try:
        return open_web(url, _headers())
    except WebError as error:
        raise DataError(f"{uri}: cannot be read: {_explain(error, place)}") from error


def _parse(uri: str) -> _Place:
    match = HUB_PLACE.fullmatch(uri)
    if match is None:
        raise DataError(f"{uri}: wanted hf://datasets/OWNER/NAME[@REVISION]/PATH, or hf://OWNER/NAME/PATH for a model")
    return _Place(match["repository"], match["revision"] or "", match["path"])


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _headers() -> dict[str, str]:
    token = os.environ.get("HF_TOKEN", "").strip()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _list(place: _Place, folder: str, *, recursive: bool) -> Iterator[tuple[str, int, str]]:
    """Yield path, size and version of the files below a folder; none where there is no such folder."""
    kind = "" if place.repository.startswith("datasets/") else "models/"
    tree = f"{_endpoint()}/api/{kind}{place.repository}/tree/{place.revision_or_main}"
    url: str | None = f"{tree}{'/' if folder else ''}{quote(folder)}?recursive={str(recursive).lower()}"
    try:
        while url:
            response = get(url, _headers(), num_connects=NUM_CONNECTS)
            for entry in response.json():
                if entry["type"] == "file":
                    yield entry["path"], int(entry["size"]), (entry.get("lfs") or {}).get("oid") or entry["oid"]
            url = response.links.get("next", {}).get("url")
            if url and not url.startswith(_endpoint() + "/"):  # which must not get the token
                raise DataError(f"{place.root}: its listing goes on at another server than {_endpoint()}")
    except WebError as error:
        if error.code == "EntryNotFound":
            return
        raise DataError(f"{place.root}: cannot be listed: {_explain(error, place)}") from error
    except (ValueError, KeyError, TypeError) as error:  # JSON of another form
        raise DataError(f"{place.root}: {_endpoint()} does not answer as the Hub does; check HF_ENDPOINT") from error


def _explain(error: WebError, place: _Place) -> str:
    if error.status not in (*_REFUSED, _MISSING):
        return str(error)
    has_token = "the token in HF_TOKEN may not read it" if _headers() else "HF_TOKEN is not set"
    if error.status == _MISSING:
        return f"{error}: no such repository, revision or file; of private ones the Hub says the same, and {has_token}"
    page = f"{_endpoint()}/{place.repository}"
    return f"{error}: {has_token}; where its terms must be accepted, do so at {page}, and set HF_TOKEN"


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Return whether the names of a path match the patterns of a glob, one by one; `**` stands for any folders."""
    if not patterns:
        return not names
    if patterns[0] == "**":
        return _matches(names, patterns[1:]) or (bool(names) and _matches(names[1:], patterns))
    if not names or names[0].startswith(".") > patterns[0].startswith("."):
        return False  # hidden files must be asked for, as in a glob on disk
    return fnmatch.fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])
