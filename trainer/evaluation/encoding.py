"""Text to tokens for evaluation: whole texts, and continuations that are tokenized together with their context.

A continuation's tokens are those that context and continuation have together beyond the number that the context has
alone; white space at the end of a context counts to the continuation. So does lm-eval (lm_eval/api/model.py,
`_encode_pair`). Special tokens are neither added nor read in a text, as in the token files of a mix.
"""

from collections.abc import Sequence

from tokenizers import Tokenizer

from mixes.errors import DataError

Pair = tuple[list[int], list[int]]


class Encoder:
    """A tokenizer.json, and the token that a text without a context follows.

    Args:
        content: of the file, uncompressed.
        prefix_id: the token that stands before a text's first: BOS, or EOS where there is none.

    Raises:
        DataError: the content is no tokenizer.
    """

    def __init__(self, content: bytes, prefix_id: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_str(content.decode())
        except Exception as error:  # the library raises nothing narrower
            raise DataError(f"tokenizer.json: found no tokenizer: {error}; wanted one of the tokenizers library") from (
                error
            )
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.prefix_id = prefix_id

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text."""
        return [list(each.ids) for each in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of tokens; bytes that are no UTF-8, as of a letter not yet whole, are U+FFFD."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    @property
    def num_ids(self) -> int:
        """Return the number of its tokens, added ones included."""
        return int(self._tokenizer.get_vocab_size())

    def pairs(self, texts: Sequence[tuple[str, str]]) -> list[Pair]:
        """Return the tokens of each (context, continuation); an empty context is the prefix token.

        Raises:
            DataError: a continuation has no token of its own, as it makes one with the end of its context.
        """
        moved = [_with_spaces_moved(*pair) for pair in texts]
        contexts = list(dict.fromkeys(context for context, _ in moved))
        encoded = self.encode([*contexts, *(context + following for context, following in moved)])
        context_ids = dict(zip(contexts, encoded[: len(contexts)], strict=True))
        found = []
        for (context, following), whole in zip(moved, encoded[len(contexts) :], strict=True):
            before = context_ids[context] if context else []
            if len(whole) <= len(before):
                raise DataError(
                    f"found {following!r:.80} without a token of its own after {context[-80:]!r}; leave it out"
                )
            found.append((before or [self.prefix_id], whole[len(before) :]))
        return found


def _with_spaces_moved(context: str, following: str) -> tuple[str, str]:
    """Return a context without white space at its end, which stands before the continuation instead."""
    stripped = context.rstrip()
    return stripped, context[len(stripped) :] + following
