"""How the shards of a source are read."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
_MAX_BYTES = 2**31 - 1  # what an Arrow string column can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """What a source says about its shards; `docs/reading.md` has the definitions."""

    format: str = "auto"  # one of `pipelines.readers.shards.FORMATS`; `auto`: by the file's name
    text_field: str = "text"  # jsonl and parquet
    id_field: str = "id"  # jsonl and parquet
    html: bool = False  # jsonl, parquet and text: the text is HTML, extract the main content
    max_document_bytes: int = 64 * MEBIBYTE  # UTF-8 bytes of a text, stored bytes of a page; longer ones fail
    batch_bytes: int = 4 * MEBIBYTE  # of ids, texts and metadata in a batch, unless one document alone has more
    max_ratio: int = 1000  # decompressed over stored bytes, beyond the first 64 MiB; more is a bomb

    def __post_init__(self) -> None:
        """Refuse sizes with which a batch could outgrow an Arrow string column.

        Raises:
            ValueError: A size is too large or not positive.
        """
        for key in ("max_document_bytes", "batch_bytes"):
            if not 0 < getattr(self, key) <= _MAX_BYTES:
                raise ValueError(f"{key} is {getattr(self, key):,}; wanted at least 1 and at most {_MAX_BYTES:,}")

    @property
    def max_line_bytes(self) -> int:
        """Return the longest line that is taken up: a text, and 32 MiB for its escapes and the other fields."""
        return min(self.max_document_bytes + 32 * MEBIBYTE, _MAX_BYTES)
