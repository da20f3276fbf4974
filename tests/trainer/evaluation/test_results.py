"""Results as a record: what comes back is what was written, numbers that JSON cannot hold too."""

import math

import msgspec

from trainer.evaluation.results import Results
from trainer.evaluation.sums import Likelihood
from trainer.evaluation.tasks import TaskResult

TASK = TaskResult(task="who", questions=3, shots=1, truncated=0, bits_per_byte=1.5, cloze={"raw": 0.5}, score=0.5)


def read_back(results: Results) -> Results:
    return Results.of_record(msgspec.json.decode(msgspec.json.encode(results.record())))


def test_a_record_gives_the_results_again() -> None:
    likelihood = Likelihood(nll=0.1 + 0.2, tokens=3, bytes=4, documents=1)
    results = Results(texts={"held_out": {"web": likelihood}}, tasks=[TASK])
    assert read_back(results) == results
    assert len(results) == 2
    assert Results.of_record({}) == Results()


def test_figures_of_a_model_that_gives_no_number_come_back_as_none() -> None:
    broken = Likelihood(nll=math.nan, tokens=3, bytes=4, documents=1)
    task = TaskResult(task="who", questions=3, shots=1, truncated=0, bits_per_byte=math.nan)
    found = read_back(Results(texts={"texts": {"web": broken}}, tasks=[task]))
    assert math.isnan(found.texts["texts"]["web"].bits_per_byte)
    assert all(math.isnan(value) for value in found.figures().values())
