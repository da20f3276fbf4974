"""Tests of the encoder: ids equal the library's, special tokens stay text, long texts are cut where nothing changes."""

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest

import pipelines.encoder
from mixes.errors import DataError
from pipelines.encoder import TextEncoder, TokenizerFile, read_tokenizer

_DATA = Path(__file__).parents[2] / "data"
_EOS = "<|endoftext|>"


@pytest.fixture(scope="module")
def file() -> TokenizerFile:
    return read_tokenizer(str(_DATA / "tokenizer" / "dolma2.json.gz"))


@pytest.fixture(scope="module")
def encoder(file: TokenizerFile) -> TextEncoder:
    return TextEncoder(file, _EOS)


def test_the_vocabulary_of_dolma2_is_what_olmo_2_says(encoder: TextEncoder) -> None:
    assert (encoder.vocab_size, encoder.eos_id) == (100_278, 100_257)


def test_a_known_text_has_known_ids(encoder: TextEncoder) -> None:
    (ids,) = encoder.encode(["Hello world"])
    assert ids is not None
    assert ids.dtype == np.uint32
    assert ids.tolist() == [9906, 1917]


def test_the_empty_text_has_no_ids_and_no_texts_give_nothing(encoder: TextEncoder) -> None:
    (ids,) = encoder.encode([""])
    assert ids is not None
    assert len(ids) == 0
    assert encoder.encode([]) == []


@pytest.mark.parametrize("special", [_EOS, "<|pad|>", "<|im_start|>", "<|fim_prefix|>"])
def test_special_tokens_in_a_text_stay_text(encoder: TextEncoder, special: str) -> None:
    (ids,) = encoder.encode([f"a{special}b {special}"])
    assert ids is not None
    assert ids.max() < 100_256


def _hard_text(seed: int, num_characters: int) -> str:
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
def test_long_texts_are_cut_where_the_ids_do_not_change(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    text = _hard_text(window, 30_000)
    (whole,) = encoder.encode([text])
    monkeypatch.setattr(pipelines.encoder, "_WINDOW", window)
    (cut,) = encoder.encode([text])
    assert whole is not None
    assert cut is not None
    assert cut.tolist() == whole.tolist()


def test_a_text_without_a_place_to_cut_is_given_up_and_its_neighbours_are_not(
    encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines.encoder, "_WINDOW", 64)
    monkeypatch.setattr(pipelines.encoder, "_MAX_UNBROKEN", 256)
    before, given_up, after = encoder.encode(["before", "a" * 10_000, "after"])
    assert before is not None
    assert given_up is None
    assert after is not None
    assert after.tolist() == [10924]


def test_compressed_tokenizers_have_the_digest_of_the_plain_one(file: TokenizerFile, tmp_path: Path) -> None:
    plain = tmp_path / "tokenizer.json"
    plain.write_bytes(gzip.decompress((_DATA / "tokenizer" / "dolma2.json.gz").read_bytes()))
    assert read_tokenizer(str(plain)).digest == file.digest


def test_a_token_that_is_not_there_is_refused_by_name(file: TokenizerFile) -> None:
    with pytest.raises(DataError, match=r"has no token '</s>'"):
        TextEncoder(file, "</s>")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", json.dumps({"a": 1}).encode()])
def test_a_file_that_is_no_tokenizer_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.json"):
        TextEncoder(read_tokenizer(str(path)), _EOS)


def test_a_tokenizer_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.json: cannot be read"):
        read_tokenizer(str(tmp_path / "absent.json"))


def test_long_texts_are_cut_under_a_tokenizer_that_normalises(
    file: TokenizerFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = json.loads(file.json) | {"normalizer": {"type": "NFC"}}
    encoder = TextEncoder(TokenizerFile(uri=file.uri, json=json.dumps(definition), digest=""), _EOS)
    text = _hard_text(5, 20_000).replace("word", "cafe\u0301")
    (whole,) = encoder.encode([text])
    monkeypatch.setattr(pipelines.encoder, "_WINDOW", 500)
    (cut,) = encoder.encode([text])
    assert whole is not None
    assert cut is not None
    assert cut.tolist() == whole.tolist()
