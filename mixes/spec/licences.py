"""Licences: what a spec lets through."""

from mixes.spec.mix import MixSpec
from mixes.spec.rule_items import MeasureRule


def allowed_licences(spec: MixSpec, source: str) -> tuple[str, ...]:
    """Return the licences among which a rule of a source keeps those of its documents; none where no rule says."""
    rules = next((each.rules for each in spec.sources if each.name == source), ())
    items = spec.rule_sets[rules] if isinstance(rules, str) else rules
    limits = (each.among for each in items if isinstance(each, MeasureRule) and each.measure == "license")
    return tuple(next((among for among in limits if among), ()))
