"""Measures of URLs against their definition in Python."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.batches import Batch
from filters.provenance.canonical import canonical_url
from filters.provenance.urls import MEASURES, UrlGroup
from filters.settings import FilterSettings, UrlListFiles
from tests.filters.provenance.test_canonical import URLS
from tests.filters.provenance.test_names import domains_of, host_of
from tests.filters.texts import column

LISTS = {
    "domains": ["# adult", "bad.com", "www.Worse.org", "c.d.bad.com", "10.0.0.1", "pages.net/one/", "a.b", "http://x/"],
    "strict_substrings": ["bad thing", "bad", "xxx", "hing"],
    "hard_words": ["hard", "2g1c", "#soft", "ha-rd2"],
    "soft_words": ["soft", "q", "example", "com"],
}
PLACES = ("url", "metadata.url")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> UrlListFiles:
    folder = tmp_path_factory.mktemp("lists")
    for name, entries in LISTS.items():
        (folder / f"{name}.txt").write_text("\n".join(entries))
    (folder / "suffixes.dat").write_text("com\norg\nco.uk\n")
    suffixes = str(folder / "suffixes.dat")
    return UrlListFiles(public_suffixes=suffixes, **{name: (str(folder / f"{name}.txt"),) for name in LISTS})


def records(urls: list[str | None]) -> Batch:
    metadata = [json.dumps({} if url is None else {"metadata": {"url": url}}) for url in urls]
    return Batch(column([""] * len(urls)), pa.array(metadata, pa.string()))


def measured(files: UrlListFiles, urls: list[str | None]) -> list[tuple[object, ...]]:
    group = UrlGroup(PLACES, files)
    group.setup()
    columns = group.measure(records(urls))
    assert list(columns) == [measure.name for measure in MEASURES]
    for measure in MEASURES:
        values = columns[measure.name]
        kind = values.type if isinstance(values, pa.Array) else pa.from_numpy_dtype(values.dtype)
        assert kind == measure.type
    return list(
        zip(
            *(values.to_pylist() if isinstance(values, pa.Array) else values.tolist() for values in columns.values()),
            strict=True,
        )
    )


def defined(url: str) -> tuple[int, int, int, int, int]:
    """Return all measures but the registered domain, by their definition."""
    form = canonical_url(url)
    listed = {canonical_url(entry) for entry in LISTS["domains"]} - {""}
    reduced = {name: {re.sub("[^a-z0-9]", "", entry) for entry in LISTS[name] if entry[0] != "#"} for name in LISTS}
    parts = re.sub("%[0-9A-Fa-f]{2}", " ", form).lower()
    words, letters = set(re.findall("[a-z0-9]+", parts)), re.sub("[^a-z0-9]", "", parts)
    return (
        int(form != ""),
        len(listed & {form, *domains_of(host_of(form))}) if form else 0,
        sum(entry in letters for entry in reduced["strict_substrings"]),
        len(words & reduced["hard_words"]),
        len(words & reduced["soft_words"]),
    )


@pytest.mark.parametrize(
    ("url", "values"),
    [
        (None, (0, 0, 0, 0, 0, None)),
        ("", (0, 0, 0, 0, 0, None)),
        ("https://example.co.uk/", (1, 0, 0, 0, 1, "example.co.uk")),
        ("http://www.a.bad.com/x", (1, 1, 1, 0, 1, "bad.com")),
        ("http://c.d.bad.com/", (1, 2, 1, 0, 1, "bad.com")),
        ("http://notbad.com/", (1, 0, 1, 0, 1, "notbad.com")),
        ("https://worse.org", (1, 1, 0, 0, 0, "worse.org")),
        ("http://10.0.0.1/y", (1, 1, 0, 0, 0, "10.0.0.1")),
        ("https://www.pages.net/one?utm_source=x", (1, 1, 0, 0, 0, "pages.net")),
        ("https://pages.net/one/two", (1, 0, 0, 0, 0, "pages.net")),
        ("http://x.org/B.A-D/t%20hing", (1, 0, 3, 0, 0, "x.org")),
        ("http://x.org/Hard-hard/2G1C/soft", (1, 0, 0, 2, 1, "x.org")),
        ("http://x.org/harder/soft/hard2/q%20", (1, 0, 0, 1, 2, "x.org")),
        ("http://x.org/ha-rd/2", (1, 0, 0, 0, 0, "x.org")),
    ],
)
def test_values_of_known_urls(files: UrlListFiles, url: str | None, values: tuple[object, ...]) -> None:
    assert measured(files, ["http://bad.com", url])[1] == values


@settings(max_examples=200)
@given(
    urls=st.lists(
        st.one_of(
            URLS,
            st.lists(
                st.sampled_from(["bad", ".", "/", "thing", "hard", "soft", "com", "-", "B", "ad", "%20"]), max_size=12
            ).map("".join),
        ),
        max_size=5,
    )
)
def test_measures_are_their_definition(files: UrlListFiles, urls: list[str]) -> None:
    assert [row[:-1] for row in measured(files, list(urls))] == [defined(url) for url in urls]


def test_without_lists_nothing_is_listed() -> None:
    assert measured(UrlListFiles(), ["http://bad.com/hard"]) == [(1, 0, 0, 0, 0, None)]


def test_an_empty_batch_has_empty_columns(files: UrlListFiles) -> None:
    assert measured(files, []) == []


def test_the_fingerprint_follows_the_lists(files: UrlListFiles) -> None:
    everything = UrlGroup(PLACES, files).fingerprint()
    assert UrlGroup(PLACES, files).fingerprint() == everything
    assert UrlGroup(("url",), files).fingerprint() != everything
    assert UrlGroup(PLACES, UrlListFiles()).fingerprint() != everything
    Path(files.hard_words[0]).write_text("\n".join([*LISTS["hard_words"], "new"]))
    assert UrlGroup(PLACES, files).fingerprint() != everything
    Path(files.hard_words[0]).write_text("\n".join(LISTS["hard_words"]))


def test_urls_are_looked_for_where_web_crawls_keep_them() -> None:
    group = UrlGroup(FilterSettings().url, UrlListFiles())
    group.setup()
    metadata = [
        '{"url": "http://a.com"}',
        '{"metadata": {"WARC-Target-URI": "http://b.com"}}',
        '{"uri": "http://c.com"}',
    ]
    found = group.measure(Batch(column([""] * 3), pa.array(metadata)))["has_url"]
    assert np.array_equal(found, [1, 1, 0])
