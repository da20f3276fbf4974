"""The pool: what a finished build leaves so that another mix over the same parts needs no more than a cut.

All of a spec but its budget, and all shards, decide what the stations make. Their digest, the pool fingerprint, names a
record of what became of every source, with all its parts. A build that finds the record of its own fingerprint, and
every file that it names, cuts and publishes at once: the same bytes as if it had gone the whole road.

Beside it lies what is known of the tokenizer, by what could change it: to load one and prove an encoder takes seconds.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import tokenizers

from mixes.manifest import TokenizerEntry
from mixes.parts import INDEX_SUFFIX, KEY_ROW, KEYS_SUFFIX, TOKENS_SUFFIX
from mixes.spec.mix import MixSpec
from mixes.typed_yaml.canonical import canonical_json, without_late
from pipelines.plan import Unit
from pipelines.settings import BuildSettings
from pipelines.stations.results import SourceResults
from pipelines.storage import join, list_sizes
from pipelines.stored_records import store_record, stored_record

_CODE = ("filters", "mixes", "pipelines")


def store_pool(settings: BuildSettings, units: Sequence[Unit], sources: Sequence[SourceResults]) -> None:
    """Leave the record of a build whose stations are done.

    Raises:
        MixError: It cannot be written.
    """
    store_record(_tokenizer_uri(settings.output, settings.spec, settings.tokenizer.digest), settings.tokenizer)
    store_record(pool_uri(settings, units), sources)


def load_pool(settings: BuildSettings, units: Sequence[Unit]) -> list[SourceResults] | None:
    """Return what an earlier build over the same units left; None where there is none or a file of it is missing."""
    sources = stored_record(pool_uri(settings, units), list[SourceResults])
    return sources if sources is not None and _are_there(settings, sources) else None


def load_tokenizer(output: str, spec: MixSpec, digest: str) -> TokenizerEntry | None:
    """Return what an earlier build into an output found out about a tokenizer; None where none used it.

    Args:
        output: Where builds leave their files.
        spec: The spec, which says what is asked of the tokenizer.
        digest: SHA-256 of its uncompressed JSON.
    """
    return stored_record(_tokenizer_uri(output, spec, digest), TokenizerEntry)


def _tokenizer_uri(output: str, spec: MixSpec, digest: str) -> str:
    identity = {
        "code": _code_digest(),
        "library": tokenizers.__version__,  # which defines the tokens; whatever else encodes proves itself equal to it
        "digest": digest,
        "spec": without_late(spec.tokenizer),
        "fim": {source.name: without_late(source.fim) for source in spec.sources if source.fim},
    }
    return join(output, "pools", "tokenizers", f"{_name(identity)}.json")


def pool_uri(settings: BuildSettings, units: Sequence[Unit]) -> str:
    """Return where the record of a build lies: its name is the digest of all that can change what the record says."""
    identity = {
        "code": _code_digest(),
        "spec": without_late(settings.spec),
        "folders": [
            [source.measures_folder, source.verdicts_folder, source.tokens_folder, source.signatures_folder]
            for source in settings.sources
        ],
        "against": [mix.digest for mix in settings.earlier],
        "units": [[unit.source, unit.name] for unit in units],
        "forgotten": settings.forgotten.digest(),
    }
    return settings.uri("pools", f"{_name(identity)}.json")


def _name(identity: object) -> str:
    return hashlib.sha256(canonical_json(identity)).hexdigest()[:32]


@cache
def _code_digest() -> str:
    """Return the digest of the code that makes what a record holds: another version of it makes its own."""
    root = Path(__file__).parents[1]
    content = hashlib.sha256()
    for path in sorted(path for package in _CODE for path in (root / package).rglob("*.py")):
        content.update(f"{path.relative_to(root).as_posix()}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()


def _are_there(settings: BuildSettings, sources: Iterable[SourceResults]) -> bool:
    """Return whether all files that a record names are there, those of parts in their sizes, by a listing a folder."""
    folders: dict[str, dict[str, int]] = {}
    for name, size in _files(sources):
        folder, _, file = name.rpartition("/")
        if folder not in folders:
            folders[folder] = list_sizes(join(settings.output, folder))
        found = folders[folder].get(file)
        if found is None or (size is not None and found != size):
            return False
    return True


def _files(sources: Iterable[SourceResults]) -> Iterator[tuple[str, int | None]]:
    """Yield the name of each file below the output, and its size where it must have one."""
    for source in sources:
        for part in source.parts:
            yield part.stem + TOKENS_SUFFIX, part.summary.token_file.size
            yield part.stem + INDEX_SUFFIX, part.summary.index_file.size
            yield part.stem + KEYS_SUFFIX, part.summary.documents * KEY_ROW.itemsize
        for unit in source.units:
            rows = unit.verdicts.removesuffix(".json") + ".parquet"
            for name in (unit.measures, unit.verdicts, rows, unit.tokens, unit.signatures):
                if name is not None:
                    yield name, None
