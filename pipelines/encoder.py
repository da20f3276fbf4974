"""Text to token ids: the `tokenizers` library behind bounds on memory, with special tokens kept as plain text."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import zstandard
from numpy.typing import NDArray
from tokenizers import Tokenizer

from mixes.errors import DataError
from pipelines.storage import read_bytes

_WINDOW = 65_536  # characters of a long text that are split off at a time: the library needs ~120 bytes a character
_MAX_UNBROKEN = 1_048_576  # characters without a place to split before a text is given up
_MARGIN = 16  # characters that a pre-tokenizer's pattern may look past a boundary
_CALL_CHARACTERS = 1 << 20  # of one call to the library


class UnbrokenTextError(ValueError):
    """A text has a run of more than a million characters that the pre-tokenizer does not split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerFile:
    """A tokenizer.json as read from its file, which may be compressed."""

    uri: str
    json: str
    digest: str  # sha256 of the uncompressed JSON


def read_tokenizer(uri: str) -> TokenizerFile:
    """Read a `tokenizer.json`, `.json.gz` or `.json.zst`.

    Raises:
        DataError: The file is absent, or is no such thing.
    """
    data = read_bytes(uri)
    try:
        if uri.endswith(".gz"):
            data = gzip.decompress(data)
        elif uri.endswith(".zst"):
            data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
        text = data.decode()
        json.loads(text)
    except (OSError, EOFError, ValueError, zstandard.ZstdError) as error:
        raise DataError(f"{uri}: found no tokenizer: {error}; wanted a tokenizer.json, plain, .gz or .zst") from error
    return TokenizerFile(uri=uri, json=text, digest=hashlib.sha256(data).hexdigest())


class TextEncoder:
    """Encode texts as the tokenizer.json says, without special tokens and without reading them in the text.

    Attributes:
        vocab_size: The largest id plus one.
        eos_id: The id that ends each document.
    """

    def __init__(self, file: TokenizerFile, eos: str) -> None:
        """Load the tokenizer.

        Raises:
            DataError: The library refuses the file, or the end-of-document token is not in it.
        """
        try:
            self._tokenizer = Tokenizer.from_str(file.json)
        except Exception as error:  # the library raises bare Exception
            raise DataError(f"{file.uri}: the tokenizers library refuses it: {error}") from error
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=True)
        if eos not in vocabulary:
            raise DataError(
                f"{file.uri}: has no token {eos!r}; wanted the text of the token that ends a document (tokenizer.eos)"
            )
        self.eos_id: int = vocabulary[eos]
        self.vocab_size: int = max(vocabulary.values()) + 1
        self._added = [token.content for token in self._tokenizer.get_added_tokens_decoder().values()]
        self._reach = max(map(len, self._added), default=1)
        self._can_split = _can_split(json.loads(file.json))
        self._normalizer = self._tokenizer.normalizer

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.uint32] | None]:
        """Return the ids of each text, uint32; None for a text that cannot be encoded in bounded memory.

        Long texts are encoded in pieces cut where the pre-tokenizer cuts anyway, so that the ids are the same.
        """
        pieces: list[str] = []
        counts: list[int] = []  # pieces of each text; 0 for one that is given up
        for text in texts:
            try:
                cut = [text] if len(text) <= 2 * _WINDOW else list(self._split(text))
            except UnbrokenTextError:
                cut = []
            pieces += cut
            counts.append(len(cut))
        ids = self._encode_pieces(pieces)
        return [_join(ids, count) for count in counts]

    def _encode_pieces(self, pieces: Sequence[str]) -> Iterator[NDArray[np.uint32]]:
        for group in _groups(pieces):
            for encoding in self._tokenizer.encode_batch_fast(group, add_special_tokens=False):
                yield np.array(encoding.ids, np.uint32)

    def _split(self, text: str) -> Iterator[str]:
        """Yield pieces of a long text whose ids, joined, are those of the text."""
        if not self._can_split:
            yield text
            return
        if self._normalizer is not None:
            text = self._normalizer.normalize_str(text)  # NFC: of its pieces, each is normal too
        start = 0
        while len(text) - start > 2 * _WINDOW:
            end = self._boundary(text, start)
            yield text[start:end]
            start = end
        yield text[start:]

    def _boundary(self, text: str, start: int) -> int:
        """Return the last place in the next window where the pre-tokenizer cuts, whatever follows the window.

        A pattern that matches from left to right cuts there too when it sees the whole text, if something other
        than white space stands between the place and the end of the window. The patterns in use look ahead only
        behind white space, so none may stand before the place: what is left of it must not see that it ends.
        """
        size = _WINDOW
        while True:
            window = text[start : start + size]
            place: int
            for _, (place, _end) in reversed(self._tokenizer.pre_tokenizer.pre_tokenize_str(window)):
                rest = window[place : len(window) - _MARGIN]
                is_safe = place > 0 and rest.strip() and not window[place - 1].isspace()
                if is_safe and not self._inside_added(text, start + place):
                    return start + place
            if start + size >= len(text):
                return len(text)
            if size >= _MAX_UNBROKEN:
                raise UnbrokenTextError
            size *= 2

    def _inside_added(self, text: str, place: int) -> bool:
        around = text[max(0, place - self._reach + 1) : place + self._reach - 1]
        return any(content in around for content in self._added)


def _can_split(definition: dict[str, object]) -> bool:
    """Return True when cutting a text where the pre-tokenizer cuts cannot change the ids."""
    normalizer = definition.get("normalizer")
    if isinstance(normalizer, dict) and normalizer["type"] != "NFC":
        return False
    if definition.get("pre_tokenizer") is None:
        return False
    pre_tokenizer = definition["pre_tokenizer"]
    assert isinstance(pre_tokenizer, dict)
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    return all(step["type"] in ("Split", "ByteLevel", "Digits") and not step.get("add_prefix_space") for step in steps)


def _groups(pieces: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for piece in pieces:
        if group and size + len(piece) > _CALL_CHARACTERS:
            yield group
            group, size = [], 0
        group.append(piece)
        size += len(piece)
    if group:
        yield group


def _join(ids: Iterator[NDArray[np.uint32]], count: int) -> NDArray[np.uint32] | None:
    if count == 0:
        return None
    if count == 1:
        return next(ids)
    return np.concatenate([next(ids) for _ in range(count)])
