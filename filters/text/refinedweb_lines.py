r"""Line corrections of RefinedWeb as DCLM reads them: what goes from a text, and how many of its words.

A line lies between two newlines (U+000A) and is judged without the whitespace around it; lines that are blank stay. A
word is a maximal run of characters that are not whitespace, at least one of them a letter or a digit. These go, for the
first reason that holds, each with the newline that ends it:

1. lines with more upper-case characters than half of all their characters,
2. lines of the digits 0 to 9 alone,
3. counters: a number (digits, commas, full stops, then perhaps K, M or B), whitespace, and one of COUNTED, in either
   case, among characters that are neither letters, digits nor '_',
4. lines of fewer than 2 words.

In the other lines of at most 10 words these phrases are cut, in just this spelling, as whole words: "items in cart";
"Read more..." at the end; "Sign-in" at the beginning. The whitespace character before the phrase goes too, or, where
nothing before it stays, the one after it. A line of which nothing stays goes whole. Blank lines that meet because a
line between them went are cut to one.
"""

import numpy as np
from numpy.typing import NDArray

from filters.columns import TextColumn
from filters.edits import SPAN
from filters.kernels import kernel
from filters.text.characters import ALPHANUMERIC, WHITESPACE
from filters.text.letter_case import UPPER_CASE, cased_classes
from filters.utf8 import character_at

COUNTED = (
    "likes",
    "shares",
    "comments",
    "retweets",
    "reposts",
    "quotes",
    "bookmarks",
    "upvotes",
    "downvotes",
    "downloads",
    "views",
    "followers",
)
REASONS = (
    "refinedweb_upper_case",
    "refinedweb_numeric",
    "refinedweb_counter",
    "refinedweb_short",
    "refinedweb_items_in_cart",
    "refinedweb_read_more",
    "refinedweb_sign_in",
    "refinedweb_blank_line",
)

_ROOM = 1 << 14  # spans that are found in one go
_MAX_LINE_SPANS = 32  # a line of ten words holds fewer phrases
_UPPER, _NUMERIC, _COUNTER, _SHORT, _CART, _READ_MORE, _SIGN_IN, _BLANK_LINE = range(len(REASONS))
_PHRASES = tuple(np.frombuffer(phrase, np.uint8).copy() for phrase in (b"items in cart", b"Read more...", b"Sign-in"))
_CART_BYTES, _READ_MORE_BYTES, _SIGN_IN_BYTES = _PHRASES
_NOUNS = np.frombuffer("".join(COUNTED).encode(), np.uint8).copy()
_NOUN_ENDS = np.cumsum([len(noun) for noun in COUNTED])
_MIN_WORDS, _MAX_PHRASE_WORDS = 2, 10
_NEWLINE, _UNDERSCORE = np.uint8(ord("\n")), np.uint8(ord("_"))
_ZERO, _NINE, _COMMA, _DOT = (np.uint8(ord(each)) for each in "09,.")
_K, _M, _B = (np.uint8(ord(each)) for each in "kmb")
_LOWER_CASE = np.uint8(0x20)
_SPACE_BIT, _LETTER_BIT, _UPPER_BIT = np.uint8(WHITESPACE), np.uint8(ALPHANUMERIC), np.uint8(UPPER_CASE)
_ASCII_END = np.uint8(0x80)
_Line = tuple[int, int, int, int, int, int, int]


