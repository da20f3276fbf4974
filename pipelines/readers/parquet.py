"""Parquet: one document a row.

Arrow reads a few rows at a time, so few that their strings stay bounded whatever the pages hold; the rows become
documents one by one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.documents import Failure
from pipelines.readers.batches import Document
from pipelines.readers.decompression import StreamDamage
from pipelines.readers.parquet_layout import MAGIC, Page, RowGroup, read_layout, read_pages
from pipelines.readers.settings import MEBIBYTE, ReadSettings

_Result = TypeVar("_Result")

_MAX_ROWS = 256  # a step of Arrow's; larger ones are no faster
_STEP_BYTES = 64 * MEBIBYTE  # that the values of a dictionary may make in a step
_PAGE_BYTES = 128 * MEBIBYTE  # beside the longest document: DuckDB writes pages of 100 MB
_MAX_VALUES_A_ROW = 100_000  # of a nested column, on average over a row group
_ENCRYPTED = b"PARE"
_FEWEST_BYTES = 12  # magic, length of the footer, magic

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Which columns of a file are read, and as what."""

    text: str | None  # None where there is no such column, or it is no string
    text_reason: str  # why there is no text: `no_text` or `text_not_string`
    id: str | None
    read: list[str]  # names of all columns that are read


def read_parquet(
    file: BinaryIO, name: str, settings: ReadSettings, extract: Callable[[str], str] | None
) -> Iterator[Document | Failure]:
    """Yield the document, or the failure, of every row.

    Args:
        file: The shard, seekable.
        name: Name of the shard, for the ids of documents that have none.
        settings: The source's settings.
        extract: Makes text of HTML where the text column holds it; raises ValueError where it cannot.

    Raises:
        StreamDamage: The file is cut or corrupt, or a bomb.
    """
    size = _check_ends(file)
    row_groups = _decode(lambda: read_layout(file))
    num_rows = sum(group.num_rows for group in row_groups)
    if num_rows > settings.max_ratio * size:
        raise _corrupt(f"a bomb: {num_rows:,} rows in {size:,} bytes")
    parquet = _open(file)
    columns = _choose_columns(parquet, settings)
    row = 0
    for number, group in enumerate(row_groups):
        pages = _decode(partial(_pages, file, group, columns))
        largest = max((page.num_bytes for chunk in pages for page in chunk), default=0)
        if largest > settings.max_document_bytes + _PAGE_BYTES:
            detail = f"a page of its row group has {largest:,} bytes"
            for lost in range(row, row + group.num_rows):
                yield _failure(lost, "too_large", detail)
        else:
            step = _step_rows(pages)
            first = row
            for batch in _steps(parquet, number, step, columns):
                yield from _documents(batch, first, columns, name, settings, extract)
                first += batch.num_rows
            if first != row + group.num_rows:
                raise _corrupt(f"row group {number} holds {first - row:,} rows, {group.num_rows:,} by the footer")
        row += group.num_rows


def _corrupt(detail: str) -> StreamDamage:
    return StreamDamage("corrupt", detail, -1)


def _failure(row: int, reason: str, detail: str) -> Failure:
    return Failure(row=row, byte_offset=-1, byte_length=-1, reason=reason, detail=detail)


def _check_ends(file: BinaryIO) -> int:
    """Return the size of the file, which begins and ends as a Parquet file does."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(len(MAGIC))
    file.seek(max(0, size - len(MAGIC)))
    tail = file.read(len(MAGIC))
    if not MAGIC.startswith(head):
        raise _corrupt("is encrypted" if head == _ENCRYPTED else "does not begin as a Parquet file")
    if size < _FEWEST_BYTES or tail != MAGIC:
        raise StreamDamage("truncated", "ends before the footer" if size else "the file is empty", -1)
    return size


def _open(file: BinaryIO) -> pq.ParquetFile:
    file.seek(0)
    return _decode(
        lambda: pq.ParquetFile(
            file,
            page_checksum_verification=True,
            pre_buffer=False,
            buffer_size=MEBIBYTE,
            thrift_string_size_limit=64 * MEBIBYTE,
            thrift_container_size_limit=1_000_000,
        )
    )


def _decode(action: Callable[[], _Result]) -> _Result:
    """Return what Arrow makes of the file's bytes; whatever it stumbles over is the bytes' fault."""
    try:
        return action()
    except StreamDamage:
        raise
    except Exception as error:  # damaged bytes end in Arrow's errors, OSError, KeyError, UnicodeDecodeError, ...
        lines = str(error).splitlines()
        raise _corrupt(f"cannot be decoded: {lines[0][:200] if lines else type(error).__name__}") from error


def _choose_columns(parquet: pq.ParquetFile, settings: ReadSettings) -> _Columns:
    schema = _decode(lambda: parquet.schema_arrow)
    readable = [field.name for field in schema if _is_readable(field.type) and schema.names.count(field.name) == 1]
    has_text = settings.text_field in schema.names
    is_text = settings.text_field in readable and _is_string(schema.field(settings.text_field).type)
    has_id = settings.id_field in readable and _is_identity(schema.field(settings.id_field).type)
    return _Columns(
        text=settings.text_field if is_text else None,
        text_reason="text_not_string" if has_text else "no_text",
        id=settings.id_field if has_id else None,
        read=readable,
    )


def _is_string(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_string(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_identity(kind: pa.DataType) -> bool:
    return _is_string(kind) or pa.types.is_integer(kind)


def _is_written(kind: pa.DataType) -> bool:
    """Return True for what metadata holds as its text: dates, times and decimals."""
    return bool(pa.types.is_temporal(kind) or pa.types.is_decimal(kind))


def _is_readable(kind: pa.DataType, depth: int = 0) -> bool:
    """Return True for columns that JSON can hold: no bytes, and nothing exotic within lists and structs."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_readable(kind.value_type, depth + 1)
    if pa.types.is_struct(kind):
        return all(_is_readable(field.type, depth + 1) for field in kind)
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return number or pa.types.is_null(kind) or _is_string(kind) or (depth == 0 and _is_written(kind))


