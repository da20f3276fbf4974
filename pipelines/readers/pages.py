"""Web pages: from stored bytes to characters, from HTML to the text of its main content.

Extraction is Resiliparse's with the settings of DCLM, whose pool it reproduces (Li et al., 2024, "DataComp-LM",
section 4.2). The parser is quadratic on some pages that no person wrote, so those are recognised beforehand by
counting, and read in a way that takes linear time or not at all; every other page goes through untouched.
"""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

_FEW_TAGS = 2_000  # up to here no page makes more than a million elements
_SOME_TAGS = 5_000  # up to here no nesting costs more than a fraction of a second
_MAX_MAIN_DEPTH = 512  # as browsers: main-content rules look at every ancestor of every element
_MAX_DEPTH = 20_000  # a closing tag is searched among all open elements
_LONG_TAG = 16_384  # characters; shorter tags have too few attributes to matter
_MAX_ATTRIBUTES = 2_000  # each is compared with all others of its tag

_TAG = re.compile(r"<(/?)([a-z][^\s/>]*)")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_FORMATTING = re.compile(r"<(/?)(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';,]+)", re.IGNORECASE)
_STATEFUL = b"\x1b"  # ISO-2022 encodings look like ASCII but for escapes

# Elements without an end, those whose end is implied by the next one, and the drawing elements of SVG, mostly written
# without an end too.
_NEVER_DEEP = frozenset(
    (
        *("area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link"),
        *("meta", "param", "source", "track", "wbr", "html", "head", "body", "p", "li", "dt", "dd", "tr", "td", "th"),
        *("thead", "tbody", "tfoot", "colgroup", "option", "optgroup", "rp", "rt", "path", "rect", "circle", "ellipse"),
        *("line", "polygon", "polyline", "use", "stop", "image", "animate"),
    )
)


def decode_page(data: bytes, content_type: str) -> str:
    """Return the characters of a page; those that its encoding does not have become U+FFFD.

    Its encoding is told by a byte order mark, by being UTF-8, by the charset of the Content-Type header, by a `meta`
    element, or by the distribution of its bytes, in this order.

    Args:
        data: The page.
        content_type: The Content-Type header with its parameters; may be empty.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    if _STATEFUL not in data and b"\0" not in data:
        try:
            return data.removeprefix(BOM_UTF8).decode()
        except UnicodeDecodeError:
            pass
    declared = _CHARSET.search(content_type)
    encoding = map_encoding_to_html5(declared[1], fallback_utf8=False) if declared else None
    encoding = encoding or detect_encoding(data, from_html_meta=True) or "utf-8"
    try:
        return bytes_to_str(data, encoding, errors="replace", fallback_encodings=())
    except LookupError:  # an encoding of the web that Python does not have
        return data.decode(errors="replace")


def extract_text(html: str) -> str:
    """Return the text of a page's main content, its paragraphs and lists on lines of their own; may be empty.

    Raises:
        ValueError: The page is built to be costly, or the parser refuses it.
    """
    if len(html) > _LONG_TAG:
        _check_attributes(html)
    num_tags = html.count("<")
    if num_tags > _FEW_TAGS:
        # Formatting elements left open are opened again in every block that follows: an HTML bomb. They mean nothing
        # to the text, so they become elements that are not.
        html = _FORMATTING.sub(r"<\1span", html)
    depth = estimate_depth(html) if num_tags > _SOME_TAGS else 0
    if depth > _MAX_DEPTH:
        raise ValueError(f"elements nested {depth:,} deep")
    main_content = depth <= _MAX_MAIN_DEPTH
    try:
        return extract_plain_text(html, main_content=main_content, preserve_formatting=True, alt_texts=False)
    except Exception as error:  # the parser's exceptions have no common base but this
        raise ValueError(f"cannot be parsed: {type(error).__name__}") from error


def estimate_depth(html: str) -> int:
    """Return how deep the elements of a page nest at most, from its tags alone and without its structure.

    It is too high where end tags are missing, and too low only where they stand in a place in which parsers ignore
    them, which takes intent.
    """
    open_elements: Counter[str] = Counter()
    depth = deepest = 0
    for end, name in _TAG.findall(html.lower()):
        if name in _NEVER_DEEP:
            continue
        if not end:
            open_elements[name] += 1
            depth += 1
            if depth > deepest:
                deepest = depth
        elif open_elements[name]:
            open_elements[name] -= 1
            depth -= 1
    return deepest


def _check_attributes(html: str) -> None:
    pieces = html.split(">")
    if max(map(len, pieces)) <= _LONG_TAG:
        return
    for piece in pieces:
        if len(piece) > _LONG_TAG and "<" in piece:
            tag = _QUOTED.sub('"" ', piece[piece.index("<") :])
            if (count := len(tag.split())) > _MAX_ATTRIBUTES and "=" in tag:
                raise ValueError(f"a tag of about {count:,} attributes")
