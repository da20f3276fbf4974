"""Paths, globs and URIs that a spec may name."""

import re

from mixes.typed_yaml.fields import KeyPath, SettingError

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


def check_place(path: str | KeyPath, place: str) -> None:
    """Refuse a path, glob or URI of a spec that cannot work or must not be stored.

    Raises:
        SettingError: what was found at `path`, and what is wanted.
    """
    if not place or not place.isprintable():
        raise SettingError(path, f"found {place!r}, wanted a path or URI")
    for braces in _BRACES.findall(place):
        if braces != "{data}":
            raise SettingError(
                path, f"found '{braces}', wanted no placeholder but {{data}}; list alternatives one by one"
            )
    if "{data}" in place.removeprefix("{data}/"):
        raise SettingError(path, f"found '{place}', wanted {{data}} at the beginning only and '/' after it")
    scheme = _SCHEME.match(place)
    if scheme and scheme[1] not in _SCHEMES:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise SettingError(path, f"found {scheme[1]}://, wanted a local path or one of {known}")
    if scheme and (_USER.search(place) or _SIGNED.search(place)):
        message = "found a user, password or signature in a URI; a mix stores its spec: use the machine's credentials"
        raise SettingError(path, message)
    if scheme and scheme[1] == "hf" and not HUB_PLACE.fullmatch(place):
        message = (
            f"found '{place}', wanted hf://datasets/OWNER/NAME[@REVISION]/PATH, or hf://OWNER/NAME/PATH for a model"
        )
        raise SettingError(path, message)
    if scheme and scheme[1].startswith("http") and "*" in place:
        raise SettingError(path, "found '*' in an http URI; a web server lists no files: name each of them")
