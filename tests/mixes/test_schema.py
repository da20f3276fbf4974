"""The schema for editors and the tables for people: current, and of one mind with the binder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import jsonschema
import pytest
import yaml

from mixes.errors import SpecError
from mixes.schema import main, schema_of, schema_text, tables_of
from mixes.spec.mix import MixSpec
from mixes.typed_yaml.binding import bind_text
from mixes.typed_yaml.canonical import resolved
from mixes.typed_yaml.fields import about

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "mixes").glob("*.yaml"))
MIX_SCHEMA = schema_of(MixSpec)
VALIDATOR = jsonschema.Draft202012Validator(MIX_SCHEMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """Limits of a value."""

    low: float = field(default=0.0, metadata=about("smallest value"))


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """Told by one."""

    one: int = field(metadata=about("a number", at_least=1, at_most=9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """Told by two."""

    two: str = field(metadata=about("a text", pattern="a|b"))
    others: Mapping[str, Inner] = field(default_factory=dict, metadata=about("limits of a value", rest=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """Settings of every kind.

    A second paragraph, which is not shown.
    """

    choice: Literal["a", "b"] | None = field(default="a", metadata=about("which | one"))
    names: tuple[str, ...] = field(metadata=about("names", single=True, min_items=1))
    inner: Inner = field(default_factory=Inner, metadata=about("its limits"))
    named: Mapping[str, bool] = field(default_factory=dict, metadata=about("by name", pattern="[a-z]+"))
    items: tuple[One | Two, ...] = field(default=(), metadata=about("one or two"))


def grouped(kind: dict[str, object]) -> dict[str, object]:
    return {"anyOf": [kind, {"$ref": "#/$defs/grouped"}]}


def test_each_kind_of_field_has_its_schema() -> None:
    schema = schema_of(Small)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"] == {
        "choice": {"description": "which | one", "anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "default": "a"},
        "names": {
            "description": "names",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        },
        "inner": {"description": "its limits", "$ref": "#/$defs/Inner", "default": {"low": 0.0}},
        "named": {
            "description": "by name",
            "type": "object",
            "propertyNames": {"type": "string", "pattern": "^(?:[a-z]+)$"},
            "additionalProperties": {"type": "boolean"},
            "default": {},
        },
        "items": {
            "description": "one or two",
            "type": "array",
            "items": {"anyOf": [{"$ref": "#/$defs/One"}, {"$ref": "#/$defs/Two"}]},
            "default": [],
        },
    }
    assert schema["description"] == "Settings of every kind."
    assert schema["required"] == ["names"]
    assert schema["additionalProperties"] is False


def test_records_are_defined_once_and_take_other_keys_only_where_the_field_says_so() -> None:
    definitions = schema_of(Small)["$defs"]
    assert isinstance(definitions, dict)
    assert sorted(definitions) == ["Inner", "One", "Two", "grouped"]
    number: dict[str, object] = {"type": "integer", "minimum": 1, "maximum": 9}
    assert definitions["One"]["properties"] == {"one": {"description": "a number", **grouped(number)}}
    assert definitions["One"]["additionalProperties"] is False
    assert definitions["Two"]["additionalProperties"] == {"$ref": "#/$defs/Inner"}


def test_tables_name_key_value_default_and_meaning() -> None:
    assert (
        tables_of(Small)
        == """\
| key | value | default | meaning |
|---|---|---|---|
| `choice` | one of a, b or null | `a` | which \\| one |
| `names` | text or a list of 1 or more | required | names |
| `inner` | a mapping | its defaults | its limits |
| `named` | a mapping | `{}` | by name |
| `items` | a list | `[]` | one or two |

### `inner`

Limits of a value.

| key | value | default | meaning |
|---|---|---|---|
| `low` | a number | `0.0` | smallest value |

### `items[]` with `one`

Told by one.

| key | value | default | meaning |
|---|---|---|---|
| `one` | a whole number in [1, 9] | required | a number |

### `items[]` with `two`

Told by two.

