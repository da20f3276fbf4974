"""Documents as they are shown: text and tokens, where they come from, and how often the mix sees them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixes.errors import DataError, MixError
from mixes.files import require_file, require_size
from mixes.manifest import Manifest
from mixes.showing.places import Place, index_row
from mixes.spec.licences import allowed_licences
from mixes.spec.mix import MixSpec
from mixes.token_bytes import TokenBytes
from mixes.token_ids import token_dtype

SHARDS_FILE = "shards.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The file that a document was read from.

    Attributes:
        name: relative to the data root.
        digest: SHA-256 of its stored bytes; None where the mix does not say.
        stored_bytes: its size.
    """

    name: str
    digest: str | None
    stored_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDocument:
    """One document.

    Attributes:
        source: the source, or split of one, that the manifest names.
        id: its id.
        shard: the file that it was read from.
        row: number of its record there.
        licences: those among which a rule of the source keeps a document's to be; none where no rule says.
        part: the token file.
        number: of the document in it, from 0.
        start: its first token there.
        tokens: ids of its tokens, with EOS.
        key: its sampling key, 16 hex digits.
        text_bytes: UTF-8 bytes of its text.
        held_out: whether it is held out for validation.
        whole_epochs: how often its source is seen whole.
        in_prefix: whether it is seen once more.
        text: what its tokens stand for, special tokens of fill-in-the-middle written out; None where that is not known.
        pieces: the bytes of each token, likewise.
    """

    source: str
    id: str
    shard: Shard
    row: int
    licences: tuple[str, ...]
    part: str
    number: int
    start: int
    tokens: tuple[int, ...]
    key: str
    text_bytes: int
    held_out: bool
    whole_epochs: int
    in_prefix: bool
    text: str | None
    pieces: tuple[bytes, ...] | None

    @property
    def times_seen(self) -> int:
        """Return how often one pass over the mix sees it."""
        return 0 if self.held_out else self.whole_epochs + self.in_prefix


class DocumentReader:
    """Reads documents of one mix."""

    def __init__(self, mix: Manifest, folder: Path, spec: MixSpec, decoder: TokenBytes | None) -> None:
        """Take the mix.

        Args:
            mix: its manifest.
            folder: where that lies, below OUTPUT.
            spec: what it was built from.
            decoder: its tokenizer; None where texts are not to be had.
        """
        self._mix = mix
        self._root = folder.parents[1]
        self._spec = spec
        self._decoder = decoder
        self._shards = _read_shards(mix, folder)

    def read(self, place: Place) -> ShownDocument:
        """Return a document.

        Raises:
            MixError: the part or its index is absent or damaged.
            DataError: the tokens do not give text back.
        """
        row: dict[str, Any] = index_row(self._root, place)
        part, source = place.part, place.source
        tokens = self._read_tokens(place, row["start"], row["length"])
        text, pieces = self._decode(tokens)
        is_infilled = len(tokens) > 0 and tokens[0] in self._mix.tokenizer.fim_ids.get(source.source, ())
        if text is not None and not is_infilled and len(text.encode()) != row["bytes"]:
            raise MixError(
                f"{part.file}: document {place.number:,}: its tokens give {len(text.encode()):,} bytes of text, the "
                f"index says {row['bytes']:,}; see what `python -m mixes.verify --full` says of the mix"
            )
        held_out = place.number < part.held_out_documents
        return ShownDocument(
            source=source.name,
            id=row["id"],
            shard=self._shards.get(row["shard"]) or Shard(name=row["shard"], digest=None, stored_bytes=None),
            row=row["row"],
            licences=allowed_licences(self._spec, source.source),
            part=part.file,
            number=place.number,
            start=row["start"],
            tokens=tuple(tokens.tolist()),
            key=f"{row['key']:016x}",
            text_bytes=row["bytes"],
            held_out=held_out,
            whole_epochs=source.whole_epochs,
            in_prefix=not held_out and place.number < part.held_out_documents + part.prefix_documents,
            text=text,
            pieces=pieces,
        )

    def _read_tokens(self, place: Place, start: int, length: int) -> NDArray[np.integer[Any]]:
        part, dtype = place.part, token_dtype(self._mix.tokenizer.vocab_size)
        path = require_size(self._root, part.file, part.size)
        tokens: NDArray[np.integer[Any]] = np.fromfile(path, dtype, count=length, offset=start * dtype.itemsize)
        if len(tokens) != length:
            raise MixError(f"{path}: found {len(tokens):,} tokens from {start:,} on, wanted {length:,}; copy it again")
        return tokens

    def _decode(self, tokens: NDArray[np.integer[Any]]) -> tuple[str | None, tuple[bytes, ...] | None]:
        if self._decoder is None:
            return None, None
        pieces = self._decoder.pieces(tokens)
        try:
            return b"".join(pieces).decode(), pieces
        except UnicodeDecodeError as error:
            raise DataError(f"found tokens that do not give text back: {error}") from error


def _read_shards(mix: Manifest, folder: Path) -> Mapping[str, Shard]:
    """Return the shards that were read, by name; none where the mix has no list of them."""
    if SHARDS_FILE not in mix.files:
        return {}
    path = require_file(folder, SHARDS_FILE)
    try:
        listed = [each for shards in json.loads(path.read_bytes()).values() for each in shards if each["read"]]
        return {
            each["name"]: Shard(name=each["name"], digest=each["digest"], stored_bytes=each["stored_bytes"])
            for each in listed
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MixError(f"{path}: cannot be read: {error!r}; copy it again") from error
