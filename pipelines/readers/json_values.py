"""JSON values in bytes, for kernels: where they end, and what strings stand for.

Each kernel returns FAILED where there is no valid value, and at a few that are valid and rare: halves of surrogate
pairs and what is nested more than 60 deep. After the bytes there have to be zeros, as many as a block of lines has.
"""

import numpy as np
from numpy.typing import NDArray

from filters.blocks import eight_bytes, lowest_bit, put_eight_bytes
from filters.kernels import kernel

FAILED = np.uint64(2**64 - 1)
QUOTE, OPEN, CLOSE, COMMA, COLON = (np.uint8(ord(mark)) for mark in '"{},:')

_MAX_DEPTH = 60
_BACKSLASH, _OPEN_LIST, _CLOSE_LIST = (np.uint8(ord(mark)) for mark in "\\[]")
_SPACE, _TAB, _RETURN = (np.uint8(ord(mark)) for mark in " \t\r")
_MINUS, _PLUS, _DOT, _ZERO, _NINE = (np.uint8(ord(mark)) for mark in "-+.09")
_SMALL_E, _LARGE_E, _SMALL_U = (np.uint8(ord(mark)) for mark in "eEu")
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_SPACES, _QUOTES, _BACKSLASHES = (np.uint64(byte) * _ONES for byte in (0x20, 0x22, 0x5C))
_ONE, _THREE, _EIGHT = (np.uint64(number) for number in (1, 3, 8))
_TRUE, _FALSE, _NULL = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"null"))

_ESCAPES = np.zeros(256, np.uint8)  # the character for which each letter stands after a backslash
for _letter, _character in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    _ESCAPES[_letter] = _character
_HEX = np.full(256, 255, np.uint8)
for _digit in "0123456789abcdefABCDEF":
    _HEX[ord(_digit)] = int(_digit, 16)


