"""Likelihoods as people read them: perplexity and bits per byte."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """Sums over texts.

    Attributes:
        nll: negative log-likelihood in nats.
        tokens: tokens scored.
        bytes: UTF-8 bytes of the texts.
        documents: number of texts.
    """

    nll: float
    tokens: int
    bytes: int
    documents: int

    @classmethod
    def of_row(cls, row: NDArray[np.float64]) -> "Likelihood":
        """Return the sums that an array (nll, tokens, bytes, documents) holds; exact below 2**53."""
        return cls(nll=float(row[0]), tokens=int(row[1]), bytes=int(row[2]), documents=int(row[3]))

    def record(self) -> dict[str, float]:
        """Return the sums and what they give, by name."""
        return dataclasses.asdict(self) | {"bits_per_byte": self.bits_per_byte, "perplexity": self.perplexity}

    @property
    def bits_per_byte(self) -> float:
        """Return bits that the model needs for a byte of text; nan without text."""
        return bits_per_byte(self.nll, self.bytes)

    @property
    def nll_per_token(self) -> float:
        """Return nats for a token; nan without tokens."""
        return self.nll / self.tokens if self.tokens else math.nan

    @property
    def perplexity(self) -> float:
        """Return e to the nats for a token; inf where that is too large."""
        with np.errstate(over="ignore"):
            return float(np.exp(self.nll_per_token))


def averages(domains: Mapping[str, Likelihood]) -> dict[str, dict[str, float]]:
    """Return the figures of all domains together.

    `micro` sums over all texts; `macro` counts every domain alike: the mean of their bits per byte, and e to the mean
    of their nats for a token, which is the geometric mean of their perplexities. Domains without text are left out.
    """
    filled = [likelihood for likelihood in domains.values() if likelihood.bytes]
    if not filled:
        return {}
    total = Likelihood(
        nll=sum(each.nll for each in filled),
        tokens=sum(each.tokens for each in filled),
        bytes=sum(each.bytes for each in filled),
        documents=sum(each.documents for each in filled),
    )
    return {
        "macro": {
            "bits_per_byte": float(np.mean([each.bits_per_byte for each in filled])),
            "perplexity": float(np.exp(np.mean([each.nll_per_token for each in filled]))),
        },
        "micro": {"bits_per_byte": total.bits_per_byte, "perplexity": total.perplexity},
    }


def bits_per_byte(nll: float, num_bytes: int) -> float:
    """Return nats as bits, divided by bytes; nan without bytes."""
    return nll / (math.log(2) * num_bytes) if num_bytes else math.nan
