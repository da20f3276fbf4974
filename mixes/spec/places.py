"""Paths, globs and URIs that a spec may name."""

import dataclasses
import itertools
import re
from collections.abc import Iterator

from mixes.typed_yaml.fields import FoundProblem, KeyPath, keys_of

_BRACES = re.compile(r"\{[^{}]*\}?|\}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCHEMES = ("s3", "gs", "http", "https", "hf")
HUB_PLACE = re.compile(
    r"hf://(?P<repository>(datasets/|(?!datasets/))[\w.-]+/[\w.-]+)(@(?P<revision>[\w.%-]+))?(/(?P<path>[^/].*))?",
    re.ASCII,
)
"""A place at the Hugging Face Hub: a folder or file of a dataset or a model; a `/` in a revision is written `%2F`."""
_USER = re.compile(r"://[^/?#]*@")
_SIGNED = re.compile(
    r"[?&;]([^=&;]*(signature|token|secret|password|credential|accesskey)[^=&;]*|sig|key)=", re.IGNORECASE
)


def expand(pattern: str, data_root: str) -> str:
    """Return a path, glob or URI of a spec with `{data}` replaced by the data root: `data/web/*.jsonl.gz`."""
    return pattern.replace("{data}", data_root.rstrip("/") or data_root or ".")


def places_of(settings: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Yield every path, glob and URI that settings name, with its key; what could not be read is passed over."""
    if not dataclasses.is_dataclass(settings):
        return
    for key in keys_of(type(settings)):
        value = getattr(settings, key.name, None)
        here = (*path, key.name)
        if key.about.place and isinstance(value, str):
            yield here, value
        for index, item in enumerate(value if isinstance(value, tuple) else ()):
            if key.about.place:
                yield (*here, index), item
            else:
                yield from places_of(item, (*here, index))
        yield from places_of(value, here)


def unfit_places(settings: object) -> Iterator[FoundProblem]:
    """Yield each path, glob and URI of settings that cannot work or must not be stored, with the reason."""
    for path, place in places_of(settings):
        yield from ((path, reason) for reason in itertools.islice(_reasons(place), 1))


def _reasons(place: str) -> Iterator[str]:
    if not place or not place.isprintable():
        yield f"found {place!r}, wanted a path or URI"
    for braces in _BRACES.findall(place):
        if braces != "{data}":
            yield f"found '{braces}', wanted no placeholder but {{data}}; list alternatives one by one"
    if "{data}" in place.removeprefix("{data}/"):
        yield f"found '{place}', wanted {{data}} at the beginning only and '/' after it"
    scheme = _SCHEME.match(place)
    if scheme and scheme[1] not in _SCHEMES:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        yield f"found {scheme[1]}://, wanted a local path or one of {known}"
    if scheme and (_USER.search(place) or _SIGNED.search(place)):
        yield "found a user, password or signature in a URI; a mix stores its spec: use the machine's credentials"
    if scheme and scheme[1] == "hf" and not HUB_PLACE.fullmatch(place):
        yield f"found '{place}', wanted hf://datasets/OWNER/NAME[@REVISION]/PATH, or hf://OWNER/NAME/PATH for a model"
    if scheme and scheme[1].startswith("http") and "*" in place:
        yield "found '*' in an http URI; a web server lists no files: name each of them"