@kernel
def skip_spaces(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the place of the next byte that is no space, tab or carriage return."""
    while data[i] == _SPACE or data[i] == _TAB or data[i] == _RETURN:
        i += _ONE
    return i


@kernel
def is_same(data: NDArray[np.uint8], start: np.uint64, end: np.uint64, word: NDArray[np.uint8]) -> bool:
    """Return whether bytes [start, end) are those of a word."""
    if end - start != np.uint64(len(word)):
        return False
    for k in range(len(word)):  # noqa: SIM110  (no generators in kernels)
        if data[start + np.uint64(k)] != word[k]:
            return False
    return True


@kernel
def _special(word: np.uint64) -> np.uint64:
    """Return bits, the lowest in the first of eight bytes that is a quote, a backslash or no printable ASCII."""
    quotes, backslashes = word ^ _QUOTES, word ^ _BACKSLASHES
    small = (word - _SPACES) & ~word
    return (word | small | ((quotes - _ONES) & ~quotes) | ((backslashes - _ONES) & ~backslashes)) & _HIGHS


@kernel
def _skip_plain(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the place of the next byte that is a quote, a backslash or no printable ASCII."""
    special = _special(eight_bytes(data, i))
    while special == 0:
        i += _EIGHT
        special = _special(eight_bytes(data, i))
    return i + (lowest_bit(special) >> _THREE)


@kernel
def skip_plain_string(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the place after the quote that ends a string without escapes, given the place after its first."""
    while True:
        i = _skip_plain(data, i)
        if data[i] == QUOTE:
            return i + _ONE
        size = _character_size(data, i)
        if size == 0:  # a backslash or a control character, too
            return FAILED
        i += size


@kernel
def _skip_string(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the place after the quote that ends a string, given the place after its first."""
    while True:
        i = _skip_plain(data, i)
        if data[i] == QUOTE:
            return i + _ONE
        if data[i] == _BACKSLASH:
            if _ESCAPES[data[i + _ONE]] != 0:
                i += np.uint64(2)
            else:
                code_unit = _escaped(data, i)
                if code_unit < 0 or (code_unit & 0xF800) == 0xD800:
                    return FAILED
                i += np.uint64(6)
        else:
            size = _character_size(data, i)
            if size == 0:
                return FAILED
            i += size


@kernel
def take_string(
    data: NDArray[np.uint8], i: np.uint64, target: NDArray[np.uint8], place: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Write what a string stands for, given the place after its first quote; return the places after both."""
    while True:
        word = eight_bytes(data, i)
        put_eight_bytes(target, place, word)
        special = _special(word)
        if special == 0:
            i += _EIGHT
            place += _EIGHT
            continue
        plain = lowest_bit(special) >> _THREE
        i += plain
        place += plain
        if data[i] == QUOTE:
            return i + _ONE, place
        if data[i] == _BACKSLASH:
            character = _ESCAPES[data[i + _ONE]]
            if character != 0:
                target[place] = character
                i += np.uint64(2)
                place += _ONE
            else:
                code_point, i = _take_escaped(data, i)
                if code_point < 0:
                    return FAILED, place
                place = _put_character(target, place, code_point)
        else:
            size = _character_size(data, i)
            if size == 0:
                return FAILED, place
            for _ in range(size):
                target[place] = data[i]
                i += _ONE
                place += _ONE


@kernel
def _escaped(data: NDArray[np.uint8], i: np.uint64) -> int:
    r"""Return the number in `\uXXXX`, -1 where that does not stand at byte i."""
    if data[i] != _BACKSLASH or data[i + _ONE] != _SMALL_U:
        return -1
    number = 0
    for k in range(2, 6):
        digit = _HEX[data[i + np.uint64(k)]]
        if digit == 255:
            return -1
        number = (number << 4) | digit
    return number


@kernel
def _take_escaped(data: NDArray[np.uint8], i: np.uint64) -> tuple[int, np.uint64]:
    """Return what an escape or a pair of surrogates stands for, -1 for anything else, and the place after it."""
    first = _escaped(data, i)
    i += np.uint64(6)
    if first < 0 or (first & 0xF800) != 0xD800:
        return first, i
    second = _escaped(data, i) if first < 0xDC00 else -1
    if second < 0xDC00 or second > 0xDFFF:
        return -1, i
    return 0x10000 + ((first & 0x3FF) << 10) + (second & 0x3FF), i + np.uint64(6)


@kernel
def _put_character(target: NDArray[np.uint8], place: np.uint64, code_point: int) -> np.uint64:
    """Write a code point as UTF-8; return the place after it."""
    if code_point < 0x80:
        target[place] = code_point
        return place + _ONE
    size = 2 if code_point < 0x800 else 3 if code_point < 0x10000 else 4
    target[place] = (0xF00 >> size) & 0xFF | (code_point >> (6 * (size - 1)))
    for k in range(1, size):
        target[place + np.uint64(k)] = 0x80 | ((code_point >> (6 * (size - 1 - k))) & 0x3F)
    return place + np.uint64(size)


@kernel
def _character_size(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the bytes of the character of two or more that stands at byte i, 0 where none does."""
    first, second = data[i], data[i + _ONE]
    if first < 0xC2 or first > 0xF4:
        return np.uint64(0)
    if first < 0xE0:
        return np.uint64(2) if second & 0xC0 == 0x80 else np.uint64(0)
    third = data[i + np.uint64(2)]
    if second & 0xC0 != 0x80 or third & 0xC0 != 0x80:
        return np.uint64(0)
    if first < 0xF0:
        wrong = (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F)
        return np.uint64(0) if wrong else np.uint64(3)
    wrong = (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F)
    return np.uint64(0) if wrong or data[i + _THREE] & 0xC0 != 0x80 else np.uint64(4)


@kernel
def skip_value(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the place after a value."""
    depth, objects = 0, np.uint64(0)
    while True:
        i, depth, objects = _descend(data, i, depth, objects)
        if i == FAILED:
            return FAILED
        i, depth, objects = _ascend(data, i, depth, objects)
        if depth == 0:
            return i
        i = skip_spaces(data, i + _ONE)  # past a comma
        if objects & _ONE:
            i = _skip_key(data, i)
            if i == FAILED:
                return FAILED


@kernel
def _descend(data: NDArray[np.uint8], i: np.uint64, depth: int, objects: np.uint64) -> tuple[np.uint64, int, np.uint64]:
    """Go to the end of the first value at byte i that holds no other; return the place after it, and how deep that is.

    Args:
        data: The lines.
        i: Where a value begins.
        depth: How many lists and objects hold it.
        objects: Bit k says that the one k further out is an object.
    """
    while data[i] == OPEN or data[i] == _OPEN_LIST:
        is_object = np.uint64(data[i] == OPEN)
        if depth == _MAX_DEPTH:
            return FAILED, 0, objects
        i = skip_spaces(data, i + _ONE)
        if data[i] == (CLOSE if is_object else _CLOSE_LIST):
            return i + _ONE, depth, objects
        depth += 1
        objects = (objects << _ONE) | is_object
        if is_object:
            i = _skip_key(data, i)
            if i == FAILED:
                return FAILED, 0, objects
    return _skip_scalar(data, i), depth, objects


@kernel
def _ascend(data: NDArray[np.uint8], i: np.uint64, depth: int, objects: np.uint64) -> tuple[np.uint64, int, np.uint64]:
    """Close what ends after a value: return the place of the comma that comes then, or after all that held it."""
    while depth > 0:
        i = skip_spaces(data, i)
        if data[i] == COMMA:
            break
        if data[i] != (CLOSE if objects & _ONE else _CLOSE_LIST):
            return FAILED, 0, objects
        depth -= 1
        objects >>= _ONE
        i += _ONE
    return i, depth, objects


@kernel
def _skip_key(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the place of the value after a key and its colon."""
    if data[i] != QUOTE:
        return FAILED
    i = _skip_string(data, i + _ONE)
    if i == FAILED:
        return FAILED
    i = skip_spaces(data, i)
    return skip_spaces(data, i + _ONE) if data[i] == COLON else FAILED


@kernel
def _skip_scalar(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    """Return the place after a string, number, true, false or null."""
    if data[i] == QUOTE:
        return _skip_string(data, i + _ONE)
    for k in range(3):
        word = _TRUE if k == 0 else _FALSE if k == 1 else _NULL
        if data[i] == word[0]:
            after = i + np.uint64(len(word))
            return after if is_same(data, i, after, word) else FAILED
    return _skip_number(data, i)


@kernel
def _skip_number(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    i += np.uint64(data[i] == _MINUS)
    after = i + _ONE if data[i] == _ZERO else _skip_digits(data, i)
    if after == i:
        return FAILED
    i = after
    if data[i] == _DOT:
        after = _skip_digits(data, i + _ONE)
        if after == i + _ONE:
            return FAILED
        i = after
    if data[i] == _SMALL_E or data[i] == _LARGE_E:
        i += _ONE
        i += np.uint64(data[i] == _PLUS or data[i] == _MINUS)
        after = _skip_digits(data, i)
        if after == i:
            return FAILED
        i = after
    return i


@kernel
def _skip_digits(data: NDArray[np.uint8], i: np.uint64) -> np.uint64:
    while _ZERO <= data[i] <= _NINE:
        i += _ONE
    return i