def correct_lines(texts: TextColumn) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Return the spans of all documents, and the words of each and those that go, shape (num_documents, 2)."""
    words = np.zeros((texts.num_documents, 2), np.int64)
    found = [np.zeros(0, SPAN)]
    place = np.array([0, texts.offsets[0], 0, 0], np.int64)
    while place[0] < texts.num_documents:
        spans = np.empty(_ROOM, SPAN)
        found.append(spans[: _find(texts.data, texts.offsets, cased_classes(), place, spans, words)])
    return np.concatenate(found), words


@kernel
def _find(
    text: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    classes: NDArray[np.uint8],
    place: NDArray[np.int64],
    spans: NDArray[np.void],
    words: NDArray[np.int64],
) -> int:
    """Fill in spans and add up words from a place until the spans are full; return how many there are.

    The place is document, byte, newlines in a row that stay there, and whether a line went among them; it is moved on.
    """
    num_spans, newlines, went = 0, place[2], place[3]
    for d in range(place[0], len(offsets) - 1):
        i, end = max(place[1], offsets[d]), offsets[d + 1]
        if i == offsets[d]:
            newlines, went = 0, 0
        while i < end:
            if num_spans + _MAX_LINE_SPANS > len(spans):
                place[0], place[1], place[2], place[3] = d, i, newlines, went
                return num_spans
            line = _read_line(text, i, end, classes)
            after, is_empty = min(line[0] + 1, end), line[0] == i
            num_found, reason, num_words = _correct_line(text, line, classes, spans[num_spans:])
            words[d, 0] += line[6]
            words[d, 1] += num_words
            if is_empty and went and newlines >= 2:
                reason = _BLANK_LINE
            if reason >= 0:
                spans[num_spans].start, spans[num_spans].end, spans[num_spans].reason = i, after, reason
                num_found, went = 1, 1
            elif is_empty:
                newlines += 1
            else:
                newlines, went = 1, 0
            for k in range(num_spans, num_spans + num_found):
                span = spans[k]
                span.document, span.start, span.end = d, span.start - offsets[d], span.end - offsets[d]
            num_spans += num_found
            i = after
    place[0] = len(offsets) - 1
    return num_spans


@kernel
def _read_line(text: NDArray[np.uint8], i: int, end: int, classes: NDArray[np.uint8]) -> _Line:
    """Return a line from byte i.

    Its end; the beginning and end of what is not whitespace around it; in between the numbers of characters, of
    upper-case ones and of digits; its words.
    """
    first, last = end, i
    num_characters, num_trailing, num_upper, num_digits, num_words = 0, 0, 0, 0, 0
    in_word = np.uint8(0)
    while i < end and text[i] != _NEWLINE:
        start = i
        if text[i] < _ASCII_END:
            found = classes[text[i]]
            i += 1
        else:
            code_point, i = character_at(text, i, end)
            found = classes[code_point]
        if found & _SPACE_BIT:
            num_words += in_word != 0
            in_word = np.uint8(0)
            num_trailing += 1
        else:
            first = min(first, start)
            last = i
            num_characters += num_trailing + 1
            num_trailing = 0
            num_upper += found & _UPPER_BIT != 0
            num_digits += _ZERO <= text[start] <= _NINE
            in_word |= found & _LETTER_BIT
        if num_characters == 0:
            num_trailing = 0
    num_words += in_word != 0
    return i, min(first, last), last, num_characters, num_upper, num_digits, num_words


@kernel
def _correct_line(
    text: NDArray[np.uint8], line: _Line, classes: NDArray[np.uint8], cuts: NDArray[np.void]
) -> tuple[int, int, int]:
    """Fill in the phrases that are cut from a line, as bytes of the text.

    Return how many there are; why the line goes whole, -1 where it does not; the words that go.
    """
    num_words = line[6]
    reason = _reason_to_remove(text, line, classes)
    if reason >= 0:
        return 0, reason, num_words
    num_cuts = _find_phrases(text, line, classes, cuts) if 0 < num_words <= _MAX_PHRASE_WORDS else 0
    if num_cuts == 0:
        return 0, -1, 0
    num_left, is_left = _count_left(text, line, classes, cuts[:num_cuts])
    if not is_left:
        return 0, cuts[0].reason, num_words
    return num_cuts, -1, num_words - num_left


@kernel
def _reason_to_remove(text: NDArray[np.uint8], line: _Line, classes: NDArray[np.uint8]) -> int:
    """Return why a line goes, -1 where it stays."""
    _, first, last, num_characters, num_upper, num_digits, num_words = line
    if first == last:
        return -1
    if 2 * num_upper > num_characters:
        return _UPPER
    if num_digits == num_characters:
        return _NUMERIC
    if num_digits and _is_counter(text, first, last, classes):
        return _COUNTER
    return _SHORT if num_words < _MIN_WORDS else -1


@kernel
def _is_counter(text: NDArray[np.uint8], i: int, end: int, classes: NDArray[np.uint8]) -> bool:
    """Return whether bytes [i, end) are a number and what it counts, among characters that belong to no word."""
    i = _skip_marks(text, i, end, classes)
    if i == end or not _ZERO <= text[i] <= _NINE:
        return False
    while i < end and (_ZERO <= text[i] <= _NINE or text[i] in (_COMMA, _DOT)):
        i += 1
    if i < end and text[i] | _LOWER_CASE in (_K, _M, _B):
        i += 1
    gap = i
    while i < end:
        after, found = _class_at(text, i, end, classes)
        if not found & _SPACE_BIT:
            break
        i = after
    if i == gap:
        return False
    start = 0
    for k in range(len(_NOUN_ENDS)):
        size = _NOUN_ENDS[k] - start
        is_same = i + size <= end
        for j in range(size):
            is_same = is_same and text[i + j] | _LOWER_CASE == _NOUNS[start + j]
        if is_same:
            return bool(_skip_marks(text, i + size, end, classes) == end)
        start = _NOUN_ENDS[k]
    return False


@kernel
def _skip_marks(text: NDArray[np.uint8], i: int, end: int, classes: NDArray[np.uint8]) -> int:
    """Return the first byte from i that begins a letter, a digit or '_'; the end where there is none."""
    while i < end:
        after, found = _class_at(text, i, end, classes)
        if found & _LETTER_BIT or text[i] == _UNDERSCORE:
            break
        i = after
    return i


@kernel
def _find_phrases(text: NDArray[np.uint8], line: _Line, classes: NDArray[np.uint8], cuts: NDArray[np.void]) -> int:
    """Fill in the phrases of a line that are cut, as bytes of the text; return how many there are."""
    _, first, last, _, _, _, _ = line
    num_cuts, cut_end, is_left, i = 0, first, False, first
    while i < last:
        size, reason = _phrase_at(text, first, i, last, classes)
        if size == 0:
            i += 1
            continue
        start, stop = i, i + size
        is_left = is_left or start > cut_end
        if is_left:
            before, found = _class_before(text, start, first, classes)
            start = max(before, cut_end) if found & _SPACE_BIT else start
        elif stop < last:
            after, found = _class_at(text, stop, last, classes)
            stop = after if found & _SPACE_BIT else stop
        cuts[num_cuts].start, cuts[num_cuts].end, cuts[num_cuts].reason = start, stop, reason
        num_cuts += 1
        cut_end = i = stop
    return num_cuts


@kernel
def _phrase_at(text: NDArray[np.uint8], first: int, i: int, last: int, classes: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the size and the reason of the phrase at byte i of a line, 0 where there is none."""
    if text[i] == _CART_BYTES[0] and _is_at(text, i, last, _CART_BYTES):
        size, reason = len(_CART_BYTES), _CART
    elif i + len(_READ_MORE_BYTES) == last and _is_at(text, i, last, _READ_MORE_BYTES):
        size, reason = len(_READ_MORE_BYTES), _READ_MORE
    elif i == first and _is_at(text, i, last, _SIGN_IN_BYTES):
        size, reason = len(_SIGN_IN_BYTES), _SIGN_IN
    else:
        return 0, 0
    before, found_before = _class_before(text, i, first, classes)
    if i > first and (found_before & _LETTER_BIT or text[before] == _UNDERSCORE):
        return 0, 0
    if i + size < last:
        _, found_after = _class_at(text, i + size, last, classes)
        if found_after & _LETTER_BIT or text[i + size] == _UNDERSCORE:
            return 0, 0
    return size, reason


