"""Is a faster encoder equal to the tokenizers library? It has to show it before it may do the work."""

import contextlib
import hashlib
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filters.batches import Batch
from filters.columns import TextColumn
from filters.text.damage import DamageGroup
from mixes.errors import DataError, MixError
from mixes.files import publish_file
from pipelines.encoding import added, backends, cutting, strings
from pipelines.encoding.backends import Backend, GigatokenBackend, TokenizersBackend
from pipelines.encoding.definition import Definition
from pipelines.encoding.strings import stored_strings, strings_of
from pipelines.storage import cache_folder

Wanted = Literal["auto", "tokenizers", "gigatoken"]
"""The encoder that a spec asks for; `auto` takes a faster one that proves itself, else `tokenizers`."""

FASTER: Mapping[str, Callable[[Definition], Backend]] = {"gigatoken": GigatokenBackend}
"""Encoders that may stand in for the tokenizers library, the fastest first."""

Proofs = frozenset[tuple[str, str]]
"""Digests of tokenizers, and encoders that were proven equal with them."""

_PROVEN: set[tuple[str, str]] = set()
"""What was proven in this process: a proof takes two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What encodes: a faster encoder that was proven equal, or none and the reason."""

    faster: Backend | None
    reason: str  # why there is none; empty where there is one or none was wanted


def choose(definition: Definition, wanted: Wanted) -> Choice:
    """Return the fastest encoder that is there and proves itself, if the spec lets us choose.

    Raises:
        DataError: The spec asks for one that is not there or is not equal.
    """
    if wanted == "tokenizers":
        return Choice(faster=None, reason="")
    reasons = []
    for name in FASTER if wanted == "auto" else (wanted,):
        found = _try(definition, name)
        if isinstance(found, str):
            reasons.append(f"{name}: {found}")
        else:
            return Choice(faster=found, reason="")
    if wanted != "auto":
        raise DataError(f"{definition.file.uri}: {reasons[0]}; give `backend: auto` or `backend: tokenizers`")
    return Choice(faster=None, reason="; ".join(reasons))


def proofs() -> Proofs:
    """Return what this process has proven."""
    return frozenset(_PROVEN)


def trust(proofs: Proofs) -> None:
    """Take over what another process on this machine has proven, with the same libraries."""
    _PROVEN.update(proofs)


def are_settled(texts: TextColumn) -> NDArray[np.bool_]:
    """Return where all characters of a text are of Unicode 14, shape (num_documents,).

    Libraries carry tables of different versions of Unicode, and what is a letter to one is not yet one to the other.
    On what Unicode 14 assigns they agree: `docs/decisions/encoders.md` has the comparison of every code point.
    """
    settled: NDArray[np.bool_] = DamageGroup().measure(Batch(texts))["num_unassigned_characters"] == 0
    return settled


@lru_cache(maxsize=1)
def vector_digest(definition: Definition) -> str:
    """Return the digest of the ids of the stored strings, 64 hex digits: equal digests, equal tokenizers.

    The digest of a tokenizer.json does not see that another version of the library reads it differently; this does.
    """
    digest = hashlib.sha256()
    encoded = TokenizersBackend(definition).encode(_column(stored_strings()))
    for text in range(len(encoded.offsets) - 1):
        ids = encoded.of(text)
        digest.update(np.array([len(ids), *ids], "<u4").tobytes())
    return digest.hexdigest()


def first_difference(definition: Definition, backend: Backend, texts: Sequence[str]) -> str | None:
    """Return what a backend makes of the first text that it encodes differently, None where there is no such text."""
    are_comparable = are_settled(_column(texts))
    settled = [text for text, is_settled in zip(texts, are_comparable, strict=True) if is_settled]
    right, found = TokenizersBackend(definition).encode(_column(settled)), backend.encode(_column(settled))
    for number, text in enumerate(settled):
        if not np.array_equal(right.of(number), found.of(number)):
            return describe_difference(text.encode(), found.of(number), right.of(number))
    return None


def describe_difference(text: bytes, found: NDArray[np.uint32], wanted: NDArray[np.uint32]) -> str:
    """Return where two lists of ids part, without the text."""
    common = min(len(found), len(wanted))
    place = int(np.argmax(found[:common] != wanted[:common])) if np.any(found[:common] != wanted[:common]) else common
    return (
        f"of a text of {len(text):,} bytes (SHA-256 {hashlib.sha256(text).hexdigest()[:16]}) it gives "
        f"{found[place : place + 3].tolist()} from token {place:,} on, tokenizers {wanted[place : place + 3].tolist()}"
    )


def _try(definition: Definition, name: str) -> Backend | str:
    """Return the encoder, or why it must not be used."""
    why_not = _why_unlike(definition)
    if why_not:
        return why_not
    try:
        backend = FASTER[name](definition)
    except ImportError as error:
        return f"is not installed ({error})"
    except Exception as error:  # what a library written in Rust raises for a tokenizer that it does not know
        return f"does not take this tokenizer ({error})"
    proven = (definition.file.digest, backend.name)
    if proven not in _PROVEN and not _record_of(proven).exists():
        difference = first_difference(definition, backend, [*stored_strings(), *strings_of(definition)])
        if difference:
            return f"is not equal: {difference}"
        _keep_record(proven)
    _PROVEN.add(proven)
    return backend


def _record_of(proven: tuple[str, str]) -> Path:
    """Return the file that is there when this machine has proven an encoder with these libraries and this code."""
    code = [Path(module.__file__ or "").read_bytes() for module in (added, backends, cutting, strings)]
    code.append(Path(__file__).read_bytes())
    identity = hashlib.sha256("\n".join([*proven, TokenizersBackend.name, platform.platform()]).encode())
    for each in code:
        identity.update(hashlib.sha256(each).digest())
    return cache_folder() / "proofs" / identity.hexdigest()[:32]


def _keep_record(proven: tuple[str, str]) -> None:
    told = f"{proven[1]} gives the ids of {TokenizersBackend.name} with tokenizer {proven[0]}\n"
    with contextlib.suppress(MixError, OSError):  # where nothing can be written, it is proven again the next time
        publish_file(str(_record_of(proven)), lambda stream: stream.write(told.encode()))


def _why_unlike(definition: Definition) -> str:
    """Return what of a tokenizer no faster encoder here can do, empty where there is nothing."""
    body = definition.json
    if body["model"]["type"] != "BPE" or body["model"].get("dropout"):
        return "takes byte-level BPE alone"
    if body.get("normalizer") is not None:
        return "this tokenizer normalises texts, and two libraries do so by different versions of Unicode"
    if not all(token.is_plain for token in definition.added if not token.is_special):
        return "this tokenizer has added tokens that take white space or whole words"
    if len({token.is_normalized for token in definition.added}) > 1:
        return "this tokenizer looks for some added tokens before others"
    return ""


def _column(texts: Sequence[str]) -> TextColumn:
    return TextColumn.from_arrow(pa.array(texts, pa.large_string()))
