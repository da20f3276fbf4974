"""What a tokenizer.json defines: its vocabulary, its added tokens, and the library whose ids are the right ones."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import zstandard
from tokenizers import Tokenizer

from mixes.errors import DataError
from pipelines.storage import read_bytes


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
        msgspec.json.decode(text)
    except (OSError, EOFError, ValueError, msgspec.DecodeError, zstandard.ZstdError) as error:
        raise DataError(f"{uri}: found no tokenizer: {error}; wanted a tokenizer.json, plain, .gz or .zst") from error
    return TokenizerFile(uri=uri, json=text, digest=hashlib.sha256(data).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedToken:
    """A token that is found in a text before anything else happens, unless it is special."""

    id: int
    content: str
    is_special: bool
    is_plain: bool  # matched as it stands: not as a whole word only, nor together with the white space around it
    is_normalized: bool  # matched after the normalizer


class Definition:
    """A tokenizer.json as the `tokenizers` library reads it, special tokens in a text kept as text.

    Attributes:
        file: where it was read.
        json: its content.
        library: the loaded tokenizer; its `encode_batch_fast` without special tokens gives the right ids.
        added: its added tokens, special ones too.
        vocab_size: the largest id plus one.
    """

    def __init__(self, file: TokenizerFile) -> None:
        """Load the tokenizer.

        Raises:
            DataError: The library refuses the file.
        """
        try:
            self.library = Tokenizer.from_str(file.json)
        except Exception as error:  # the library raises bare Exception
            raise DataError(f"{file.uri}: the tokenizers library refuses it: {error}") from error
        self.library.encode_special_tokens = True
        self.library.no_truncation()
        self.library.no_padding()
        self.file = file
        self.json: Mapping[str, Any] = msgspec.json.decode(file.json)
        self.added = tuple(
            AddedToken(
                id=number,
                content=token.content,
                is_special=token.special,
                is_plain=not (token.single_word or token.lstrip or token.rstrip),
                is_normalized=token.normalized,
            )
            for number, token in sorted(self.library.get_added_tokens_decoder().items())
        )
        self._vocabulary: Mapping[str, int] = self.library.get_vocab(with_added_tokens=True)
        self.vocab_size: int = max(self._vocabulary.values()) + 1

    @property
    def special_ids(self) -> tuple[int, ...]:
        """Return the ids of special tokens, rising; no text gives one of them."""
        return tuple(token.id for token in self.added if token.is_special)

    def id_of(self, token: str, key: str) -> int:
        """Return the id of a token that a spec names.

        Args:
            token: its text.
            key: the key of the spec that names it, for messages.

        Raises:
            DataError: There is no such token.
        """
        if token not in self._vocabulary:
            raise DataError(
                f"{self.file.uri}: has no token {token!r}; wanted the text of a token of this tokenizer ({key})"
            )
        return self._vocabulary[token]