| key | value | default | meaning |
|---|---|---|---|
| `two` | text of the form a\\|b | required | a text |
| any other key | a mapping |  | limits of a value |
"""
    )


def test_the_schema_that_lies_beside_the_specs_is_current() -> None:
    stored = (ROOT / "mixes" / "mix.schema.json").read_text(encoding="utf-8")
    assert stored == schema_text(MixSpec), "run: python -m mixes.schema > mixes/mix.schema.json"
    jsonschema.Draft202012Validator.check_schema(json.loads(stored))


def test_the_tables_in_the_docs_are_current() -> None:
    docs = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
    assert docs.endswith("-->\n\n" + tables_of(MixSpec)), "put the output of: python -m mixes.schema --tables"


def test_every_key_of_a_mix_spec_says_what_it_means() -> None:
    definitions = MIX_SCHEMA["$defs"]
    assert isinstance(definitions, dict)
    for record in [MIX_SCHEMA, *(each for name, each in definitions.items() if name != "grouped")]:
        assert all(key["description"] for key in record["properties"].values())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_the_schema_accepts_a_shipped_spec_as_written_and_resolved(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=mix.schema.json\n")
    VALIDATOR.validate(yaml.safe_load(text))
    VALIDATOR.validate(yaml.safe_load(resolved(bind_text(MixSpec, text, path.name).value)))


GOOD = """
name: small
tokens: 4_000_000
tokenizer: {file: t.json}
rule_sets: {prose: [{measure: num_words, min: 5}, {rules: gopher, num_words: {max: 9}}]}
sources: [{name: web, documents: x, proportion: 1, rules: prose}]
"""


def test_the_schema_accepts_digits_in_groups_as_editors_read_them() -> None:
    assert VALIDATOR.is_valid(yaml.safe_load(GOOD))
    assert VALIDATOR.is_valid(yaml.safe_load(GOOD.replace("4_000_000", "'4_000_000'")))
    assert not VALIDATOR.is_valid(yaml.safe_load(GOOD.replace("4_000_000", "'4000000'")))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: small\n", ""),
        ("name: small", "name: ../small"),
        ("name: small", "name: no"),
        ("name: small", "name: [small]"),
        ("4_000_000", "0"),
        ("4_000_000", "4e6"),
        ("4_000_000", "1.5"),
        ("4_000_000", "true"),
        ("tokens:", "token:"),
        ("{file: t.json}", "t.json"),
        ("{file: t.json}", "{}"),
        ("{file: t.json}", "{file: 5}"),
        ("{file: t.json}", "{file: t.json, eos: ''}"),
        ("prose:", "Prose:"),
        ("min: 5", "min: '5'"),
        ("min: 5", "mim: 5"),
        ("measure: num_words", "measure: null"),
        ("{max: 9}", "9"),
        ("{max: 9}", "{maximum: 9}"),
        ("[{name: web, documents: x, proportion: 1, rules: prose}]", "[]"),
        ("[{name: web, documents: x, proportion: 1, rules: prose}]", "{}"),
        ("documents: x", "documents: []"),
        ("documents: x", "documents: [1]"),
        ("documents: x", "documents: x, format: csv"),
        ("documents: x", "documents: x, html: 'true'"),
        ("proportion: 1", "proportion: 0"),
        ("proportion: 1", "proportion: 1.5"),
        ("rules: prose", "rules: 5"),
        ("rules: prose", "rules: [prose]"),
        ("rules: prose", "rules: [{}]"),
        ("rules: prose", "max_epoch: 2"),
    ],
)
def test_schema_and_binder_refuse_the_same_mistakes(old: str, new: str) -> None:
    bind_text(MixSpec, GOOD, "a.yaml")
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(SpecError):
        bind_text(MixSpec, text, "a.yaml")
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


def test_the_module_prints_schema_or_tables_and_refuses_other_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == schema_text(MixSpec)
    assert main(["--tables"]) == 0
    assert capsys.readouterr().out == tables_of(MixSpec)
    assert main(["--table"]) == 2
    assert capsys.readouterr().err == "found --table, wanted no argument or --tables\n"
