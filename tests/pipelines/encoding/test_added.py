"""Tests of the search for added tokens: equal to a slow search, at the edges of texts and of each other."""

from collections.abc import Iterator

import pyarrow as pa
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st

from filters.columns import TextColumn
from pipelines.encoding.added import AddedTokens
from pipelines.encoding.definition import AddedToken

_CONTENTS = ("<a>", "<a><b", "|||", "<s>", "é", "x")
_SPECIAL = {"<s>"}
_TOKENS = [
    AddedToken(id=number, content=content, is_special=content in _SPECIAL, is_plain=True, is_normalized=False)
    for number, content in enumerate(_CONTENTS)
]


def _slow(text: bytes) -> Iterator[tuple[int, int, int]]:
    start = 0
    while start < len(text):
        here = [token for token in _TOKENS if text.startswith(token.content.encode(), start)]
        longest = max(here, key=lambda token: len(token.content.encode()), default=None)
        end = start + (len(longest.content.encode()) if longest else 1)
        if longest and not longest.is_special:
            yield start, end, longest.id
        start = end


@seed(1)
@settings(max_examples=200)
@given(texts=st.lists(st.lists(st.sampled_from([*_CONTENTS, "<", "a>", "|", "b", "ö"]), max_size=9).map("".join)))
@example(["x", "", "<a", "><b|||", "||", "|<a><b>", "é"])
@example(["||||" * 100])  # more than there is room for at first
def test_added_tokens_are_found_as_a_slow_search_finds_them(texts: list[str]) -> None:
    column = TextColumn.from_arrow(pa.array(["before", *texts], pa.string()).slice(1))
    expected = [
        (start + offset, end + offset, token)
        for text, offset in zip(texts, column.offsets.tolist(), strict=False)
        for start, end, token in _slow(text.encode())
    ]
    assert AddedTokens(_TOKENS).find(column).tolist() == expected


def test_a_tokenizer_with_special_tokens_alone_has_none_to_find() -> None:
    special = [token for token in _TOKENS if token.is_special]
    assert len(AddedTokens(special).find(TextColumn.from_arrow(pa.array(["a <s> b"])))) == 0
