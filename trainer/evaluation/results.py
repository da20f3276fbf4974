"""What a model reached on a suite: as figures for curves, and as a record in a JSON file."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.evaluation.sums import Likelihood, averages
from trainer.evaluation.tasks import TaskResult


@dataclass(frozen=True, slots=True)
class Results:
    """What a model reached, part after part.

    Attributes:
        texts: by what they are, `held_out` documents of a mix or `texts` of a folder, and by source or domain.
        tasks: of each set of questions, in the order they were given.
    """

    texts: dict[str, Mapping[str, Likelihood]] = field(default_factory=dict)
    tasks: list[TaskResult] = field(default_factory=list)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Results":  # Any: JSON
        """Return what `record` gave, or nothing for an empty one."""
        names = [each.name for each in dataclasses.fields(Likelihood)]
        texts: dict[str, Mapping[str, Likelihood]] = {
            kind: {
                domain: Likelihood(**{name: _number(sums[name]) for name in names})  # type: ignore[arg-type] # JSON
                for domain, sums in each["by_domain"].items()
            }
            for kind, each in record.items()
            if kind != "tasks"
        }
        tasks = [{**each, "bits_per_byte": _number(each["bits_per_byte"])} for each in record.get("tasks", ())]
        return cls(texts, [TaskResult(**each) for each in tasks])

    def __len__(self) -> int:
        """Return the number of parts."""
        return len(self.texts) + len(self.tasks)

    def record(self) -> dict[str, Any]:  # Any: JSON
        """Return all figures for a JSON file, where those that are not finite become null."""
        texts = {
            kind: {"by_domain": {name: each.record() for name, each in likelihoods.items()}, **averages(likelihoods)}
            for kind, likelihoods in self.texts.items()
        }
        return {**texts, "tasks": [dataclasses.asdict(result) for result in self.tasks]}

    def figures(self) -> dict[str, float]:
        """Return the figures worth a curve, by names as `held_out/wiki/bits_per_byte`."""
        found = {}
        for kind, likelihoods in self.texts.items():
            for domain, likelihood in likelihoods.items():
                found[f"{kind}/{domain}/bits_per_byte"] = likelihood.bits_per_byte
            for name, average in averages(likelihoods).items():
                found[f"{kind}/{name}/bits_per_byte"] = average["bits_per_byte"]
        for result in self.tasks:
            found[f"tasks/{result.task}/bits_per_byte"] = result.bits_per_byte
            if result.score is not None:
                found[f"tasks/{result.task}/score"] = result.score
        return found


def _number(value: float | None) -> float:
    return math.nan if value is None else value
