"""Records that a build leaves for itself and for later builds: JSON behind its own digest.

A record that was cut or changed, or that another version of the code left with other fields, counts as absent, so that
it is made anew, and never as what it was.
"""

import hashlib
import json
import os
from typing import TypeVar

import msgspec

from mixes.errors import DataError, MixError
from pipelines.storage import exists, is_remote, publish_bytes, read_bytes

Record = TypeVar("Record")


def store_record(place: str, record: object) -> None:
    """Leave dataclasses, named tuples, lists, mappings, numbers and text at a place.

    Raises:
        MixError: It cannot be written.
    """
    body = json.dumps(msgspec.to_builtins(record, str_keys=True), sort_keys=True).encode() + b"\n"
    publish_bytes(place, _digest(body) + b"\n" + body)


def stored_record(place: str, kind: type[Record]) -> Record | None:
    """Return what `store_record` left; None where there is nothing, or what is there is damaged or of another form.

    Raises:
        MixError: A folder is there, over which none could be written.
    """
    if not is_remote(place) and os.path.isdir(place):
        raise MixError(f"{place}: found a folder where the record of a build belongs; remove it")
    digest, _, body = read_bytes(place).partition(b"\n") if exists(place) else (b"", b"", b"")
    if digest != _digest(body):
        return None
    try:
        return msgspec.convert(json.loads(body), kind, str_keys=True)
    except msgspec.ValidationError:  # of another version of the code, which counts as absent too
        return None


def require_record(place: str, kind: type[Record]) -> Record:
    """Return what `store_record` left.

    Raises:
        DataError: It is absent or damaged.
    """
    record = stored_record(place, kind)
    if record is None:
        raise DataError(f"{place}: is absent or damaged since it was written; run the same build again, which mends it")
    return record


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
