"""Built mixes, opened for reading wherever they lie: in a folder of this machine or in a store."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from mixes.errors import MixError
from mixes.manifest import FILE_NAME, Manifest, load, mix_root, parse
from mixes.mix_files import LocalFiles, MixFiles
from mixes.stores.addresses import is_stored
from mixes.stores.files import StoredFiles

MixPlace: TypeAlias = Path | str
"""The folder of a built mix, OUTPUT/mixes/<name>: a path, or the URI of one in a store."""

_STORED_MIX = re.compile(r"(?P<root>\w+://[^/?#]+(/[^?#]+)?)/(?P<folder>[^/?#]+/[^/?#]+)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuiltMix:
    """A mix: what it is, and its files."""

    manifest: Manifest
    files: MixFiles


def mix_place(text: str) -> MixPlace:
    """Return the place that somebody wrote."""
    return text if is_stored(text) else Path(text)


def local_mix(text: str) -> Path:
    """Return the folder that somebody wrote for a command that reads mixes on this machine alone.

    Raises:
        argparse.ArgumentTypeError: it is the URI of a store.
    """
    if is_stored(text):
        raise argparse.ArgumentTypeError(
            f"found {text}, wanted a folder on this machine; copy OUTPUT here first, or of it the mix's folder and the "
            "files that its manifest names: `aws s3 sync` and `gcloud storage rsync -r` copy folders"
        )
    return Path(text)


def open_mix(place: MixPlace) -> BuiltMix:
    """Return a mix, given its folder or the manifest in it.

    Raises:
        MixError: there is none, it is damaged, or its store refuses.
        SpecError: the environment asks for an impossible cache.
    """
    if isinstance(place, Path):
        return BuiltMix(manifest=load(place), files=LocalFiles(mix_root(place)))
    match = _STORED_MIX.fullmatch(place.rstrip("/").removesuffix(f"/{FILE_NAME}"))
    if match is None:
        raise MixError(f"{place}: wanted the folder of a built mix, such as s3://BUCKET/OUTPUT/mixes/NAME")
    files = StoredFiles(match["root"])
    name = f"{match['folder']}/{FILE_NAME}"
    return BuiltMix(manifest=parse(files.read(name), f"{match['root']}/{name}"), files=files)