def _pages(file: BinaryIO, group: RowGroup, columns: _Columns) -> list[list[Page]]:
    """Return the pages of each column chunk of a row group that is read."""
    pages = []
    for chunk in group.chunks:
        if chunk.num_values and chunk.path[0] in columns.read:
            if chunk.num_values > _MAX_VALUES_A_ROW * max(group.num_rows, 1):
                raise _corrupt(f"a bomb: column '{chunk.path[0]}' has {chunk.num_values:,} values")
            pages.append(list(read_pages(file, chunk)))
    return pages


def _step_rows(pages: list[list[Page]]) -> int:
    """Return how many rows Arrow may decode at once, so that a step touches few pages and repeats few long values."""
    largest = max((page.num_bytes for chunk in pages for page in chunk if page.is_dictionary), default=1)
    fewest = min((page.num_values for chunk in pages for page in chunk[:-1] if page.num_values), default=_MAX_ROWS)
    return max(1, min(_MAX_ROWS, fewest, _STEP_BYTES // max(largest, 1)))


def _steps(parquet: pq.ParquetFile, group: int, num_rows: int, columns: _Columns) -> Iterator[pa.RecordBatch]:
    batches = _decode(
        lambda: parquet.iter_batches(batch_size=num_rows, row_groups=[group], columns=columns.read, use_threads=False)
    )
    while (batch := _decode(lambda: next(batches, None))) is not None:
        yield batch


def _documents(
    batch: pa.RecordBatch,
    first: int,
    columns: _Columns,
    name: str,
    settings: ReadSettings,
    extract: Callable[[str], str] | None,
) -> Iterator[Document | Failure]:
    if columns.text is None:
        wanted = "is no string" if columns.text_reason == "text_not_string" else "is not there"
        for row in range(first, first + batch.num_rows):
            yield _failure(row, columns.text_reason, f"column '{settings.text_field}' {wanted}")
        return
    texts = _decode(lambda: _strings(batch.column(columns.text)))
    others = _decode(lambda: _other_fields(batch, columns))
    for place, (text, fields) in enumerate(zip(texts, others, strict=True)):
        row = first + place
        if text is None:
            yield _failure(row, "no_text", f"column '{columns.text}' is null")
        elif fields is None:
            yield _failure(row, "bad_utf8", "a column other than the text is not UTF-8")
        else:
            identity, metadata = fields
            identity = identity or f"{name}#{row}".encode()
            yield _document(Document(identity, text, row, -1, -1, metadata), settings, extract)


def _document(stored: Document, settings: ReadSettings, extract: Callable[[str], str] | None) -> Document | Failure:
    """Return a document whose text is checked, and extracted if asked."""
    field = settings.text_field
    try:
        text = stored.text.decode()
        document = stored._replace(text=extract(text).encode()) if extract is not None else stored
    except UnicodeDecodeError as bad:
        return _failure(stored.row, "bad_utf8", f"byte {bad.start} of column '{field}' is not UTF-8")
    except ValueError as error:
        return _failure(stored.row, "bad_html", str(error))
    size, limit = len(document.text), settings.max_document_bytes
    if size > limit:
        return _failure(stored.row, "too_large", f"the text has {size:,} bytes, at most {limit:,} fit")
    return document


def _strings(column: pa.Array) -> list[bytes | None]:
    """Return the values of a string column as they are stored, which need not be UTF-8."""
    array = column.cast(pa.large_string(), safe=False) if column.type != pa.large_string() else column
    if not len(array):
        return []
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1].tolist()
    view = memoryview(data) if data is not None else memoryview(b"")
    valid = array.is_valid().to_pylist()
    return [bytes(view[starts[i] : starts[i + 1]]) if valid[i] else None for i in range(len(array))]


def _other_fields(batch: pa.RecordBatch, columns: _Columns) -> list[tuple[bytes, bytes] | None]:
    """Return id and metadata of each row; None where a string is not UTF-8, which costs that row alone."""
    try:
        return list(zip(_ids(batch, columns), _metadata(batch, columns), strict=True))
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return [None]
        return [fields for row in range(batch.num_rows) for fields in _other_fields(batch.slice(row, 1), columns)]


def _ids(batch: pa.RecordBatch, columns: _Columns) -> list[bytes]:
    if columns.id is None:
        return [b""] * batch.num_rows
    return [str(value).encode() if value is not None else b"" for value in batch.column(columns.id).to_pylist()]


def _metadata(batch: pa.RecordBatch, columns: _Columns) -> list[bytes]:
    fields = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if field.name not in (columns.text, columns.id):
            fields[field.name] = (column.cast(pa.string()) if _is_written(field.type) else column).to_pylist()
    rows = zip(*fields.values(), strict=True) if fields else [()] * batch.num_rows
    return [_encode(dict(zip(fields, row, strict=True))) for row in rows]
