"""What can be compiled apart; that every kernel is among it, tests/pipelines/test_warm_up.py shows."""

from filters.warm_up import pieces


def test_every_group_is_a_piece() -> None:
    assert {"TextGroup", "ProgramGroup", "EvaluationGroup", "editors", "duplicates", "fastText"} < set(pieces())
