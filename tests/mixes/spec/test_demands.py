"""From a spec to its budget: the worked examples of docs/budget.md, computed again."""

import re
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from mixes.budget import plan_budget
from mixes.spec.amounts import Upsampling
from mixes.spec.demands import demands_of, quantiles_of
from mixes.spec.mix import MixSpec
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.binding import bind_text

_PAGE = (Path(__file__).parents[3] / "docs" / "budget.md").read_text()
_EXAMPLES = re.findall(r"```yaml\n(.*?)```.*?\| name \| available .*?\n\| ---.*?\n(.*?)\n\n", _PAGE, re.DOTALL)
_HEAD = "name: example\ntokenizer: {file: t}\n"


def complete(text: str) -> MixSpec:
    """Return an example as a whole spec: it leaves out what has nothing to do with the budget."""
    body = yaml.safe_load(text)
    for source in body["sources"]:
        source["documents"] = "x"
    return bind_text(MixSpec, _HEAD + yaml.safe_dump(body), "example").value


@pytest.mark.parametrize(("text", "table"), _EXAMPLES, ids=range(len(_EXAMPLES)))
def test_the_examples_of_the_documentation_are_what_the_arithmetic_gives(text: str, table: str) -> None:
    spec = complete(text)
    rows = {row[0]: row for row in (line.strip("| ").split(" | ") for line in table.splitlines())}
    names = [source.split_names for source in spec.sources]
    assert [name for split_names in names for name in split_names] == list(rows)
    available = [[int(rows[name][1].replace(",", "")) for name in split_names] for split_names in names]
    budget = plan_budget(spec.tokens, demands_of(spec, available), shrink=spec.on_shortfall == "scale")
    for split_names, tokens, supply in zip(names, budget.sources, available, strict=True):
        for name, wanted, tokens_each in zip(split_names, tokens, supply, strict=True):
            assert [f"{wanted:,}", f"{round(wanted / tokens_each, 3):g}"] == rows[name][2:]


def test_there_are_examples() -> None:
    assert len(_EXAMPLES) == 5


def test_quantiles_count_as_the_decimals_that_are_written() -> None:
    spec = complete(_EXAMPLES[3][0])
    assert [quantiles_of(source) for source in spec.sources] == [(), (Fraction(4, 10), Fraction(9, 10))]
    curve = Upsampling(measure="quality", drop=0.1, buckets=3)
    assert quantiles_of(SourceSpec(name="web", documents=("x",), tokens=1, upsampling=curve)) == (
        Fraction(1, 10),
        Fraction(4, 10),
        Fraction(7, 10),
    )
