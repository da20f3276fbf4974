"""Budget arithmetic: sums to the token, bounds kept, errors with figures and remedy, and a slow twin beside it."""

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mixes.budget import Budget, Epochs, ShortfallError, divide, plan_budget, plan_epochs
from mixes.demand import Demand
from mixes.errors import SpecError


def share(
    proportion: float | Fraction,
    available: int = 10**18,
    **changes: Any,  # noqa: ANN401
) -> Demand:
    """Return a source with a proportion and, unless said, more than enough tokens."""
    return replace(Demand(name="web", available=available, proportion=Fraction(str(proportion))), **changes)


def plan(total: int | None, *demands: Demand) -> list[int]:
    """Return the tokens of sources that are not divided further."""
    budget = plan_budget(total, demands)
    assert budget.asked_tokens == budget.tokens
    return [tokens for (tokens,) in budget.sources]


@pytest.mark.parametrize(
    ("total", "proportions", "tokens"),
    [
        (10, [1.0], [10]),
        (10, [0.5, 0.5], [5, 5]),
        (11, [0.5, 0.5], [6, 5]),
        (10, [0.333, 0.333, 0.334], [3, 3, 4]),
        (2, [0.25, 0.25, 0.25, 0.25], [1, 1, 0, 0]),
        (0, [0.3, 0.7], [0, 0]),
        (50_000_000_000, [0.472, 0.166, 0.0585, 0.0711, 0.0245, 0.2079], None),
        # In binary, 0.1 + 0.2 is more than 0.3, and a tenth of 10**15 tokens would be off by one.
        (10**15, [0.1, 0.2, 0.7], [10**14, 2 * 10**14, 7 * 10**14]),
    ],
)
def test_tokens_of_known_proportions(total: int, proportions: list[float], tokens: list[int] | None) -> None:
    if tokens is None:
        tokens = [round(total * proportion) for proportion in proportions]
    assert plan(total, *(share(proportion) for proportion in proportions)) == tokens


def test_proportions_share_what_tokens_and_epochs_leave() -> None:
    fixed = [
        Demand(name="code", available=100, tokens=20),
        Demand(name="math", available=40, epochs=Fraction("0.5")),
        Demand(name="wiki", available=11, epochs=Fraction("1.7"), max_tokens=15),
    ]
    assert plan(155, share(0.6), *fixed, share(0.4)) == [60, 20, 20, 15, 40]
    assert plan(None, *fixed) == [20, 20, 15]


def test_what_a_bound_does_not_take_or_takes_beyond_its_proportion_the_others_share() -> None:
    assert plan(100, share(0.5, max_tokens=20), share(0.25), share(0.25)) == [20, 40, 40]
    assert plan(100, share(0.1, min_tokens=40), share(0.45), share(0.45)) == [40, 30, 30]
    assert plan(100, share(0.1, min_tokens=40), share(0.6, max_tokens=20), share(0.3)) == [40, 20, 40]


def test_splits_divide_their_source_as_sources_divide_the_mix() -> None:
    best = Demand(name="web/best", available=10, epochs=Fraction(2))
    rest = share(1.0, 90, name="web/rest")
    web = share(0.5, 100, splits=(best, rest))
    assert plan_budget(140, [web, share(0.5)]).sources == ((20, 50), (70,))
    alone = Demand(name="web", available=100, splits=(best, replace(rest, proportion=None, epochs=Fraction("0.5"))))
    assert plan_budget(None, [alone]).sources == ((20, 45),)
    assert plan_budget(100, [alone, share(1.0)]).sources == ((20, 45), (35,))


def slow_divide(rest: int, demands: list[Demand]) -> list[Fraction]:
    """Slow twin: fix those beyond a bound on the side that weighs more, and share the rest anew until none is."""
    fixed: dict[int, Fraction] = {}
    while len(fixed) < len(demands):
        free = [index for index in range(len(demands)) if index not in fixed]
        parts = sum((demands[index].proportion or Fraction(0) for index in free), Fraction(0))
        left = rest - sum(fixed.values(), Fraction(0))
        wish = {index: left * (demands[index].proportion or 0) / parts for index in free}
        beyond = {index: demands[index].clamp(wish[index]) - wish[index] for index in free}
        excess = sum(beyond.values())
        if not any(beyond.values()):
            return [fixed.get(index, wish.get(index, Fraction(0))) for index in range(len(demands))]
        for index, excess_here in beyond.items():
            if (excess >= 0 and excess_here > 0) or (excess <= 0 and excess_here < 0):
                fixed[index] = demands[index].clamp(wish[index])
    return [fixed[index] for index in range(len(demands))]


