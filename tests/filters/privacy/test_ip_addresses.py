"""IP addresses against their definition in Python."""

import ipaddress
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.privacy.ip_addresses import PRIVATE_BLOCKS, find_ip_addresses
from tests.filters.texts import AWKWARD, bundled_texts, column

_IPV4 = re.compile(r"(?<!\w)(?<!\w\.)(?<![A-Za-z]-)\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\w)", re.ASCII)
_IPV6 = re.compile(r"(?<!\w)(?<!::)(?=([23][0-9a-f]{3}:[0-9a-f:]*))", re.ASCII | re.IGNORECASE)
_GROUP_BEFORE = re.compile(r"(?<!\w)[0-9a-f]{1,4}:\Z", re.ASCII | re.IGNORECASE)
_PRIVATE = [ipaddress.IPv4Network(f"{first}/{bits}") for first, bits in PRIVATE_BLOCKS]
_PRIVATE_IPV6 = [ipaddress.IPv6Network(block) for block in ("2001:db8::/32", "3fff::/20", "2001::/23")]


def addresses_of(text: str) -> list[tuple[int, int]]:
    """Return the byte ranges of all public addresses, by their definition."""
    text = text.encode().decode("latin-1")  # a character a byte
    found = [each.span() for each in _IPV4.finditer(text) if is_public_ipv4(each.group())]
    for each in _IPV6.finditer(text):
        address, after = each.group(1), text[each.end(1) : each.end(1) + 2]
        if re.match(r"\w|\.\d", after, re.ASCII) or _GROUP_BEFORE.search(text[max(0, each.start() - 6) : each.start()]):
            continue
        address = address.removesuffix(":")
        if not address.endswith(":") and is_public_ipv6(address):
            found.append((each.start(), each.start() + len(address)))
    return sorted(found)


def is_public_ipv4(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return len(text) > len("1.1.1.1") and not any(address in block for block in _PRIVATE)


def is_public_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not any(address in block for block in _PRIVATE_IPV6)


def check(texts: list[str]) -> None:
    found = [(int(each["document"]), int(each["start"]), int(each["end"])) for each in find_ip_addresses(column(texts))]
    assert found == [(document, *span) for document, text in enumerate(texts) for span in addresses_of(text)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        ("93.184.216.34", "93.184.216.34"),
        ("at 93.184.216.34.", "93.184.216.34"),
        ("http://93.184.216.34:8080/", "93.184.216.34"),
        ("93.184.216.34-93.184.216.40", "93.184.216.34 93.184.216.40"),
        ("193.184.216.256", None),
        ("1.2.3.40.5", None),
        ("v1.2.30.4", None),
        ("lib-1.2.30.4", None),
        ("1.2.30.4.jar", None),
        ("93.184.216.034", None),
        ("8.8.8.8", None),
        ("10.1.20.30 127.0.0.10 192.168.1.10 172.31.0.1 169.254.10.1 255.255.255.255 100.64.0.1", None),
        ("172.32.0.1", "172.32.0.1"),
        ("2a00:1450:4001:82b::200e", "2a00:1450:4001:82b::200e"),
        ("[2a00::1]:443", "2a00::1"),
        ("source:2a00::1:", "2a00::1"),
        ("2620:0:2d0:200:1:2:3:7", "2620:0:2d0:200:1:2:3:7"),
        ("2620:0:2d0:200:1:2:3:7:8", None),
        ("2a00:1::2::3", None),
        ("2a00::", None),
        ("2001:db8::1 3fff::1 2001:0:1::1 fe80::1 ::1", None),
        ("fd00:2a00::1", None),
        ("::ffff:93.184.216.34", "93.184.216.34"),
        ("2a00:1::93.184.216.34", "93.184.216.34"),
        ("2023:10:12 08:30", None),
        ("00:2a:3b:4c:5d:6e", None),
    ],
)
def test_addresses_of_known_texts(text: str, address: str | None) -> None:
    found = [text.encode()[each["start"] : each["end"]].decode() for each in find_ip_addresses(column([text]))]
    assert found == ([] if address is None else address.split(" "))


_PIECES = [
    *"0.:a1-_ \n",
    ".",
    ".",
    ":",
    "10",
    "93.184.216.34",
    "2a00",
    "::",
    "2001:db8",
    "3fff",
    "255",
    "fe80",
    "é",
    "x",
]
_GROUPS = ["1", "2a00", "2001", "db8", "0db8", "3fff", "fff", "0", "", "12345"]


@settings(max_examples=500)
@given(
    st.lists(
        st.one_of(
            st.lists(st.sampled_from(_PIECES), max_size=12).map("".join),
            st.lists(st.sampled_from(_GROUPS), min_size=2, max_size=10).map(":".join),
            st.lists(st.sampled_from(["2a00", "7", "1"]), min_size=7, max_size=9).map(":".join),
            st.lists(st.integers(0, 260).map(str), min_size=4, max_size=5).map(".".join),
        ),
        max_size=4,
    )
)
def test_addresses_are_their_definition(texts: list[str]) -> None:
    check([*texts, " ".join(texts), ":".join(texts)])


def test_addresses_in_awkward_and_bundled_documents_are_their_definition() -> None:
    check([*AWKWARD, *bundled_texts(), "1." * 1_000, "2:" * 1_000, "93.184.216.34 " * 1_000])
