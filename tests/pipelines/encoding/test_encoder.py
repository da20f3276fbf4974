"""Tests of the encoder: ids equal the library's, special tokens stay text, and a wrong encoder is found out."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from filters.columns import TextColumn
from mixes.errors import DataError
from pipelines.encoding import cutting, proof
from pipelines.encoding.backends import GigatokenBackend, Ids, TokenizersBackend
from pipelines.encoding.definition import Definition, TokenizerFile, read_tokenizer
from pipelines.encoding.encoder import FIRST_COMPARED_BYTES, EncodedTexts, EncodersDifferError, TextEncoder, _load
from pipelines.encoding.proof import Wanted

_DATA = Path(__file__).parents[3] / "data"
_EOS = "<|endoftext|>"
_WANTED: tuple[Wanted, ...] = ("tokenizers", "gigatoken")


@pytest.fixture(scope="module")
def file() -> TokenizerFile:
    return read_tokenizer(str(_DATA / "tokenizer" / "dolma2.json.gz"))


@pytest.fixture(scope="module", params=_WANTED)
def encoder(file: TokenizerFile, request: pytest.FixtureRequest) -> TextEncoder:
    return TextEncoder(file, _EOS, request.param)


def column(texts: Sequence[str]) -> TextColumn:
    return TextColumn.from_arrow(pa.array(texts, pa.string()))


def encode(encoder: TextEncoder, *texts: str) -> EncodedTexts:
    encoder.start_unit()
    return encoder.encode(column(texts))


def ids_of(encoder: TextEncoder, text: str) -> list[int]:
    ids: list[int] = encode(encoder, text).of(0).tolist()
    return ids


def test_the_vocabulary_of_dolma2_is_what_olmo_2_says(encoder: TextEncoder) -> None:
    assert (encoder.vocab_size, encoder.eos_id) == (100_278, 100_257)


def test_known_texts_have_known_ids(encoder: TextEncoder) -> None:
    found = encode(encoder, "Hello world", "", " after")
    assert found.ids.dtype == np.uint32
    assert found.ids.tolist() == [9906, 1917, 1306]
    assert found.offsets.tolist() == [0, 2, 2, 3]
    assert not found.given_up.any()


def test_no_texts_give_nothing(encoder: TextEncoder) -> None:
    found = encode(encoder)
    assert (len(found.ids), found.offsets.tolist(), len(found.given_up)) == (0, [0], 0)


@pytest.mark.parametrize("special", [_EOS, "<|pad|>", "<|im_start|>", "<|fim_prefix|>"])
def test_special_tokens_in_a_text_stay_text(encoder: TextEncoder, special: str) -> None:
    assert max(ids_of(encoder, f"a{special}b {special}")) < 100_256


def test_added_tokens_that_are_not_special_are_found_unless_a_special_one_hides_them(encoder: TextEncoder) -> None:
    assert ids_of(encoder, "|||IP_ADDRESS|||") == [100_263]
    assert ids_of(encoder, "at |||EMAIL_ADDRESS||||||PHONE_NUMBER|||.") == [266, 220, 100_262, 100_261, 13]


def hard_text(seed: int, num_characters: int) -> str:
    """Return words, code, white space of all kinds, numbers, punctuation, emoji and added tokens in a random order."""
    chance = random.Random(seed)
    pieces = [
        "word",
        " the",
        "\n",
        "\n\n",
        "\t\t",
        "   ",
        "\r\n",
        "12345",
        "'s",
        "'LL",
        "...",
        "=>",
        "é",
        "日本語",
        "🙂",
    ]
    pieces += ["\u00a0", "\u2028", " \n ", "<|extra_id_0|>", "|||IP_ADDRESS|||", _EOS, "x" * 40, " " * 30, "-" * 50]
    text = ""
    while len(text) < num_characters:
        text += chance.choice(pieces)
    return text


@pytest.mark.parametrize("window", [97, 300, 1_000])
@pytest.mark.parametrize("near", [0, 64])  # without and with plain breaks
def test_long_texts_are_cut_where_the_ids_do_not_change(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch, window: int, near: int
) -> None:
    text = hard_text(window, 30_000)
    whole = ids_of(encoder, text)
    monkeypatch.setattr(cutting, "_WINDOW", window)
    monkeypatch.setattr(cutting, "_NEAR", near)
    assert cutting.Cutter(encoder.definition).cut(column([text])).counts[0] > 30_000 / window / 9
    assert ids_of(encoder, text) == whole


def test_a_text_without_a_place_to_cut_is_given_up_and_its_neighbours_are_not(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutting, "_WINDOW", 64)
    monkeypatch.setattr(cutting, "_MAX_UNBROKEN", 256)
    found = encode(encoder, "before", "a" * 10_000, "after")
    assert found.given_up.tolist() == [False, True, False]
    assert found.of(1).tolist() == []
    assert found.of(2).tolist() == [10924]


def test_a_token_that_is_not_there_is_refused_by_name(file: TokenizerFile) -> None:
    with pytest.raises(DataError, match=r"has no token '</s>'"):
        TextEncoder(file, "</s>", "tokenizers")


def normalising(file: TokenizerFile) -> TokenizerFile:
    definition = json.loads(file.json) | {"normalizer": {"type": "NFC"}}
    return TokenizerFile(uri="nfc.json", json=json.dumps(definition), digest="nfc")


def test_long_texts_are_cut_under_a_tokenizer_that_normalises(
    file: TokenizerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = TextEncoder(normalising(file), _EOS)
    text = hard_text(5, 20_000).replace("word", "cafe\u0301")
    whole = ids_of(encoder, text)
    monkeypatch.setattr(cutting, "_WINDOW", 500)
    assert ids_of(encoder, text) == whole


def test_a_tokenizer_that_a_fast_encoder_cannot_do_is_left_to_the_library_and_the_reason_said(
    file: TokenizerFile,
) -> None:
    encoder = TextEncoder(normalising(file), _EOS, "auto")
    assert encoder.name.startswith("tokenizers ")
    assert "gigatoken: this tokenizer normalises" in encoder.fallback
    with pytest.raises(DataError, match=r"nfc\.json: gigatoken: .* give `backend: auto`"):
        TextEncoder(normalising(file), _EOS, "gigatoken")


class _Wrong(GigatokenBackend):
    """An encoder that is wrong about one word."""

    name = "wrong 1.0"

    def encode(self, texts: TextColumn) -> Ids:
        right = super().encode(texts)
        each = [(texts.text(number), right.of(number)) for number in range(texts.num_documents)]
        return Ids.of_each([ids[::-1] if "bridge" in text else ids for text, ids in each])


def _wrong(definition: Definition) -> _Wrong:
    backend = _Wrong(definition)
    backend.name = "wrong 1.0"
    return backend


@pytest.fixture
def choose_anew() -> Iterator[None]:
    """Let what was chosen for the tokenizer before be forgotten, and what the test chooses too."""
    _load.cache_clear()
    yield
    _load.cache_clear()


@pytest.mark.usefixtures("choose_anew")
def test_an_encoder_that_is_wrong_about_the_vocabulary_fails_its_proof(
    file: TokenizerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "FASTER", {"gigatoken": _wrong})
    encoder = TextEncoder(file, _EOS, "auto")
    assert encoder.name.startswith("tokenizers ")
    assert "gigatoken: is not equal: of a text of" in encoder.fallback


@pytest.mark.usefixtures("choose_anew")
def test_an_encoder_that_is_wrong_about_a_first_text_is_found_out(
    file: TokenizerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "FASTER", {"gigatoken": _wrong})
    monkeypatch.setattr(proof, "_PROVEN", {(file.digest, "wrong 1.0")})
    encoder = TextEncoder(file, _EOS, "auto")
    texts = ["a fine text", "x " * (FIRST_COMPARED_BYTES // 2), "a striped bridge"]
    encode(encoder, *texts)  # the last one is not among the first
    with pytest.raises(EncodersDifferError, match=r"wrong 1\.0 of a text of 16 bytes .* tokenizers \["):
        encode(encoder, *texts[::-1])
    encoder.fall_back("it was wrong")
    assert encode(encoder, texts[-1]).of(0).tolist() == ids_of(TextEncoder(file, _EOS, "tokenizers"), texts[-1])


def test_characters_newer_than_unicode_14_are_left_to_the_library(file: TokenizerFile) -> None:
    newer = "\U000323b0'eat"  # a letter since Unicode 17, which libraries do not agree on yet
    definition = Definition(file)
    right = TokenizersBackend(definition).encode(column([newer])).ids
    encoder = TextEncoder(file, _EOS, "gigatoken")
    assert encode(encoder, "x " * (FIRST_COMPARED_BYTES // 2), newer).of(1).tolist() == right.tolist()