BOUNDED = st.builds(
    lambda part, low, room, has_max: share(
        part / 100, min_tokens=low, **({"max_tokens": low + room} if has_max else {})
    ),
    st.integers(1, 100),
    st.integers(0, 50),
    st.integers(0, 100),
    st.booleans(),
)


@given(st.lists(BOUNDED, min_size=1, max_size=8), st.integers(0, 1_000))
@settings(max_examples=120)
def test_division_adds_up_keeps_bounds_and_is_less_than_one_from_its_exact_twin(
    demands: list[Demand], beyond: int
) -> None:
    total = sum(demand.min_tokens for demand in demands) + beyond
    found = divide("the mix", total, demands)
    most = sum(total if demand.max_tokens is None else demand.max_tokens for demand in demands)
    assert sum(found) == min(total, most)
    for tokens, demand, exact in zip(found, demands, slow_divide(min(total, most), demands), strict=True):
        assert demand.min_tokens <= tokens <= (total if demand.max_tokens is None else demand.max_tokens)
        assert abs(tokens - exact) < 1


@pytest.mark.parametrize(
    ("wanted", "available", "epochs"),
    [(0, 0, (0, 0)), (0, 10, (0, 0)), (3, 10, (0, 3)), (10, 10, (1, 0)), (25, 10, (2, 5)), (11, 10, (1, 1))],
)
def test_epochs_of_known_sources(wanted: int, available: int, epochs: tuple[int, int]) -> None:
    assert plan_epochs(wanted, available) == Epochs(whole_epochs=epochs[0], rest_tokens=epochs[1])


def test_epochs_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="found no token, wanted 5"):
        plan_epochs(5, 0)


MATH = replace(share(0.21, 4_000_000_000, max_epochs=Fraction(2)), name="math")


@pytest.mark.parametrize(
    ("total", "demands", "message"),
    [
        (
            50_000_000_000,
            [MATH, share(0.79)],
            (
                "source 'math': proportion 0.21 of 50,000,000,000 tokens needs 10,500,000,000, but 4,000,000,000 "
                "tokens x max_epochs 2 gives 8,000,000,000; lower proportion to 0.160, raise max_epochs to 2.63 or "
                "write on_shortfall: scale"
            ),
        ),
        (
            None,
            [Demand(name="math", available=10, tokens=26, max_epochs=Fraction("2.5"))],
            (
                "source 'math': wants 26 tokens, but 10 tokens x max_epochs 2.5 gives 25; lower tokens to 25, raise "
                "max_epochs to 2.6 or write on_shortfall: scale"
            ),
        ),
        (
            10,
            [replace(MATH, available=0), share(0.79)],
            "source 'math': wants 2 tokens, but no token of it survived; loosen what drops it, or leave it out",
        ),
        (
            100,
            [share(0.5, max_tokens=20), share(0.5, max_tokens=30)],
            (
                "the mix: found 50 tokens within max_tokens of its sources, wanted 100; raise max_tokens, lower tokens "
                "or write on_shortfall: scale"
            ),
        ),
        (
            100,
            [share(1.0, splits=(share(1.0, max_tokens=20),))],
            (
                "source 'web': found 20 tokens within max_tokens of its splits, wanted 100; raise max_tokens, lower "
                "the mix's tokens to 20 or write on_shortfall: scale"
            ),
        ),
        (
            100,
            [share(1.0, splits=(replace(share(1.0, 30), name="web/q1"),))],
            (
                "split 'web/q1': wants 100 tokens, but 30 tokens x max_epochs 1 gives 30; lower its share, raise "
                "max_epochs to 3.34 or write on_shortfall: scale"
            ),
        ),
    ],
)
def test_a_source_that_is_too_small_is_named_with_figures_and_remedy(
    total: int | None, demands: list[Demand], message: str
) -> None:
    with pytest.raises(ShortfallError, match=f"^{re.escape(message)}$"):
        plan_budget(total, demands)