@kernel
def _is_at(text: NDArray[np.uint8], i: int, end: int, phrase: NDArray[np.uint8]) -> bool:
    is_same = i + len(phrase) <= end
    for k in range(len(phrase) if is_same else 0):
        is_same = is_same and text[i + k] == phrase[k]
    return is_same


@kernel
def _count_left(
    text: NDArray[np.uint8], line: _Line, classes: NDArray[np.uint8], cuts: NDArray[np.void]
) -> tuple[int, bool]:
    """Return the words that a line has without its cuts, and whether anything but whitespace is left."""
    _, i, last, _, _, _, _ = line
    num_words, is_left, in_word, k = 0, False, np.uint8(0), 0
    while i < last:
        if k < len(cuts) and i == cuts[k].start:
            i, k = cuts[k].end, k + 1
            continue
        i, found = _class_at(text, i, last, classes)
        if found & _SPACE_BIT:
            num_words += in_word != 0
            in_word = np.uint8(0)
        else:
            is_left = True
            in_word |= found & _LETTER_BIT
    return num_words + (in_word != 0), is_left


@kernel
def _class_at(text: NDArray[np.uint8], i: int, end: int, classes: NDArray[np.uint8]) -> tuple[int, np.uint8]:
    """Return the place after the character at byte i, and its classes."""
    if text[i] < _ASCII_END:
        return i + 1, classes[text[i]]
    code_point, after = character_at(text, i, end)
    return after, classes[code_point]


@kernel
def _class_before(text: NDArray[np.uint8], i: int, first: int, classes: NDArray[np.uint8]) -> tuple[int, np.uint8]:
    """Return the place of the character before byte i, and its classes; no class where there is none."""
    if i == first:
        return i, np.uint8(0)
    start = i - 1
    while start > first and text[start] & np.uint8(0xC0) == _ASCII_END:
        start -= 1
    _, found = _class_at(text, start, i, classes)
    return start, found
