"""E-mail addresses against their definition in Python."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.privacy.emails import PICTURES, find_emails
from tests.filters.texts import AWKWARD, bundled_texts, column

_LABEL = "[A-Za-z0-9][A-Za-z0-9-]*"
_DOMAIN = re.compile(rf"{_LABEL}(?:(?<!-)\.{_LABEL})*")


def emails_of(text: str) -> list[tuple[int, int]]:
    """Return the byte ranges of all addresses, by their definition."""
    text = text.encode().decode("latin-1")  # a character a byte
    found: list[tuple[int, int]] = []
    for at in (mark.start() for mark in re.finditer("@", text)):
        free = found[-1][1] if found else 0
        local = re.search(r"[\w.%+-]*\Z", text[max(free, at - 64) : at], re.ASCII)
        assert local
        name = local.group().rsplit("..", 1)[-1].lstrip(".%+-")
        end = domain_end(text[at + 1 : at + 256])
        if name and not name.endswith(".") and end:
            found.append((at - len(name), at + 1 + end))
    return found


def domain_end(text: str) -> int:
    domain = _DOMAIN.match(text)
    labels = re.finditer(r"\.([A-Za-z]{2,})(?![A-Za-z0-9])", domain.group() if domain else "")
    return max((label.end() for label in labels if label.group(1).lower() not in PICTURES), default=0)


def check(texts: list[str]) -> None:
    found = [(int(each["document"]), int(each["start"]), int(each["end"])) for each in find_emails(column(texts))]
    assert found == [(document, *span) for document, text in enumerate(texts) for span in emails_of(text)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        ("@", None),
        ("jo@localhost", None),
        ("jo@example.com", "jo@example.com"),
        ("ends with jo@example.com", "jo@example.com"),
        ("<jo.doe+list@mail.example.co.uk>.", "jo.doe+list@mail.example.co.uk"),
        ("Mail jo@example.com.\nThanks", "jo@example.com"),
        ("(jo@example.com, or call)", "jo@example.com"),
        ("jo@example.com-mail", "jo@example.com"),
        ("jo@my-host.example.org?subject=x", "jo@my-host.example.org"),
        ("a..b@example.com", "b@example.com"),
        ("a.@example.com", None),
        ("jo@example.c", None),
        ("jo@example.123", None),
        ("jo@-example.com", None),
        ("icon@2x.png", None),
        ("x@shop.png.com", "x@shop.png.com"),
        ("请联系jo@example.com谢谢", "jo@example.com"),
        ("@jo@example.com", "jo@example.com"),
        ("a@b.com@c.org", "a@b.com"),
        ("x" * 100 + "@example.com", "x" * 64 + "@example.com"),
        ("jo@" + "x" * 300 + ".com", None),
    ],
)
def test_addresses_of_known_texts(text: str, address: str | None) -> None:
    found = [text.encode()[each["start"] : each["end"]].decode() for each in find_emails(column([text]))]
    assert found == ([] if address is None else [address])


@settings(max_examples=500)
@given(
    st.lists(
        st.lists(st.sampled_from([*"@@@@...-+_%a1 \nZ", "com", "png", "é", "日", "jo", "jo@example.com"])).map("".join),
        max_size=3,
    )
)
def test_addresses_are_their_definition(texts: list[str]) -> None:
    check(texts)


def test_addresses_in_awkward_and_bundled_documents_are_their_definition() -> None:
    check([*AWKWARD, *bundled_texts(), "@" * 1_000, "a@b.cd" * 1_000, "a." * 1_000 + "@b.cd", "a@" + "b." * 1_000])