def upsampled(available: list[int], max_repeats: Fraction, **amount: Any) -> Demand:  # noqa: ANN401
    """Return a source whose first split is dropped and whose others may be seen some times."""
    splits = tuple(
        Demand(
            name=f"web/{place}",
            available=tokens,
            proportion=Fraction(place * tokens),
            max_tokens=int(max_repeats * tokens),
            max_epochs=max_repeats,
        )
        for place, tokens in enumerate(available)
    )
    return Demand(
        name="web", available=sum(available), max_epochs=max_repeats, splits=splits, is_upsampled=True, **amount
    )


@pytest.mark.parametrize(
    ("total", "demands", "remedies"),
    [
        (
            1_001,
            [upsampled([400, 33, 67], Fraction(7), proportion=Fraction(1))],
            "lower drop, lower the mix's tokens to 700",
        ),
        (None, [upsampled([0, 33, 67], Fraction(7), tokens=1_001)], "lower tokens to 700"),
        (
            2_002,
            [upsampled([20, 33, 67], Fraction(7), proportion=Fraction(1, 2)), share(0.5)],
            "lower proportion to 0.349",
        ),
    ],
)
def test_a_source_that_upsampling_bounds_is_told_its_own_keys(
    total: int | None, demands: list[Demand], remedies: str
) -> None:
    with pytest.raises(ShortfallError) as caught:
        plan_budget(total, demands)
    assert str(caught.value) == (
        "source 'web': wants 1,001 tokens, but 100 tokens above drop x max_repeats 7 gives 700; raise max_repeats to "
        f"10.02, {remedies} or write on_shortfall: scale"
    )  # 330 + 670 at 10.01, 330 + 671 at 10.02


def test_the_figures_for_upsampling_work() -> None:
    more = upsampled([400, 33, 67], Fraction("10.02"), tokens=1_001)
    assert plan_budget(None, [more]).sources == ((0, 330, 671),)
    less = upsampled([400, 33, 67], Fraction(7), proportion=Fraction(1))
    assert plan_budget(700, [less]).sources == ((0, 231, 469),)
    with pytest.raises(ShortfallError, match="no token of it survived"):
        plan_budget(100, [upsampled([0, 0], Fraction(7), tokens=100)])


def test_too_much_that_is_fixed_is_refused_even_where_a_mix_may_shrink() -> None:
    whole = Demand(name="code", available=90, epochs=Fraction(1))
    message = (
        "the mix: found 100 tokens to divide, but 90 go to those with tokens or epochs (code 90), 20 to min_tokens"
    )
    for shrink in (False, True):
        with pytest.raises(SpecError, match=re.escape(message)):
            plan_budget(100, [whole, share(1.0, min_tokens=20)], shrink=shrink)


@given(st.integers(1, 10**9), st.integers(10, 100), st.integers(1, 10**12))
@settings(max_examples=100)
def test_both_remedies_of_a_shortage_work(available: int, tenths: int, lacking: int) -> None:
    total = 2 * 10**12
    wanted = available * tenths // 10 + lacking
    part = Fraction(wanted, total)
    source, other = share(part, available, max_epochs=Fraction(tenths, 10)), share(1 - part)
    with pytest.raises(ShortfallError) as caught:
        plan_budget(total, [source, other])
    found = re.search(r"lower proportion to ([\d.]+), raise max_epochs to ([\d.]+) or", str(caught.value))
    assert found
    lower = Fraction(found[1])
    plan_budget(total, [replace(source, proportion=lower), replace(other, proportion=1 - lower)])
    plan_budget(total, [replace(source, max_epochs=Fraction(found[2])), other])


def test_a_mix_shrinks_until_its_smallest_source_suffices_and_proportions_hold() -> None:
    budget = plan_budget(1_000, [share(0.5, 100), share(0.3), share(0.2, 500)], shrink=True)
    assert budget == Budget(asked_tokens=1_000, sources=((100,), (60,), (40,)))
    tokens = [Demand(name="a", available=50, tokens=100), Demand(name="b", available=900, tokens=300)]
    assert plan_budget(None, tokens, shrink=True) == Budget(
        asked_tokens=400, sources=((50,), (152,))
    )  # 100 x 203 / 400 = 50.75


