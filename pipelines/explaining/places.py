"""Places among the tokens: in which part a kept document lies, and how often the mix sees it."""

import pyarrow as pa
import pyarrow.compute as pc

from mixes.parts import INDEX_SUFFIX, TOKENS_SUFFIX
from pipelines.explaining.built import BuiltMix
from pipelines.explaining.explanation import Tokens
from pipelines.explaining.records import Record, true_places
from pipelines.explaining.tables import open_table
from pipelines.stations.unit_tokens import UnitTokens
from pipelines.storage import join
from pipelines.stored_records import require_record


def find_tokens(mix: BuiltMix, record: Record) -> Tokens | None:
    """Return where the tokens of a document lie; None where it has none.

    Raises:
        DataError: The index of a part cannot be read.
    """
    sources = [each for each in mix.manifest.sources if each.source == record.unit.source]
    parts = {part.file: (source, part) for source in sources for part in source.parts}
    for stem, _, _ in require_record(record.unit.tokens, UnitTokens).parts:
        source, part = parts[stem + TOKENS_SUFFIX]
        row = _find_row(join(mix.folder, "..", "..", stem + INDEX_SUFFIX), record)
        if row is not None:
            start, length, key, size = row
            # Documents lie one after another, and what is held out and prefixes end between two.
            held_out = start < part.held_out_tokens
            in_prefix = not held_out and start < part.held_out_tokens + part.prefix_tokens
            return Tokens(
                part=part.file,
                start=start,
                length=length,
                bytes=size,
                sampling_key=f"{key:016x}",
                held_out_key=source.held_out_key,
                cut_key=source.cut_key,
                whole_epochs=source.whole_epochs,
                held_out=held_out,
                in_prefix=in_prefix,
                times_seen=0 if held_out else source.whole_epochs + in_prefix,
            )
    return None


def _find_row(uri: str, record: Record) -> tuple[int, int, int, int] | None:
    """Return start, length, sampling key and bytes of a document in a part; None where it is not there."""
    with open_table(uri) as table:
        for first, group in table.groups():
            places = table.read("shard", "row", group=group)
            is_shard = pc.equal(places.column("shard").cast(pa.string()), record.shard["name"])
            found = true_places(pc.and_(is_shard, pc.equal(places.column("row"), record.row["row"])))
            if len(found):
                (row,) = table.rows([first + int(found[0])])
                return row["start"], row["length"], row["key"], row["bytes"]
    return None
