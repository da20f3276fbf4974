"""Fill-in-the-middle: documents cut in three at characters, their middle moved to the end behind sentinel tokens.

After Bavarian et al., "Efficient training of language models to fill in the middle", 2022, in the form in which
StarCoder was trained (Li et al., 2023; bigcode-project/Megatron-LM, megatron/data/gpt_dataset.py, `permute`): the two
cuts are uniform over the places between characters, both ends included; each of the three is tokenized by itself.

    PSM  <prefix> prefix <suffix> suffix <middle> middle
    SPM  <prefix> <suffix> suffix <middle> prefix middle     (variant 2 of the paper)

We differ in what decides: not a generator that runs along a file but the sampling key of each document, so the same
document is cut the same way wherever it lies. Documents are cut whole, not again where instances end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filters.columns import TextColumn
from mixes.errors import DataError
from mixes.hashing import hash_integers, mix64
from mixes.spec.fim import FillInTheMiddle
from pipelines.encoding.definition import Definition
from pipelines.encoding.encoder import EncodedTexts, TextEncoder

_FIM = 0x66_69_6D  # "fim" in ASCII: keeps these draws apart from other uses of the keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Infilling:
    """Fill-in-the-middle of one source, with the ids of its sentinels."""

    rate: float
    spm_rate: float
    prefix_id: int
    suffix_id: int
    middle_id: int

    @property
    def ids(self) -> tuple[int, int, int]:
        """Return the ids of prefix, suffix and middle, as the manifest has them."""
        return self.prefix_id, self.suffix_id, self.middle_id


def sentinel_ids(definition: Definition, wish: FillInTheMiddle, source: str) -> tuple[int, ...]:
    """Return the ids of prefix, suffix and middle.

    Raises:
        DataError: One of them is no special token of the tokenizer, so that it could stand in a text.
    """
    tokens, key = (wish.prefix, wish.suffix, wish.middle), f"fim of source '{source}'"
    ids = tuple(definition.id_of(token, key) for token in tokens)
    for token, found in zip(tokens, ids, strict=True):
        if found not in definition.special_ids:
            raise DataError(
                f"{definition.file.uri}: found {token!r}, which is not special and may come from a text; "
                f"wanted a special token ({key})"
            )
    return ids


def infilling(wish: FillInTheMiddle, ids: tuple[int, ...]) -> Infilling:
    """Return what a spec asks for, given the ids of its prefix, suffix and middle."""
    prefix_id, suffix_id, middle_id = ids
    return Infilling(
        rate=wish.rate, spm_rate=wish.spm_rate, prefix_id=prefix_id, suffix_id=suffix_id, middle_id=middle_id
    )


def encode_infilled(encoder: TextEncoder, texts: TextColumn, keys: NDArray[np.uint64], fim: Infilling) -> EncodedTexts:
    """Return the ids of documents, those of the chosen ones in their new order.

    Args:
        encoder: The tokenizer.
        texts: The documents.
        keys: Their sampling keys, shape (num_documents,).
        fim: Which documents, and the sentinels.
    """
    is_chosen = _draw(keys, 0) < fim.rate
    is_spm = _draw(keys, 1) < fim.spm_rate
    segments = _cut_in_three(texts, keys, is_chosen)
    encoded = encoder.encode(segments)
    first = np.cumsum(np.where(is_chosen, 3, 1)) - np.where(is_chosen, 3, 1)  # segment that a document begins with
    ordered: list[NDArray[np.uint32]] = []
    lengths = np.zeros(len(keys), np.int64)
    for document, segment in enumerate(first.tolist()):
        parts = [encoded.of(segment)]
        if is_chosen[document]:
            parts = _arrange([encoded.of(segment + part) for part in range(3)], fim, is_spm=bool(is_spm[document]))
        lengths[document] = sum(map(len, parts))
        ordered += parts
    given_up = np.logical_or.reduceat(encoded.given_up, first) if len(first) else np.zeros(0, bool)
    return EncodedTexts(
        ids=np.concatenate(ordered) if ordered else np.zeros(0, np.uint32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        given_up=given_up,
    )


def restore_order(ids: NDArray[np.uint32], sentinels: tuple[int, ...]) -> NDArray[np.uint32]:
    """Return the ids of one document in the order of its text, without sentinels.

    Args:
        ids: The ids of a document, without EOS.
        sentinels: The ids of prefix, suffix and middle, as the manifest has them; empty for a source without any.
    """
    if not sentinels or len(ids) == 0 or ids[0] != sentinels[0]:
        return ids
    suffix_at = int(np.flatnonzero(ids == sentinels[1])[0])
    middle_at = int(np.flatnonzero(ids == sentinels[2])[0])
    return np.concatenate([ids[1:suffix_at], ids[middle_at + 1 :], ids[suffix_at + 1 : middle_at]])


def _arrange(three: list[NDArray[np.uint32]], fim: Infilling, *, is_spm: bool) -> list[NDArray[np.uint32]]:
    before, middle, after = three
    prefix_id, suffix_id, middle_id = (np.array([each], np.uint32) for each in fim.ids)
    if is_spm:
        return [prefix_id, suffix_id, after, middle_id, before, middle]
    return [prefix_id, before, suffix_id, after, middle_id, middle]


def _cut_in_three(texts: TextColumn, keys: NDArray[np.uint64], is_chosen: NDArray[np.bool_]) -> TextColumn:
    """Return the same bytes with more offsets: the chosen documents as prefix, middle and suffix."""
    draws = np.sort(np.stack([_draw(keys, 2), _draw(keys, 3)], axis=1), axis=1)
    offsets: list[int] = [int(texts.offsets[0])]
    for document in range(len(keys)):
        start, end = int(texts.offsets[document]), int(texts.offsets[document + 1])
        if is_chosen[document]:
            starts = np.flatnonzero((texts.data[start:end] & 0xC0) != 0x80)  # of characters
            places = np.append(starts, end - start)
            offsets += [start + int(places[int(draw * len(places))]) for draw in draws[document]]
        offsets.append(end)
    return TextColumn(texts.data, np.array(offsets, np.int64))


def _draw(keys: NDArray[np.uint64], number: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each key; two numbers give unrelated draws."""
    mixed = mix64(keys ^ np.uint64(hash_integers(_FIM, number)))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
