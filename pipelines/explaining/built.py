"""A built mix as explaining needs it: its spec, its manifest, and the files that its units left."""

import glob
from dataclasses import dataclass

from mixes.errors import DataError, MixError, SpecError
from mixes.manifest import Manifest
from mixes.manifest import parse as parse_manifest
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.binding import bind_text, nearest
from pipelines.earlier import EarlierUnit, read_earlier_mixes
from pipelines.storage import find, is_remote, join, read_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltMix:
    """One mix of an output, or one that it was built against."""

    folder: str
    data: str  # what `{data}` stands for
    spec: MixSpec
    manifest: Manifest
    units: tuple[EarlierUnit, ...]  # by ordinal, from `units[0].ordinal` on

    @property
    def name(self) -> str:
        """Return the mix's name."""
        return self.manifest.name

    def source(self, name: str) -> SourceSpec:
        """Return a source of the spec.

        Raises:
            SpecError: It has none of that name.
        """
        sources = {source.name: source for source in self.spec.sources}
        if name not in sources:
            raise SpecError(f"mix '{self.name}': found no source '{name}'{nearest(name, sources)}")
        return sources[name]

    def earlier(self) -> "tuple[BuiltMix, ...]":
        """Return the mixes that this one was built against, their units numbered after its own."""
        mixes: list[BuiltMix] = []
        first = len(self.units)
        for place in self.spec.dedupe.against:
            mixes.append(read_mix(expand(place, self.data), self.data, first))
            first += len(mixes[-1].units)
        return tuple(mixes)


def open_mix(output: str, name: str | None, data: str) -> BuiltMix:
    """Return a mix of an output.

    Args:
        output: The folder or bucket that the build wrote to.
        name: The mix; None where there is one only.
        data: What `{data}` stands for in its spec.

    Raises:
        MixError: There is none, there are several and none is named, or it is damaged.
        DataError: A file beside its manifest is not there.
    """
    root = output if is_remote(output) else glob.escape(output)
    names = [file.uri.replace("\\", "/").split("/")[-2] for file in find(join(root, "mixes", "*", "manifest.json"))]
    if not names:
        raise MixError(f"{output}: found no mix, wanted mixes/<name>/manifest.json; give what --output was of a build")
    if name is None and len(names) > 1:
        raise MixError(f"{output}: found the mixes {', '.join(names)}; choose one with --mix")
    if name is not None and name not in names:
        raise MixError(f"{output}: found no mix '{name}'{nearest(name, names)}")
    return read_mix(join(output, "mixes", name or names[0]), data)


def read_mix(folder: str, data: str, first_ordinal: int = 0) -> BuiltMix:
    """Return the mix in a folder, `OUTPUT/mixes/<name>`.

    Args:
        folder: Where it lies.
        data: What `{data}` stands for in its spec.
        first_ordinal: The number of its first unit.

    Raises:
        MixError: Its manifest is damaged.
        DataError: A file of it is not there.
        SpecError: Its spec is none that this version knows.
    """
    place, spec = join(folder, "manifest.json"), join(folder, "spec.yaml")
    try:
        text = read_bytes(spec).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{spec}: found bytes that are not UTF-8; build the mix again") from error
    return BuiltMix(
        folder=folder,
        data=data,
        spec=bind_text(MixSpec, text, spec).value,
        manifest=parse_manifest(read_bytes(place), place),
        units=read_earlier_mixes([folder], first_ordinal)[0].units,
    )
