r"""What C4 looks at in each line of a page: its words and sentences, its end, and the phrases it holds.

Capitals of ASCII count as small letters. A citation is `\[[0-9]*\]`, `[edit]` or `[citation needed]`; whitespace in
front of it stays, so a line that ends in " [1]" ends in a space, which is no terminal mark.

Sentences are counted by words: one ends with each word whose last character, closing quotes and brackets aside, is
. ! or ?, and with the line. A period does not count after a single letter ("J."), after an abbreviation of a list
("Dr.", "etc.") or, where a small letter follows, in a word with another period inside ("p.m.", "so...").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filters.blocks import BLOCK, bytes_between, lowest_bit
from filters.columns import TextColumn
from filters.kernels import kernel
from filters.text.segments import Segments, segment

MAX_WORD = 1_000
POLICY_PHRASES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
CLOSERS = "\"')]}\u2019\u201d"
ABBREVIATIONS = (
    *("mr", "mrs", "ms", "dr", "prof", "rev", "st", "jr", "sr", "gen", "col", "capt", "lt", "sgt", "sen", "rep", "gov"),
    *("vs", "etc", "al", "cf", "e.g", "i.e", "ca", "approx", "no", "nos", "vol", "fig", "pp", "ed", "eds"),
    *("dept", "est", "inc", "ltd", "co", "corp", "bros", "ave", "blvd", "mt", "ft"),
    *("jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"),
)

LONG_WORD, NO_MARK, ELLIPSIS, JAVASCRIPT, POLICY, LOREM_IPSUM, CURLY_BRACKET = (1 << bit for bit in range(7))
"""What is wrong with a line: bits of `LINE_FACTS.problems`."""

LINE_FACTS = np.dtype(
    [
        ("words", np.int64),
        ("sentences", np.int64),
        ("longest_word", np.int64),  # characters
        ("problems", np.uint8),
    ],
    align=True,
)
_Bounds = tuple[NDArray[np.int64], NDArray[np.int64]]
CITATION = np.dtype([("line", np.int64), ("start", np.int64), ("end", np.int64)])  # bytes of the segments' text

_ASCII_END, _ZERO, _NINE, _SMALL_A, _SMALL_Z = 0x80, ord("0"), ord("9"), ord("a"), ord("z")
_CLOSING, _DOT, _EXCLAMATION, _QUESTION = (ord(mark) for mark in "].!?")
_SQUARE, _CURLY, _ANY_CASE = ord("["), ord("{"), 0x20


def _byte_table(characters: str) -> NDArray[np.bool_]:
    """Return True for each byte that is the last one of a character, shape (256,)."""
    table = np.zeros(256, np.bool_)
    table[[character.encode()[-1] for character in characters]] = True
    return table


def _padded(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the bytes of texts, shape (num_texts, longest), and the size of each."""
    sizes = [len(text) for text in texts]
    table = np.array([[*text.encode().ljust(max(sizes), b"\0")] for text in texts], np.uint8)
    return table, np.array(sizes, np.int64)


def _rare_places(phrases: Sequence[str]) -> NDArray[np.int64]:
    """Return where in each phrase three letters of `_RARE` stand, shape (num_phrases,)."""
    return np.array([max(phrase.find(rare) for rare in _RARE) for phrase in phrases], np.int64)


_NONE, _ONE, _SIX = (np.uint64(number) for number in (0, 1, 6))
_RARE = ("vas", "psu", "rms", "vac", "oki")
"""Three letters in a row of which each phrase has one, and few other words."""
_RARE_BYTES = np.array([[*rare.encode()] for rare in _RARE], np.uint8)

