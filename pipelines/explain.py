"""Say what became of a document: `python -m pipelines.explain output --id ID`."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mixes.command import command, command_parser, working
from mixes.errors import DataError
from pages.terminal import printable
from pipelines.explaining.built import BuiltMix, open_mix
from pipelines.explaining.fates import find_fate
from pipelines.explaining.pages import explanation_page, likes_page, verdict_words
from pipelines.explaining.records import Record, all_ids, find_records
from pipelines.explaining.spelling import nearest_ids

_EPILOG = """examples:
  python -m pipelines.explain output --id web-000017
  python -m pipelines.explain output --id 'web/0.jsonl.gz#12'      any record by shard and row, failed ones too
  python -m pipelines.explain output --near web-000017             what resembles it most; needs dedupe.fuzzy

exit status: 0 explained, 1 no such document or several, 2 the request was wrong
"""
_LISTED = 20


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when explained."""
    options = _parser().parse_args(argv)
    mix = open_mix(options.output, options.mix, options.data)
    if options.source is not None:
        mix.source(options.source)
    with working():
        print(_answer(mix, options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "pipelines.explain",
        "Say what became of a document: where it lies, its measures and limits, its verdict, what was kept instead and "
        "how the two differ, and where its tokens are.",
        _EPILOG,
    )
    parser.add_argument("output", help="what --output was of the build: a folder or bucket")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--id", help="the document's id, or SHARD#ROW for any record")
    wanted.add_argument("--near", metavar="ID", help="list the documents most like this one instead")
    parser.add_argument("--mix", help="which mix of the output (default: the only one)")
    parser.add_argument("--source", help="the source, where several have the id")
    parser.add_argument("--row", type=int, help="number of the record in its shard, where several have the id")
    parser.add_argument("--data", default="data", help="data root of the build, for texts (default: ./data)")
    parser.add_argument("--all-measures", action="store_true", help="show measures too that no rule or split goes by")
    parser.add_argument("--json", action="store_true", help="print JSON, with all measures")
    return parser


def _answer(mix: BuiltMix, options: argparse.Namespace) -> str:
    from pipelines.explaining.likeness import find_likes  # slow to import: a wrong request is told before
    from pipelines.explaining.telling import explain

    record = _choose_record(mix, options)
    if options.near is not None:
        likes = find_likes(mix, record)
        return _as_json([asdict(like) for like in likes]) if options.json else likes_page(options.near, likes)
    told = explain(mix, record)
    if options.json:
        return _as_json(asdict(told))
    return explanation_page(told, coloured=sys.stdout.isatty(), all_measures=options.all_measures)


def _choose_record(mix: BuiltMix, options: argparse.Namespace) -> Record:
    """Return the one record that is asked for.

    Raises:
        DataError: There is none, or there are several.
    """
    wanted: str = options.id if options.id is not None else options.near
    units = [unit for unit in mix.units if options.source in (None, unit.source)]
    found = find_records(units, wanted)
    chosen = [record for record in found if options.row in (None, record.row["row"])]
    name = f"mix '{mix.name}': '{printable(wanted)}'"
    if not found:
        near = ", ".join(printable(each) for each in nearest_ids(wanted, all_ids(units)))
        among = f" of source '{options.source}'" if options.source is not None else ""
        raise DataError(
            f"{name}: found no document{among} of this id; " + (f"nearest: {near}" if near else "none is near")
        )
    if not chosen:
        raise DataError(f"{name}: found no record {options.row:,} of this id; it is in\n{_listed(found)}")
    if len(chosen) > 1:
        raise DataError(
            f"{name}: found {len(chosen):,} documents of this id; choose one with --source and --row, or give its "
            f"SHARD#ROW as the id\n{_listed(chosen)}"
        )
    return chosen[0]


def _listed(records: Sequence[Record]) -> str:
    lines = [
        f"  --source {record.unit.source} --row {record.row['row']}  {printable(record.place)}  "
        f"{verdict_words(find_fate(record).verdict)}"
        for record in records[:_LISTED]
    ]
    return "\n".join(lines + ([f"  and {len(records) - _LISTED:,} more"] if len(records) > _LISTED else []))


def _as_json(value: object) -> str:
    return json.dumps(_without_nan(value), indent=1, ensure_ascii=False, allow_nan=False)


def _without_nan(value: Any) -> object:  # noqa: ANN401  (whatever JSON can hold)
    """Return a value in which what is no number is null, since JSON has no word for it."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    sys.exit(main())
