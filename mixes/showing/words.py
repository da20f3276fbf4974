"""Words about a document that a terminal and a page share."""

import json

from mixes.showing.documents import ShownDocument
from pages.figures import things

_CHARACTERS, _TOKENS = 2_000, 400  # of a long document, unless all of it is wanted


def seen_words(document: ShownDocument) -> str:
    """Return how often the mix sees a document: '2 times: 1 whole epoch and the prefix'."""
    if document.held_out:
        return "never: held out for validation"
    if document.times_seen == 0:
        return "never: left over by the token budget"
    parts = [things(document.whole_epochs, "whole epoch")] if document.whole_epochs else []
    parts += ["the prefix"] if document.in_prefix else []
    return f"{things(document.times_seen, 'time')}: {' and '.join(parts)}"


def licence_words(document: ShownDocument) -> str:
    """Return what is known of a document's licence."""
    if document.licences:
        return f"one of {', '.join(document.licences)}, by a rule of the source"
    return "not limited by a rule: that of its origin"


def piece_words(document: ShownDocument, number: int) -> str:
    r"""Return what one token of a document stands for, in quotes; bytes that are no character as `\xe2`."""
    if document.pieces is None:
        return ""
    if number == len(document.tokens) - 1:
        return "<EOS>"
    return json.dumps(document.pieces[number].decode("utf-8", "backslashreplace"), ensure_ascii=False)


def shortened(text: str, *, whole: bool) -> tuple[str, int]:
    """Return the beginning of a text and how many characters that leaves out."""
    if whole or len(text) <= _CHARACTERS:
        return text, 0
    return text[:_CHARACTERS], len(text) - _CHARACTERS


def tokens_shown(document: ShownDocument, *, whole: bool) -> int:
    """Return how many tokens of a document are shown."""
    return len(document.tokens) if whole else min(len(document.tokens), _TOKENS)
