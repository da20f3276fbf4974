"""Touched: which files of an output hold something of documents, and which mixes are built again without them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mixes.errors import DataError
from mixes.parts import INDEX_SUFFIX
from mixes.spec.places import expand
from pipelines.explaining.built import BuiltMix, read_mix
from pipelines.explaining.tables import open_table
from pipelines.forgetting.search import Found, measures_files, source_of
from pipelines.stations.account import UnitAccount
from pipelines.stored_records import stored_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Names of files, relative to the output, and of mixes."""

    caches: tuple[str, ...]  # what any build makes anew where it needs it
    parts: tuple[str, ...]  # token files and what lies beside them
    mixes: tuple[str, ...]  # each after those that it was built against


def read_mixes(output: Path, data: str) -> list[BuiltMix]:
    """Return all mixes of an output.

    Raises:
        DataError: A file of one is not there, the measures or verdicts of a unit among them.
        MixError: A manifest is damaged.
        SpecError: The spec of one is none that this version knows.
    """
    mixes = [read_mix(str(path.parent), data) for path in sorted(output.glob("mixes/*/manifest.json"))]
    for mix in mixes:
        for unit in mix.units:
            for file in (unit.measures, unit.verdicts):
                if not Path(file).is_file():
                    raise DataError(
                        f"mix '{mix.name}': {file}: is not there, and with it the documents that it told of; "
                        "build the mix again, then forget"
                    )
    return mixes


def find_touched(output: Path, found: Sequence[Found], mixes: Sequence[BuiltMix]) -> Touched:
    """Return what holds something of some documents, or was made from what does.

    Raises:
        DataError: A file that says what it holds cannot be read.
    """
    caches = [*_of_units(output, found), *_of_verdicts(output, found), *output.glob("pools/*.json")]
    parts = _of_parts(output, found)
    names = [sorted({path.relative_to(output).as_posix() for path in each}) for each in (caches, parts)]
    touched = {*names[0], *names[1]}
    return Touched(caches=tuple(names[0]), parts=tuple(names[1]), mixes=tuple(_mixes_of(output, mixes, touched)))


def _of_units(output: Path, found: Iterable[Found]) -> Iterator[Path]:
    """Yield all that was made of the texts of units that hold the documents, or that nobody knows any more."""
    touched = {Path(each.measures).stem for each in found}
    known = {path.stem for path in measures_files(output)}
    for pattern in ("measures/*/*", "signatures/*/*", "repeats/*/*"):
        for path in output.glob(pattern):
            unit = path.stem.partition("-")[0]
            if unit in touched or unit not in known:
                yield path


def _of_verdicts(output: Path, found: Iterable[Found]) -> Iterator[Path]:
    """Yield the verdicts and clusters of units with shards that hold the documents, and those that nobody can read."""
    shards = {each.shard for each in found}
    sound: set[tuple[str, str]] = set()
    for path in output.glob("verdicts/*/*.json"):
        account = stored_record(str(path), UnitAccount)
        if account is not None and shards.isdisjoint(shard.name for shard in account.shards):
            sound.add((path.parent.name, path.stem))
    for pattern in ("verdicts/*/*", "clusters/*/*"):
        for path in output.glob(pattern):
            if (path.parent.name, path.stem) not in sound:
                yield path


def _of_parts(output: Path, found: Iterable[Found]) -> Iterator[Path]:
    """Yield all files of units' tokens of which one part has a document: they are named by one record."""
    ids: dict[str, set[str]] = {}
    for each in found:
        ids.setdefault(each.source, set()).add(each.id)
    for folder in output.glob("tokens/*"):
        wanted = ids.get(source_of(folder / "file"), set())
        touched = {path.stem.partition("-")[0] for path in folder.glob(f"*{INDEX_SUFFIX}") if _has_any(path, wanted)}
        yield from (path for path in folder.glob("*") if path.stem.partition("-")[0] in touched)


def _has_any(index: Path, ids: Collection[str]) -> bool:
    if not ids:
        return False
    wanted = pa.array(sorted(ids), pa.string())
    with open_table(str(index)) as table:
        return any(
            pc.any(pc.is_in(table.read("id", group=group).column("id"), value_set=wanted), min_count=0).as_py()
            for _, group in table.groups()
        )


def _mixes_of(output: Path, mixes: Sequence[BuiltMix], touched: AbstractSet[str]) -> list[str]:
    """Return the mixes that name a touched file or were built against one that does, in an order of building."""
    by_folder = {Path(mix.folder).resolve(): mix for mix in mixes}
    ordered: dict[str, bool] = {}  # whether each is touched; those that others were built against first

    def visit(mix: BuiltMix) -> bool:
        if mix.name not in ordered:
            earlier = [by_folder[place] for place in _against(mix) if place in by_folder]
            touched_earlier = [each.name for each in earlier if visit(each)]
            names = {Path(file) for unit in mix.units for file in (unit.measures, unit.verdicts)}
            files = {path.resolve().relative_to(output.resolve()).as_posix() for path in names}
            parts = {part.file for source in mix.manifest.sources for part in source.parts}
            ordered[mix.name] = bool(touched_earlier) or not touched.isdisjoint(files | parts)
        return ordered[mix.name]

    for mix in mixes:
        visit(mix)
    return [name for name, is_touched in ordered.items() if is_touched]


def _against(mix: BuiltMix) -> list[Path]:
    """Return the folders of the mixes that one was built against."""
    return [Path(expand(place, mix.data)).resolve() for place in mix.spec.dedupe.against]
