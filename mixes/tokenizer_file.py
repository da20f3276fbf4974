"""The tokenizer of a mix as a file: `tokenizer.json`, plain or compressed, known by its digest."""

import gzip
import hashlib
from pathlib import Path

import zstandard

from mixes.errors import DataError


def read_tokenizer_json(path: Path, digest: str) -> bytes:
    """Return the JSON of the tokenizer that a mix was made with.

    Args:
        path: a `tokenizer.json`, `.json.gz` or `.json.zst`.
        digest: what the manifest says of it: SHA-256 of the uncompressed JSON.

    Raises:
        DataError: the file cannot be read, or is another tokenizer.
    """
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        elif path.suffix == ".zst":
            content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}; wanted the tokenizer.json of the mix") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise DataError(
            f"{path}: found a tokenizer with the digest {found}, the mix was made with {digest}; give that one"
        )
    return content
