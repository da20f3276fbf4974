"""The upsampling curve: its edges, its known integrals, and what becomes of a source."""

import math
from fractions import Fraction

import pytest

from mixes.budget import plan_budget
from mixes.demand import Demand
from mixes.upsampling import bucket_edges, bucket_heights


def test_edges_divide_what_is_kept_into_equal_parts() -> None:
    assert bucket_edges(0.4, 3) == (Fraction("0.4"), Fraction("0.6"), Fraction("0.8"))
    assert bucket_edges(0.0, 4) == (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))
    assert bucket_edges(0.5, 1) == (Fraction(1, 2),)


def test_known_integrals() -> None:
    assert bucket_heights(0.0, 4, 0.0, 0.0) == [1, 1, 1, 1]  # the same for all
    assert bucket_heights(0.0, 2, 1.0, 0.0) == [Fraction(1, 4), Fraction(3, 4)]  # x
    assert bucket_heights(0.5, 1, 2.0, 0.0) == [Fraction("0.08333333333333333333")]  # t^2 over [0, 0.5]
    assert float(bucket_heights(0.0, 1, 0.0, 1.0)[0]) == pytest.approx(math.e - 1, abs=1e-15)


@pytest.mark.parametrize(("exponent", "growth"), [(0.0, 2.0), (0.5, 0.01), (1.0, 1.0), (2.5, 10.0), (10.0, 3.0)])
def test_heights_are_means_of_the_curve_and_never_fall(exponent: float, growth: float) -> None:
    drop, num_buckets, num_points = 0.4, 6, 4_000
    heights = bucket_heights(drop, num_buckets, exponent, growth)
    width = (1 - drop) / num_buckets
    for bucket, height in enumerate(heights):
        points = [width * (bucket + (point + 0.5) / num_points) for point in range(num_points)]
        mean = math.fsum(t**exponent * math.exp(growth * t) for t in points) / num_points
        assert float(height) == pytest.approx(mean, rel=1e-5)
    assert heights == sorted(heights)


def test_the_average_over_a_source_is_what_it_is_wanted_for_and_none_is_seen_beyond_the_bound() -> None:
    available = [400, 150, 150, 150, 150]
    heights = [Fraction(0), *bucket_heights(0.4, 4, 1.0, 1.0)]
    for wanted in (100, 600, 1_500, 3_600, 4_199):
        splits = tuple(
            Demand(
                name=f"web/{place}",
                available=tokens,
                proportion=height * tokens,
                max_tokens=7 * tokens,
                max_epochs=Fraction(7),
            )
            for place, (height, tokens) in enumerate(zip(heights, available, strict=True))
        )
        web = Demand(name="web", available=1_000, tokens=wanted, max_epochs=Fraction(7), splits=splits)
        ((dropped, *kept),) = plan_budget(None, [web]).sources
        assert dropped == 0
        assert sum(kept) == wanted
        assert kept == sorted(kept)
        assert max(kept) <= 7 * 150
    assert kept[1:] == [1_050] * 3  # all but the worst bucket at the bound
