"""Facts of two mixes side by side: settings, sources and reasons that differ, from the files beside their manifests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mixes import ledger
from mixes.errors import MixError
from mixes.files import require_file
from mixes.ledger import Ledger, SourceLedger
from mixes.manifest import Manifest, SourceEntry

_KNOWN_BY = ("name", "rules", "measure", "python")
"""Keys of which an item of a list in a spec has one: by it the item is known, wherever in the list it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact that the mixes do not share; None where a mix does not have it.

    Attributes:
        name: what it is, such as `sources[web].rules`.
        first: in the first mix.
        second: in the second.
    """

    name: str
    first: object
    second: object


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFigures:
    """What a mix has of one source or split; bytes are UTF-8 bytes of texts, every epoch counted as in the manifest."""

    tokens: int
    documents: int
    bytes: int
    available_tokens: int
    epochs: float
    held_out_documents: int
    held_out_tokens: int
    parts: int
    cut_key: str


def setting_differences(first: Path, second: Path) -> list[Difference]:
    """Return the settings that differ between the resolved specs in two mixes' folders, by their places.

    Raises:
        MixError: a spec is absent or is no YAML.
    """
    return _differences(_flat("", _read_spec(first)), _flat("", _read_spec(second)))


def manifest_differences(first: Manifest, second: Manifest) -> list[Difference]:
    """Return what the manifests say of a whole mix and not alike."""
    return _differences(_of_manifest(first), _of_manifest(second))


def source_figures(mix: Manifest) -> dict[str, SourceFigures]:
    """Return the figures of each source or split, in the order of the manifest."""
    return {source.name: _figures(source) for source in mix.sources}


def reason_differences(first: Path, second: Path) -> list[Difference]:
    """Return the numbers of documents that differ between two ledgers: `web: match/exact_duplicate`.

    Raises:
        MixError: a ledger is absent or damaged.
    """
    return _differences(_outcomes(_read_ledger(first)), _outcomes(_read_ledger(second)))


def _differences(first: Mapping[str, object], second: Mapping[str, object]) -> list[Difference]:
    names = list(dict.fromkeys([*first, *second]))
    return [
        Difference(name=name, first=first.get(name), second=second.get(name))
        for name in names
        if first.get(name) != second.get(name)
    ]


def _read_spec(folder: Path) -> object:
    path = require_file(folder, "spec.yaml")
    try:
        return yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        raise MixError(f"{path}: cannot be read as YAML: {error}; build the mix again") from error


def _flat(place: str, value: Any) -> dict[str, object]:  # noqa: ANN401  (whatever YAML can hold)
    """Return the leaves of nested settings by their places: `rule_sets.web[num_words].min`.

    Empty mappings and lists are leaves; so is a list with an item that is known by nothing but its place in it.
    """
    if isinstance(value, dict) and value:
        items = {f"{place}.{key}" if place else str(key): each for key, each in value.items()}
    elif isinstance(value, list) and (names := _item_names(value)):
        items = {f"{place}[{name}]": each for name, each in zip(names, value, strict=True)}
    else:
        return {place: value}
    return {name: leaf for inner, each in items.items() for name, leaf in _flat(inner, each).items()}


def _item_names(items: Sequence[Any]) -> list[str] | None:  # Any: as above
    """Return what each item of a list is known by, the second of a name as `name#2`; None where one has no name."""
    names: list[str] = []
    for item in items:
        found = [str(item[key]) for key in _KNOWN_BY if isinstance(item, dict) and key in item]
        if not found:
            return None
        names.append(found[0])
    return [
        f"{name}#{number}" if (number := names[: place + 1].count(name)) > 1 else name
        for place, name in enumerate(names)
    ]


def _of_manifest(mix: Manifest) -> dict[str, object]:
    tokenizer = mix.tokenizer
    return {
        "name": mix.name,
        "seed": mix.seed,
        "tokenizer": tokenizer.digest,
        "vocab_size": tokenizer.vocab_size,
        "asked_tokens": mix.asked_tokens,
        "tokens": mix.tokens,
        "documents": mix.documents,
        "bytes": mix.bytes,
    }


def _figures(source: SourceEntry) -> SourceFigures:
    return SourceFigures(
        tokens=source.tokens,
        documents=source.documents,
        bytes=source.bytes,
        available_tokens=source.available_tokens,
        epochs=source.tokens / source.available_tokens if source.available_tokens else 0.0,
        held_out_documents=source.total("held_out_documents"),
        held_out_tokens=source.total("held_out_tokens"),
        parts=len(source.parts),
        cut_key=source.cut_key,
    )


def _read_ledger(folder: Path) -> Ledger:
    path = require_file(folder, ledger.FILE_NAME)
    return ledger.parse(path.read_bytes(), str(path))


def _outcomes(read: Ledger) -> dict[str, object]:
    return {f"{source.name}: {name}": count for source in read.sources for name, count in _of_source(source).items()}


def _of_source(source: SourceLedger) -> dict[str, int]:
    failed = {f"failed/{reason}": count.documents for reason, count in source.failed.items()}
    dropped = {
        f"{station}/{reason}": count.documents
        for station, reasons in source.dropped.items()
        for reason, count in reasons.items()
    }
    return {"read": source.read.documents, **failed, **dropped, "kept": source.kept.documents}
