"""WARC and WET shards: which records are documents, and what their text is."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from pipelines.documents import Failure
from pipelines.readers.batches import Document
from pipelines.readers.byte_reader import ByteReader
from pipelines.readers.http_messages import HEAD_BYTES, HttpHead, decode_body, media_type, parse_head
from pipelines.readers.pages import decode_page, extract_text
from pipelines.readers.settings import ReadSettings
from pipelines.readers.warc import WarcRecord, read_records

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_PLAIN = frozenset({"text/plain"})
_TYPES = {  # media types of documents, by the record's type
    "response": _HTML | _PLAIN,
    "resource": _HTML | _PLAIN,
    "conversion": _PLAIN | {""},  # what an extractor leaves is text
}
_COMPLETE = frozenset({200, 203})  # the whole content, by the server itself or a proxy
_DOCUMENT_KINDS = {"warc": frozenset({"response", "resource"}), "wet": frozenset({"conversion"})}
_KINDS = frozenset(("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"))
_METADATA = {  # key -> WARC header
    "url": "warc-target-uri",
    "date": "warc-date",
    "language": "warc-identified-content-language",
    "truncated": "warc-truncated",
}

_encode = msgspec.json.Encoder().encode


class _Unfit(Exception):  # noqa: N818  # becomes a Failure
    """A record that should be a document and is none: reason and detail."""


def read_archive(
    pieces: Iterator[bytes], name: str, archive: str, settings: ReadSettings, skipped: Counter[str]
) -> Iterator[Document | Failure]:
    """Yield the document, or the failure, of every record that holds a page or a text.

    Args:
        pieces: The decompressed bytes of the shard.
        name: Name of the shard, for the ids of documents that have none.
        archive: `warc`: pages as they were fetched; `wet`: texts extracted from them.
        settings: The source's settings.
        skipped: Counts the records that are neither, by reason.

    Raises:
        StreamDamage: The shard is cut or corrupt.
    """
    for record in read_records(ByteReader(pieces)):
        if record.kind not in _DOCUMENT_KINDS[archive]:
            record.finish()
            skipped[f"{record.kind}_record" if record.kind in _KINDS else "other_record"] += 1
            continue
        stored = _Stored(record, settings.max_document_bytes)
        record.finish()
        if stored.skip_reason:
            skipped[stored.skip_reason] += 1
            continue
        try:
            text = stored.text(settings.max_document_bytes)
            yield Document(
                _identity(record, name), text, record.row, record.offset, record.num_bytes, stored.metadata()
            )
        except _Unfit as unfit:
            reason, detail = unfit.args
            yield Failure(
                row=record.row,
                byte_offset=record.offset,
                byte_length=record.num_bytes,
                reason=reason,
                detail=detail,
            )


class _Stored:
    """What a record holds: a page or a text, as far as it is wanted."""

    def __init__(self, record: WarcRecord, max_bytes: int) -> None:
        self._headers = record.headers
        self._kind = record.kind
        self._http: HttpHead | None = None
        self._body: bytes | None = None  # None where it is not wanted or too large
        self.content_type = record.headers.get("content-type", "")
        self.skip_reason = ""
        body = b""
        if self._kind == "response":
            body = self._read_head(record)
        if not self.skip_reason and self._media_type() not in _TYPES[self._kind]:
            self.skip_reason = "content_type"
        size = len(body) + record.bytes_left
        if not self.skip_reason and size <= max_bytes:
            self._body = body + record.take(record.bytes_left)

    def _read_head(self, record: WarcRecord) -> bytes:
        """Take the HTTP head of a response, and return what was read of the body."""
        if not record.headers.get("warc-target-uri", "").strip("<").lower().startswith("http"):
            self.skip_reason = "not_http"
            return b""
        start = record.take(HEAD_BYTES)
        self._http = parse_head(start)
        if self._http is None:
            return b""
        self.content_type = self._http.headers.get("content-type", "")
        if self._http.status not in _COMPLETE:
            self.skip_reason = "http_status"
        return start[self._http.num_bytes :]

    def _media_type(self) -> str:
        """Return the type of the page, by its server or, where that is silent, by its crawler."""
        if self._kind == "response" and self._http is None:
            return "text/html"  # whatever it is, it fails: nothing says that it is no page
        return media_type(self.content_type) or media_type(self._headers.get("warc-identified-payload-type", ""))

    def text(self, max_bytes: int) -> bytes:
        """Return the text in UTF-8; raises _Unfit where there is none."""
        if self._kind == "response" and self._http is None:
            raise _Unfit("bad_html", "the response has no HTTP header")
        if self._body is None:
            raise _Unfit("too_large", f"the page has more than {max_bytes:,} bytes")
        if self._kind == "conversion":
            return self._utf8(self._body)
        try:
            page = self._page(self._body, max_bytes)
            text = extract_text(page) if self._media_type() in _HTML else page
        except OverflowError as error:
            raise _Unfit("too_large", str(error)) from error
        except ValueError as error:
            raise _Unfit("bad_html", str(error)) from error
        encoded = text.encode()
        if len(encoded) > max_bytes:
            raise _Unfit("too_large", f"the text has {len(encoded):,} bytes, at most {max_bytes:,} fit")
        return encoded

    def _page(self, body: bytes, max_bytes: int) -> str:
        headers = self._http.headers if self._http else {}
        return decode_page(decode_body(body, headers, max_bytes), self.content_type)

    def _utf8(self, body: bytes) -> bytes:
        try:
            body.decode()
        except UnicodeDecodeError as bad:
            raise _Unfit("bad_utf8", f"byte {bad.start} of the record's block is not UTF-8") from bad
        return body

    def metadata(self) -> bytes:
        """Return what the record says of its page, as a JSON object."""
        fields = {
            key: self._headers[header].strip("<>") for key, header in _METADATA.items() if header in self._headers
        }
        if kind := self._media_type():
            fields["content_type"] = kind
        if self._http and "language" not in fields and (language := self._http.headers.get("content-language")):
            fields["language"] = language
        return _encode(fields)


def _identity(record: WarcRecord, name: str) -> bytes:
    identity = record.headers.get("warc-record-id", "").strip("<> ").removeprefix("urn:uuid:")
    return (identity or f"{name}#{record.row}").encode()
