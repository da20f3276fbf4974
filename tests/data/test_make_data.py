"""The bundled data against its table, and the functions that choose it."""

import gzip
import hashlib
import json
import zlib
from pathlib import Path

import pytest

from data.make_data import BAD_LINES, SHARDS, TABLE, break_lines, compress, count_rows, gzip_members, spread

DATA = Path(__file__).parent.parent.parent / "data"
MAX_TOTAL_BYTES = 8_000_000


def table() -> list[list[str]]:
    """Return the cells of each row of the table in data/README.md."""
    found = TABLE.search((DATA / "README.md").read_text("utf-8"))
    assert found
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.group().splitlines()[2:]]


ROWS = table()


def test_the_table_names_every_file_and_no_other() -> None:
    lying = {path.relative_to(DATA).as_posix() for path in DATA.glob("*/**/*") if path.is_file()}
    outside = {name for name in lying if name.startswith(("LICENSES/", "__pycache__/"))}
    assert sorted(row[0] for row in ROWS) == sorted(lying - outside)
    assert [row[0] for row in ROWS] == [shard.file for shard in SHARDS]


@pytest.mark.parametrize(("file", "rows", "size", "licence", "origin", "digest"), ROWS, ids=[row[0] for row in ROWS])
def test_a_file_is_what_the_table_says(file: str, rows: str, size: str, licence: str, origin: str, digest: str) -> None:
    stored = (DATA / file).read_bytes()
    assert len(stored) == int(size)
    assert hashlib.sha256(stored).hexdigest() == digest
    assert (count_rows(file, stored) or "") == (int(rows) if rows else "")
    assert licence
    assert origin


def test_all_of_it_is_smaller_than_eight_megabytes() -> None:
    total = sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert total <= MAX_TOTAL_BYTES


def test_no_licence_forbids_commerce_or_changes() -> None:
    licences = " ".join(row[3] for row in ROWS)
    assert "-NC" not in licences
    assert "-ND" not in licences


def test_every_notice_is_of_files_that_lie_here() -> None:
    for notice in (DATA / "LICENSES").iterdir():
        named = [line.split()[0] for line in notice.read_text("utf-8").splitlines() if line[:5] in {"code/", "eval/"}]
        assert named
        for name in named:
            assert any(row[0].startswith(name.rstrip("*")) for row in ROWS), f"{notice.name}: {name}"


def test_the_shard_that_overlaps_repeats_records_to_the_byte() -> None:
    again = gzip.decompress((DATA / "web/again-0000.jsonl.gz").read_bytes()).splitlines()
    noisy = gzip.decompress((DATA / "web/noisy-0000.jsonl.gz").read_bytes()).splitlines()
    c4 = gzip.decompress((DATA / "web/c4-0000.jsonl.gz").read_bytes()).splitlines()
    assert again == noisy[:12] + c4[:20]


def test_main_content_is_of_the_same_pages_as_the_noisy_shard() -> None:
    pages = [
        {json.loads(line)["id"] for line in gzip.decompress((DATA / file).read_bytes()).splitlines()}
        for file in ("web/noisy-0000.jsonl.gz", "clean/main-0000.jsonl.gz")
    ]
    assert pages[0] == pages[1]


def test_each_broken_shard_is_broken_in_its_own_way() -> None:
    with pytest.raises(EOFError):
        gzip.decompress((DATA / "broken/truncated.jsonl.gz").read_bytes())
    lines = gzip.decompress((DATA / "broken/bad-lines.jsonl.gz").read_bytes()).splitlines()
    assert [line for line in lines if line in BAD_LINES] == list(BAD_LINES)
    assert (DATA / "broken/empty.jsonl.gz").read_bytes() == b""
    members = gzip_members((DATA / "broken/cut.warc.gz").read_bytes())
    ended = []
    for member in members:
        reader = zlib.decompressobj(wbits=31)
        reader.decompress(member)
        ended.append(reader.eof)
    assert ended == [True, True, False]


@pytest.mark.parametrize(("count", "positions"), [(0, []), (1, [0]), (2, [0, 5]), (3, [0, 3, 6])])
def test_positions_are_spread_evenly(count: int, positions: list[int]) -> None:
    assert spread(10, count, 0.0) == positions


def test_all_positions_are_taken_where_as_many_are_asked_for() -> None:
    assert spread(10, 10, 0.0) == list(range(10))


def test_another_offset_gives_other_positions() -> None:
    assert not set(spread(728, 130, 0.0)) & set(spread(728, 130, 0.5))


def test_members_of_a_gzip_file_add_up_to_it() -> None:
    members = [compress(b"one"), compress(b""), compress(b"three" * 1000)]
    assert gzip_members(b"".join(members)) == members
    assert gzip_members(b"") == []


def test_bad_lines_stand_between_records_and_change_none() -> None:
    records = [b"%d" % number for number in range(12)]
    broken = break_lines(records)
    assert [line for line in broken if line not in BAD_LINES] == records
    assert broken[:4] == [records[0], BAD_LINES[0], records[1], BAD_LINES[1]]