_PHRASES = ("javascript", "lorem ipsum", *POLICY_PHRASES)
_PHRASE_BYTES, _PHRASE_SIZES = _padded(_PHRASES)
_PHRASE_PROBLEMS = np.array([JAVASCRIPT, LOREM_IPSUM] + [POLICY] * len(POLICY_PHRASES), np.uint8)
_RARE_PLACES = _rare_places(_PHRASES)
assert _RARE_PLACES.min() >= 0, "each phrase is found by the rare letters in it"
_MARKERS, _MARKER_SIZES = _padded(("[edit]", "[citation needed]"))
_SMALL = np.array([byte | 0x20 if chr(byte).isupper() and byte < _ASCII_END else byte for byte in range(256)], np.uint8)
_IS_LETTER = np.array([byte < _ASCII_END and chr(byte).isalpha() for byte in range(256)], np.bool_)
_IS_MARK, _CLOSES, _OPENS = _byte_table('.!?"'), _byte_table(CLOSERS), _byte_table("\"'([{")
_MAY_END = _byte_table(".!?" + CLOSERS)
_MAX_ABBREVIATION = 8
_ABBREVIATION_CODES = np.array([int.from_bytes(word.encode(), "big") for word in ABBREVIATIONS], np.uint64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PageLines:
    """The lines of segments as C4 sees them; blank lines are none.

    Attributes:
        starts: where each line begins in the segments' text, whitespace before it aside, shape (num_lines,), int64.
        ends: where it ends, whitespace aside.
        as_read: facts of the lines as they are, shape (num_lines,), dtype LINE_FACTS.
        facts: the same once citations are taken out.
        citations: in order, dtype CITATION.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    as_read: NDArray[np.void]
    facts: NDArray[np.void]
    citations: NDArray[np.void]


def page_lines(segments: Segments) -> PageLines:
    """Return what C4 looks at in each line."""
    starts, ends = _bounds(segments)
    as_read, citations = _facts_of(segments, (starts, ends))
    facts = as_read
    if len(citations):
        facts = as_read.copy()
        cited, facts_of_cited = _without_citations(segments.text, (starts, ends), citations)
        facts_of_cited["problems"] |= as_read["problems"][cited] & LONG_WORD  # C4 looks for them before it takes out
        facts[cited] = facts_of_cited
    return PageLines(starts=starts, ends=ends, as_read=as_read, facts=facts, citations=citations)


def _bounds(segments: Segments) -> _Bounds:
    """Return where each line begins and ends, whitespace around it aside."""
    starts, ends = np.empty(len(segments.lines), np.int64), np.empty(len(segments.lines), np.int64)
    _fill_bounds(segments.words, segments.word_offsets, starts, ends)
    return starts, ends


def _facts_of(segments: Segments, bounds: _Bounds) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return the facts of lines as they are, shape (num_lines,), dtype LINE_FACTS; and the citations in them."""
    text = segments.text
    facts = np.zeros(len(segments.lines), LINE_FACTS)
    _fill_facts(text, segments.words, segments.word_offsets, facts)
    num_whole = max(len(text) - len(_RARE[0]) + 1, 0) // BLOCK
    tail = np.zeros(3 * BLOCK, np.uint8)
    tail[: len(text) - num_whole * BLOCK] = text[num_whole * BLOCK :]
    places = np.empty((num_whole + 2, 3), np.uint64)
    _find_places(text, places[:num_whole])
    _find_places(tail, places[num_whole:])
    num_brackets = int(np.bitwise_count(places[:, 0]).sum())
    citations = np.empty(num_brackets, CITATION)
    num_citations = _look_at(text, places, bounds, facts, citations)
    return facts, citations[:num_citations]


def _without_citations(
    text: NDArray[np.uint8], bounds: _Bounds, citations: NDArray[np.void]
) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Return the lines that hold citations, and the facts of what is left of each; long words were sought before."""
    cited = np.unique(citations["line"])
    starts, ends = bounds[0][cited], bounds[1][cited]
    rank = np.searchsorted(cited, citations["line"])
    lost = np.bincount(rank, citations["end"] - citations["start"], len(cited)).astype(np.int64)
    offsets = np.zeros(len(cited) + 1, np.int64)
    np.cumsum(ends - starts - lost, out=offsets[1:])
    data = np.empty(offsets[-1], np.uint8)
    gaps = (citations["start"].copy(), citations["end"].copy())  # in one layout, however many there are
    _copy_between(text, (starts, ends), gaps, data)
    left = segment(TextColumn(data, offsets))  # each line a document, of one line or of none
    facts = np.zeros(len(cited), LINE_FACTS)
    facts["problems"] = NO_MARK
    holds_words = np.diff(left.document_lines) > 0
    last = np.zeros(len(cited), np.int64)
    left_bounds = _bounds(left)
    last[holds_words] = left_bounds[1]
    facts[holds_words] = _facts_of(left, left_bounds)[0]
    ends_in_space = last != offsets[1:]
    problems = facts["problems"]
    problems[ends_in_space] = problems[ends_in_space] & ~np.uint8(ELLIPSIS) | NO_MARK
    problems &= ~np.uint8(LONG_WORD)
    return cited, facts


@kernel
def _fill_bounds(
    words: NDArray[np.void], offsets: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> None:
    for line in range(len(starts)):
        starts[line], ends[line] = words[offsets[line]].start, words[offsets[line + 1] - 1].end


@kernel
def _fill_facts(
    text: NDArray[np.uint8], words: NDArray[np.void], offsets: NDArray[np.int64], facts: NDArray[np.void]
) -> None:
    for line in range(len(facts)):
        w, last = np.uint64(offsets[line]), np.uint64(offsets[line + 1] - 1)
        start, end = words[w].start, words[last].end
        longest, sentences = words[last].characters, 1
        while w < last:
            longest = max(longest, words[w].characters)
            if _MAY_END[text[np.uint64(words[w].end) - _ONE]]:
                sentences += _ends_sentence(text, words[w].start, words[w].end, words[w + _ONE].start)
            w += _ONE
        fact = facts[line]
        fact.words, fact.sentences, fact.longest_word = offsets[line + 1] - offsets[line], sentences, longest
        fact.problems = _mark_problems(text, start, end)
        fact.problems |= LONG_WORD if longest > MAX_WORD else 0


@kernel
def _mark_problems(text: NDArray[np.uint8], start: int, end: int) -> int:
    if not _IS_MARK[text[end - 1]]:
        return NO_MARK
    is_ellipsis = end - start >= 3 and text[end - 1] == _DOT and text[end - 2] == _DOT and text[end - 3] == _DOT
    return ELLIPSIS if is_ellipsis else 0


@kernel
def _find_places(text: NDArray[np.uint8], places: NDArray[np.uint64]) -> None:
    """Fill masks of each block: '[', '{', and where three rare letters begin, in either case."""
    for block in range(len(places)):
        i = np.uint64(block) << _SIX
        places[block, 0] = bytes_between(text, i, 0, _SQUARE, _SQUARE)
        places[block, 1] = bytes_between(text, i, 0, _CURLY, _CURLY)
        rare = _NONE
        for k in range(len(_RARE_BYTES)):
            first, second, third = _RARE_BYTES[k]
            found = bytes_between(text, i, _ANY_CASE, first, first)
            found &= bytes_between(text, i + _ONE, _ANY_CASE, second, second)
            rare |= found & bytes_between(text, i + _ONE + _ONE, _ANY_CASE, third, third)
        places[block, 2] = rare


@kernel
def _look_at(
    text: NDArray[np.uint8],
    places: NDArray[np.uint64],
    bounds: _Bounds,
    facts: NDArray[np.void],
    citations: NDArray[np.void],
) -> int:
    """Add the problems of braces and phrases to their lines, and fill citations; return how many those are.

    What is looked at is no whitespace, so it lies in a line.
    """
    starts, ends = bounds
    line, num_citations = 0, 0
    for block in range(len(places)):
        square, curly, rare = places[block]
        asked = square | curly | rare
        while asked:
            bit = asked & (~asked + _ONE)
            asked ^= bit
            i = (block << 6) + int(lowest_bit(bit))
            while ends[line] <= i:
                line += 1
            if bit & square:
                end = _citation_end(text, i, ends[line])
                citation = citations[num_citations]
                citation.line, citation.start, citation.end = line, i, end
                num_citations += end > 0
            elif bit & curly:
                facts[line].problems |= CURLY_BRACKET
            else:
                facts[line].problems |= _phrases_around(text, i, starts[line], ends[line])
    return num_citations


@kernel
def _phrases_around(text: NDArray[np.uint8], i: int, start: int, end: int) -> int:
    """Return the problems of the phrases in [start, end) whose rare letters lie at byte i."""
    found = 0
    for phrase in range(len(_RARE_PLACES)):
        if i - _RARE_PLACES[phrase] >= start:
            found |= _phrase_problem(text, phrase, i - _RARE_PLACES[phrase], end)
    return found


@kernel
def _phrase_problem(text: NDArray[np.uint8], phrase: int, i: int, end: int) -> int:
    """Return the problem of a phrase if it lies at byte i, before `end`, else 0."""
    size = _PHRASE_SIZES[phrase]
    if i + size > end:
        return 0
    for k in range(size):
        if _SMALL[text[i + k]] != _PHRASE_BYTES[phrase, k]:
            return 0
    return int(_PHRASE_PROBLEMS[phrase])


@kernel
def _ends_sentence(text: NDArray[np.uint8], start: int, end: int, following: int) -> bool:
    """Return whether a sentence ends with the word of bytes [start, end), and not with the line; another follows."""
    last = end - 1
    size = _closer_size(text, start, last)
    while size > 0 and last - size >= start:
        last -= size
        size = _closer_size(text, start, last)
    if text[last] != _DOT:
        return bool(text[last] == _EXCLAMATION or text[last] == _QUESTION)
    while start < last and _OPENS[text[start]]:
        start += 1
    if (last - start == 1 and _IS_LETTER[text[start]]) or _is_abbreviation(text, start, last):
        return False
    if text[following] < _SMALL_A or text[following] > _SMALL_Z:
        return True
    for i in range(start, last):  # noqa: SIM110  (no generators in kernels)
        if text[i] == _DOT:
            return False
    return True


@kernel
def _closer_size(text: NDArray[np.uint8], start: int, last: int) -> int:
    """Return the bytes of the closing quote or bracket that ends with byte `last`; 0 where there is none."""
    if text[last] < _ASCII_END:
        return int(_CLOSES[text[last]])
    if last - start < 2 or text[last - 2] != 0xE2 or text[last - 1] != 0x80:
        return 0
    return 3 if text[last] in (0x99, 0x9D) else 0


@kernel
def _is_abbreviation(text: NDArray[np.uint8], start: int, end: int) -> bool:
    """Return whether bytes [start, end) are of the list; no byte becomes a letter but the letter's own capital."""
    if end - start > _MAX_ABBREVIATION:
        return False
    code = np.uint64(0)
    for i in range(start, end):
        code = code << np.uint64(8) | np.uint64(_SMALL[text[i]])
    found = False
    for k in range(len(_ABBREVIATION_CODES)):
        found |= code == _ABBREVIATION_CODES[k]
    return found


@kernel
def _citation_end(text: NDArray[np.uint8], start: int, limit: int) -> int:
    """Return the end of the citation that begins with the '[' at `start`, before `limit`; 0 where none does."""
    i = start + 1
    while i < limit and _ZERO <= text[i] <= _NINE:
        i += 1
    if i < limit and text[i] == _CLOSING:
        return i + 1
    for marker in range(len(_MARKER_SIZES)):
        size = _MARKER_SIZES[marker]
        matched = 0
        while matched < size and start + matched < limit and text[start + matched] == _MARKERS[marker, matched]:
            matched += 1
        if matched == size:
            return int(start + size)
    return 0


@kernel
def _copy_between(
    text: NDArray[np.uint8],
    lines: tuple[NDArray[np.int64], NDArray[np.int64]],
    gaps: tuple[NDArray[np.int64], NDArray[np.int64]],
    data: NDArray[np.uint8],
) -> None:
    """Copy lines one after another without the gaps, which are in order and each inside a line."""
    filled, gap = 0, 0
    for line in range(len(lines[0])):
        i, end = lines[0][line], lines[1][line]
        while i < end:
            if gap < len(gaps[0]) and gaps[0][gap] == i:
                i = gaps[1][gap]
                gap += 1
            else:
                data[filled] = text[i]
                filled, i = filled + 1, i + 1
