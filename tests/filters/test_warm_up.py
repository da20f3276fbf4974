"""Everything that a build may need is compiled beforehand."""

import pytest

from filters.warm_up import pieces, warm_up


@pytest.mark.parametrize("piece", pieces())
def test_every_piece_runs_by_itself(piece: str) -> None:
    warm_up(piece)


def test_every_group_is_a_piece() -> None:
    assert {"TextGroup", "ProgramGroup", "EvaluationGroup", "editors", "duplicates"} < set(pieces())
