"""Tests of fill-in-the-middle: orders, sentinels, cuts at characters, and the way back to the text."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from filters.columns import TextColumn
from mixes.errors import DataError
from mixes.spec.fim import FillInTheMiddle
from mixes.typed_yaml.fields import SettingError
from pipelines.encoding.definition import read_tokenizer
from pipelines.encoding.encoder import TextEncoder
from pipelines.encoding.fim import Infilling, encode_infilled, infilling, restore_order, sentinel_ids

_FILE = Path(__file__).parents[3] / "data" / "tokenizer" / "dolma2.json.gz"
_TEXTS = ["def f(x):\n    return x + 1\n", "日本語 und Füße 🙂🙂 " * 5, "a", "", "<|fim_middle|> in a text"] * 40
_IDS = (100_258, 100_260, 100_259)


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(read_tokenizer(str(_FILE)), "<|endoftext|>", "tokenizers")


def keys(count: int) -> NDArray[np.uint64]:
    return np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def documents(encoder: TextEncoder, texts: Sequence[str], fim: Infilling) -> list[list[int]]:
    found = encode_infilled(encoder, TextColumn.from_arrow(pa.array(texts, pa.string())), keys(len(texts)), fim)
    assert not found.given_up.any()
    return [found.of(document).tolist() for document in range(len(texts))]


def decode(encoder: TextEncoder, ids: Sequence[int]) -> str:
    text: str = encoder.definition.library.decode(list(ids), skip_special_tokens=False)
    return text


@pytest.mark.parametrize("spm_rate", [0.0, 1.0])
def test_every_document_is_in_the_order_of_its_kind_and_gives_its_text_back(
    encoder: TextEncoder, spm_rate: float
) -> None:
    fim = infilling(FillInTheMiddle(rate=1, spm_rate=spm_rate), _IDS)
    for text, ids in zip(_TEXTS, documents(encoder, _TEXTS, fim), strict=True):
        sentinels = [each for each in ids if each in encoder.definition.special_ids]
        assert sentinels == [100_258, 100_260, 100_259]
        assert ids[0] == 100_258
        assert (ids[1] == 100_260) or spm_rate == 0
        assert decode(encoder, restore_order(np.array(ids, np.uint32), _IDS).tolist()) == text


def test_a_rate_is_the_share_of_documents_and_the_others_are_as_they_were(encoder: TextEncoder) -> None:
    texts = [f"text {number}" for number in range(2_000)]
    found = documents(encoder, texts, infilling(FillInTheMiddle(rate=0.3, spm_rate=0.5), _IDS))
    chosen = [ids for ids in found if ids[0] == 100_258]
    assert 0.27 < len(chosen) / len(found) < 0.33
    assert 0.53 < sum(ids[1] == 100_260 for ids in chosen) / len(chosen) < 0.68  # half, and PSM with an empty prefix
    plain = encoder.encode(TextColumn.from_arrow(pa.array(texts, pa.string())))
    untouched = [document for document, ids in enumerate(found) if ids[0] != 100_258]
    assert all(found[document] == plain.of(document).tolist() for document in untouched)
    assert all(len(restore_order(plain.of(document), _IDS)) == len(plain.of(document)) for document in untouched)


def test_a_document_is_cut_the_same_way_in_any_batch(encoder: TextEncoder) -> None:
    fim = infilling(FillInTheMiddle(), _IDS)
    together = documents(encoder, _TEXTS, fim)
    for document in (0, 1, 7):
        column = TextColumn.from_arrow(pa.array(_TEXTS, pa.string()).slice(document, 1))
        alone = encode_infilled(encoder, column, keys(len(_TEXTS))[document : document + 1], fim)
        assert alone.ids.tolist() == together[document]


def test_cuts_are_spread_over_all_places_both_ends_included(encoder: TextEncoder) -> None:
    fim = infilling(FillInTheMiddle(rate=1, spm_rate=0), _IDS)
    prefixes = [ids.index(100_260) - 1 for ids in documents(encoder, ["\x01\x02\x03"] * 600, fim)]
    assert [prefixes.count(length) for length in range(4)] == pytest.approx([262, 188, 112, 38], abs=45)


def test_a_token_that_may_come_from_a_text_is_no_sentinel(encoder: TextEncoder) -> None:
    definition = encoder.definition
    assert sentinel_ids(definition, FillInTheMiddle(), "code") == _IDS
    with pytest.raises(DataError, match=r"found 'the', which is not special .* \(fim of source 'code'\)"):
        sentinel_ids(definition, FillInTheMiddle(prefix="the"), "code")
    with pytest.raises(DataError, match=r"has no token '<PRE>'"):
        sentinel_ids(definition, FillInTheMiddle(prefix="<PRE>"), "code")
    with pytest.raises(SettingError, match="wanted three tokens"):
        FillInTheMiddle(prefix="<|fim_suffix|>")
