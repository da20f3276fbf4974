"""Plain text: one document a file."""

import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator

from pipelines.documents import Failure
from pipelines.readers.batches import Document
from pipelines.readers.byte_reader import ByteReader
from pipelines.readers.settings import ReadSettings


def read_text(
    pieces: Iterator[bytes], name: str, settings: ReadSettings, extract: Callable[[str], str] | None
) -> Iterator[Document | Failure]:
    """Yield the file as one document, or the failure it is; nothing where it is empty.

    Args:
        pieces: The decompressed bytes of the shard.
        name: Name of the shard, which becomes the document's id.
        settings: The source's settings.
        extract: Makes text of HTML where the file is HTML; raises ValueError where it cannot.
    """
    stream = ByteReader(pieces)
    data = stream.take(settings.max_document_bytes + 1)
    stream.skip(sys.maxsize)
    length = stream.offset

    def failure(reason: str, detail: str) -> Failure:
        return Failure(row=0, byte_offset=0, byte_length=length, reason=reason, detail=detail)

    if not data:
        return
    if length > settings.max_document_bytes:
        yield failure("too_large", f"the file has {length:,} bytes, at most {settings.max_document_bytes:,} fit")
        return
    data = data.removeprefix(BOM_UTF8)
    try:
        text = data.decode()
        yield Document(name.encode(), extract(text).encode() if extract else data, 0, 0, length, b"{}")
    except UnicodeDecodeError as bad:
        yield failure("bad_utf8", f"byte {bad.start} is not UTF-8")
    except ValueError as error:
        yield failure("bad_html", str(error))
