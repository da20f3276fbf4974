"""Known values of the tables that compare models."""

import pytest

from trainer.stages.comparison import compared


def test_an_anneal_has_mean_spread_and_soup() -> None:
    table = compared({"before": {"x": 9.0}, "seed-1": {"x": 1.0}, "seed-2": {"x": 3.0}, "soup": {"x": 1.5}})
    assert table["columns"] == ["before", "seed-1", "seed-2", "mean", "spread", "soup"]
    assert table["rows"] == {"x": pytest.approx([9.0, 1.0, 3.0, 2.0, 2**0.5, 1.5])}


def test_one_anneal_has_no_spread_and_no_soup() -> None:
    table = compared({"before": {"x": 9.0}, "seed-1": {"x": 1.0}})
    assert table == {"columns": ["before", "seed-1", "mean", "spread"], "rows": {"x": [9.0, 1.0, 1.0, None]}}


def test_mixes_have_differences_to_the_first_and_their_errors() -> None:
    figures = {"web/seed-1": 2.0, "web/seed-2": 4.0, "math/seed-1": 4.0, "math/seed-2": 5.0}
    table = compared({"before": {"x": 9.0}} | {name: {"x": value} for name, value in figures.items()})
    assert table["columns"] == ["before", "web", "spread", "math", "spread", "difference", "error"]
    error = (2 / 2 + 0.5 / 2) ** 0.5
    assert table["rows"]["x"] == pytest.approx([9.0, 3.0, 2**0.5, 4.5, 0.5**0.5, 1.5, error])


def test_one_data_order_has_a_difference_without_an_error() -> None:
    table = compared({"before": {"x": 9.0}, "web/seed-1": {"x": 2.0}, "math/seed-1": {"x": 4.0}})
    assert table["rows"]["x"] == [9.0, 2.0, None, 4.0, None, 2.0, None]
