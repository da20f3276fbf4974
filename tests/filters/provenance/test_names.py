"""What canonical URLs are looked up by."""

import re

from hypothesis import given, settings

from filters.provenance.canonical import canonical_urls
from filters.provenance.names import hosts, whole_hashes, word_hashes
from tests.filters.provenance.test_canonical import URLS
from tests.filters.texts import column


def host_of(form: str) -> str:
    """Return the host of a canonical URL, by its definition."""
    rest = re.sub(r"\A[^/?:]*://", "", form)
    return re.match(r"\[[^/?\]]*(\][^/?:]*)?|[^/?:]*", rest)[0]  # type: ignore[index]  # it matches anything


def domains_of(host: str) -> list[str]:
    labels = host.split(".")
    return [".".join(labels[first:]) for first in range(len(labels) - 1, -1, -1) if labels[first]]


def test_known_hosts_and_their_parent_domains() -> None:
    urls = column(["a.example.com:8080/x", "ftp://b.org/y", "[2001:db8::1]:80?q", "", "localhost"])
    found = hosts(urls)
    names = [
        urls.text(u)[s - o : e - o]
        for u, s, e, o in zip(range(5), found.starts, found.ends, urls.offsets, strict=False)
    ]
    assert names == ["a.example.com", "b.org", "[2001:db8::1]", "", "localhost"]
    wanted = ["com", "example.com", "a.example.com", "org", "b.org", "[2001:db8::1]", "localhost"]
    assert found.offsets.tolist() == [0, 3, 5, 6, 6, 7]
    assert found.hashes.tolist() == whole_hashes(column(wanted)).tolist()


@settings(max_examples=300)
@given(URLS)
def test_hosts_and_domains_are_their_definition(url: str) -> None:
    forms = canonical_urls(column([url]))
    found = hosts(forms)
    host = host_of(forms.text(0))
    assert bytes(forms.data[found.starts[0] : found.ends[0]]).decode() == host
    assert found.hashes.tolist() == whole_hashes(column(domains_of(host))).tolist()


@settings(max_examples=300)
@given(URLS)
def test_words_are_runs_of_letters_and_digits_outside_percent_codes(url: str) -> None:
    forms = canonical_urls(column(["x", url]))
    hashes, places = word_hashes(forms)
    words = re.findall("[a-z0-9]+", re.sub("%[0-9A-Fa-f]{2}", " ", forms.text(1)).lower())
    assert hashes.tolist() == whole_or_word(["x", *words])
    assert places.tolist() == [0] + [1] * len(words)


def whole_or_word(words: list[str]) -> list[int]:
    hashes, _ = word_hashes(column(words))
    return [int(each) for each in hashes]


def test_words_differ_but_by_case() -> None:
    hashes, _ = word_hashes(column(["Word word wOrD ward drow"]))
    assert len(set(hashes[:3].tolist())) == 1
    assert len(set(hashes.tolist())) == 3
