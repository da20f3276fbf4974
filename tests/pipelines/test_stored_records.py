"""Tests of the records that builds leave: they come back as they were, or count as absent."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixes.errors import DataError, MixError
from mixes.files import FileDigest
from mixes.ledger import Count
from mixes.parts import PartSummary
from pipelines.documents import ShardDamage
from pipelines.stations.account import ShardAccount, UnitAccount
from pipelines.stations.lost import LostDocument
from pipelines.stations.unit_tokens import UnitPart, UnitTokens
from pipelines.stored_records import require_record, store_record, stored_record

_FILE = FileDigest(size=12, digest="ab" * 32)
_TOKENS = UnitTokens(
    parts=(UnitPart("tokens/web/a-00000", PartSummary(
        documents=2, tokens=3, bytes=7, token_file=_FILE, index_file=_FILE), 1),),
    dropped=((4, "repeated_ngrams"),),
    token_lengths={0: 1, 12: 3},
    backend="gigatoken 0.10.0",
)  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("records") / "unit.json"
    store_record(str(place), _TOKENS)
    assert stored_record(str(place), UnitTokens) == _TOKENS
    return place.read_bytes()


@given(data=st.data())
def test_no_record_that_was_cut_or_changed_is_read(
    stored: bytes, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("damaged") / "unit.json"
    at = data.draw(st.integers(0, len(stored) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != stored[at]))
    for damaged in (stored[:at], stored[:at] + bytes([byte]) + stored[at + 1 :]):
        place.write_bytes(damaged)
        assert stored_record(str(place), UnitTokens) is None
        with pytest.raises(DataError, match=r"unit\.json: is absent or damaged .* run the same build again"):
            require_record(str(place), UnitTokens)


def test_a_folder_in_the_place_of_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MixError, match="found a folder where the record of a build belongs; remove it"):
        stored_record(str(tmp_path), UnitTokens)


def test_the_account_of_a_unit_comes_back_as_it_was(tmp_path: Path) -> None:
    account = UnitAccount(
        shards=[
            ShardAccount(
                name="web/0.jsonl.gz", digest="00", stored_bytes=9, skipped={"request": 1}, documents=3,
                damage=ShardDamage(byte_offset=-1, reason="truncated", detail=""), failed={"bad_json": 2},
            )
        ],
        read=Count(documents=3, bytes=40),
        losses={"rules/language_en_min": Count(documents=1, bytes=9)},
        kept=Count(documents=2, bytes=50),
        edits={"email": Count(documents=1, bytes=-19)},
        read_lengths={-1: 1, 3: 2},
        kept_lengths={3: 2},
        read_languages={"en": 3},
        kept_languages={"en": 2},
        samples=[
            LostDocument(
                order=2**64 - 1, station="rules", reason="language_en_min", id="a", shard="web/0.jsonl.gz", row=2,
                excerpt="text", detail="", measure="language_en", value=0.1, limit="min 0.65", survivor=2**63,
            )
        ],
    )  # fmt: skip
    store_record(str(tmp_path / "account.json"), account)
    assert require_record(str(tmp_path / "account.json"), UnitAccount) == account


def test_a_record_with_other_fields_counts_as_absent(tmp_path: Path) -> None:
    store_record(str(tmp_path / "unit.json"), {"parts": [], "dropped": []})  # as another version might
    assert stored_record(str(tmp_path / "unit.json"), UnitTokens) is None
