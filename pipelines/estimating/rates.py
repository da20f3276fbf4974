"""Rates: what a byte of text costs at each station, as it was measured, with its origin."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """CPU time and stored bytes for each byte of text.

    Seconds are of one core for a megabyte (10^6 bytes) of UTF-8 text: `read` of all texts, at each of two readings;
    `measure` and `match` of those that are looked at; `tokenize` of those that are kept. Stored bytes are for each byte
    of text that is looked at.
    """

    read: float  # decompressing, parsing, hashing
    measure: float  # span edits, measures, signatures, paragraphs and anchors
    match: float  # everything between the two readings, and the verdicts
    tokenize: float
    measures: float
    signatures: float
    repeats: float
    verdicts: float
    shuffle: float  # what crosses it; on this machine, files in a temporary folder
    origin: str


MEASURED = Rates(
    read=0.013,
    measure=0.043,
    match=0.010,
    tokenize=0.040,
    measures=0.080,
    signatures=0.61,
    repeats=0.11,
    verdicts=0.024,
    shuffle=0.26,
    origin="measured on 2026-11-21 on one of two cores of a busy AMD EPYC, Python 3.11, mean of two runs: 72 MB of "
    "real text in 29,069 documents, with Gopher's rules, language, near duplicates and paragraphs; tokens by gigatoken",
)
"""What `benchmarks/rates.py` gave for a mix like most: published rules, near duplicates by words, paragraphs."""

START_SECONDS = 5.0
"""CPU seconds before the first unit and after the last, however many workers: docs/decisions/speed.md has them."""