def test_a_mix_that_is_large_enough_does_not_shrink() -> None:
    assert plan_budget(10, [share(1.0)], shrink=True) == plan_budget(10, [share(1.0)])


def test_shrinking_leaves_epochs_and_bounds_as_they_are() -> None:
    whole = Demand(name="code", available=30, epochs=Fraction(1))
    budget = plan_budget(100, [whole, share(0.5, 10), share(0.5, min_tokens=15)], shrink=True)
    assert budget == Budget(asked_tokens=100, sources=((30,), (10,), (15,)))


def test_a_source_without_any_token_ends_even_a_mix_that_may_shrink() -> None:
    with pytest.raises(ShortfallError, match="no token of it survived"):
        plan_budget(100, [share(0.5, 0), share(0.5)], shrink=True)


def split(name: str, **wants: Any) -> Demand:  # noqa: ANN401
    """Return a split that has 10 tokens."""
    return Demand(name=name, available=10, **wants)


HIGH = split("web/high", epochs=Fraction(1))
LOW = split("web/low", proportion=Fraction(1))
NO_SMALLER = "the mix: no smaller one suffices either, as epochs and min_tokens stay what they are"


@pytest.mark.parametrize(
    ("total", "demands", "message"),
    [
        (  # below 85 tokens code and min_tokens have no room, above 80 web falls short
            100,
            [Demand(name="code", available=50, epochs=Fraction(1)), share(1.0, 30, min_tokens=35)],
            (
                "source 'web': wants 50 tokens, but 30 tokens x max_epochs 1 gives 30; lower its share and min_tokens "
                "to 30 or raise max_epochs to 1.67"
            ),
        ),
        (
            85,
            [Demand(name="code", available=50, epochs=Fraction(1)), share(1.0, 30, min_tokens=35)],
            (
                "source 'web': wants 35 tokens, but 30 tokens x max_epochs 1 gives 30; lower min_tokens to 30 or raise "
                "max_epochs to 1.17"
            ),
        ),
        (  # below 10 of its 11 tokens web/high has no room, and of 10 math/low has too few
            22,
            [share(0.5, 20, splits=(HIGH, LOW)), share(0.5, splits=(replace(LOW, name="math/low", available=8),))],
            (
                "split 'math/low': wants 11 tokens, but 8 tokens x max_epochs 1 gives 8; lower its share or raise "
                "max_epochs to 1.38"
            ),
        ),
    ],
)
def test_a_mix_of_which_no_size_suffices_names_what_falls_short_and_no_remedy_that_does_not_help(
    total: int, demands: list[Demand], message: str
) -> None:
    for shrink, expected in ((False, message), (True, f"{message}\n{NO_SMALLER}")):
        with pytest.raises(ShortfallError, match=f"^{re.escape(expected)}$"):
            plan_budget(total, demands, shrink=shrink)


def test_the_only_size_that_suffices_is_found() -> None:
    code = Demand(name="code", available=50, epochs=Fraction(1))
    budget = plan_budget(10**6, [code, share(1.0, 35, min_tokens=35)], shrink=True)
    assert budget.sources == ((50,), (35,))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 300)), min_size=1, max_size=5), st.integers(1, 500))
@example([(84, 1_388), (88, 3_918), (35, 306)], 7_267)  # finds 1,811, and 1,813 suffices too
@settings(max_examples=60)
def test_the_largest_mix_that_suffices_is_found_up_to_a_token_of_its_scarcest_source(
    sources: list[tuple[int, int]], total: int
) -> None:
    parts = sum(part for part, _ in sources)
    demands = [share(Fraction(part, parts), available) for part, available in sources]
    exact, scarcest = min((Fraction(available * parts, part), part) for part, available in sources)
    found = plan_budget(total, demands, shrink=True).tokens
    if total <= exact:
        assert found == total
    else:
        assert exact - 1 < found < exact + Fraction(parts, scarcest)
