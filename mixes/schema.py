"""Describes settings dataclasses: to editors as a JSON schema, to people as the tables of `docs/spec.md`.

`python -m mixes.schema` prints the schema of a mix spec, `python -m mixes.schema --tables` the tables; a test compares
both with what lies in the repository.
"""

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence

from mixes.spec.mix import MixSpec
from mixes.typed_yaml.canonical import canonical_json
from mixes.typed_yaml.fields import (
    Choice,
    Key,
    Kind,
    ListOf,
    MapOf,
    Null,
    Number,
    OneOf,
    Record,
    Text,
    Truth,
    keys_of,
    telling_key,
)

Schema = dict[str, object]

_GROUPED: Schema = {
    "description": "a number whose digits stand in groups; editors that read YAML 1.2 take it for text",
    "type": "string",
    "pattern": r"^[-+]?[0-9]{1,3}(_[0-9]{3})+$",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the schema of a mix spec, or with `--tables` its tables; return 0, or 2 for any other argument."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments not in ([], ["--tables"]):
        sys.stderr.write(f"found {' '.join(arguments)}, wanted no argument or --tables\n")
        return 2
    sys.stdout.write(tables_of(MixSpec) if arguments else schema_text(MixSpec))
    return 0


def schema_text(cls: type) -> str:
    """Return the JSON schema of a settings dataclass as the text of a file."""
    return json.dumps(schema_of(cls), indent=2, ensure_ascii=False) + "\n"


def schema_of(cls: type) -> Schema:
    """Return the JSON schema (draft 2020-12) of a settings dataclass.

    It accepts all that `mixes.typed_yaml.binding` accepts, and refuses unknown and missing keys, wrong types and
    numbers out of range; what only several keys together can show (proportions that do not add up), the binder alone
    finds.
    """
    records = {record.cls.__name__: record for record in _records_below(Record(cls=cls))}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": cls.__name__,
        **_record_schema(Record(cls=cls)),
        "$defs": {name: _record_schema(record) for name, record in sorted(records.items())} | {"grouped": _GROUPED},
    }


def tables_of(cls: type) -> str:
    """Return one Markdown table of keys for each mapping that a file of these settings may hold."""
    sections: dict[Record, str] = {Record(cls=cls): ""}
    for record, title in _titled(Record(cls=cls), ""):
        sections.setdefault(record, title)
    return "\n".join(_table(record, title) for record, title in sections.items())


def _record_schema(record: Record) -> Schema:
    keys = keys_of(record.cls)
    rest = next((key.kind.value for key in keys if key.about.rest and isinstance(key.kind, MapOf)), None)
    return {
        "description": _summary(record),
        "type": "object",
        "properties": {key.name: _key_schema(key) for key in keys if not key.about.rest},
        "required": [key.name for key in keys if key.required],
        "additionalProperties": _kind_schema(rest) if rest else False,
    }


def _key_schema(key: Key) -> Schema:
    schema: Schema = {"description": key.about.doc, **_kind_schema(key.kind)}
    if not key.required:
        schema["default"] = json.loads(canonical_json(key.default))
    return schema


def _kind_schema(kind: Kind) -> Schema:
    match kind:
        case Text():
            return {"type": "string", **({"pattern": f"^(?:{kind.pattern})$"} if kind.pattern else {})}
        case Number():
            bounds = {"minimum": kind.at_least, "maximum": kind.at_most, "exclusiveMinimum": kind.above}
            plain: Schema = {"type": "integer" if kind.whole else "number"}
            plain.update((word, bound) for word, bound in bounds.items() if bound is not None)
            return {"anyOf": [plain, {"$ref": "#/$defs/grouped"}]}
        case Truth():
            return {"type": "boolean"}
        case Null():
            return {"type": "null"}
        case Choice():
            return {"enum": list(kind.values)}
        case ListOf():
            item = _kind_schema(kind.item)
            items: Schema = {"type": "array", "items": item} | ({"minItems": kind.min_items} if kind.min_items else {})
            return {"anyOf": [item, items]} if kind.single else items
        case MapOf():
            keys = {"propertyNames": _kind_schema(kind.keys)} if kind.keys.pattern else {}
            return {"type": "object", **keys, "additionalProperties": _kind_schema(kind.value)}
        case Record():
            return {"$ref": f"#/$defs/{kind.cls.__name__}"}
        case OneOf():
            return {"anyOf": [option for each in kind.kinds for option in _options(each)]}


def _options(kind: Kind) -> list[object]:
    schema = _kind_schema(kind)
    options = schema.get("anyOf")
    return options if isinstance(options, list) else [schema]


def _records_below(record: Record) -> Iterator[Record]:
    for found, _ in _titled(record, ""):
        yield found


def _titled(record: Record, path: str) -> Iterator[tuple[Record, str]]:
    """Yield the records below one, each with its title: the path of keys at which it stands."""
    for key in keys_of(record.cls):
        below = "" if key.about.rest else f"{path}.{key.name}".removeprefix(".")
        yield from _titled_kind(key.kind, below or path)


def _titled_kind(kind: Kind, path: str) -> Iterator[tuple[Record, str]]:
    match kind:
        case Record():
            yield kind, f"`{path}`"
            yield from _titled(kind, path)
        case ListOf():
            yield from _titled_kind(kind.item, f"{path}[]")
        case MapOf():
            yield from _titled_kind(kind.value, f"{path}.NAME")
        case OneOf():
            records = [option for option in kind.kinds if isinstance(option, Record)]
            for option in kind.kinds:
                for record, title in _titled_kind(option, path):
                    told = f" with `{telling_key(record, records)}`" if len(records) > 1 and record in records else ""
                    yield record, title + told


def _table(record: Record, title: str) -> str:
    head = f"### {title}\n\n{_summary(record)}\n\n" if title else ""
    rows = [
        f"| {'any other key' if key.about.rest else f'`{key.name}`'} | {_cell(_value(key))} | {_cell(_default(key))} "
        f"| {_cell(key.about.doc)} |\n"
        for key in keys_of(record.cls)
    ]
    return head + "| key | value | default | meaning |\n|---|---|---|---|\n" + "".join(rows)


def _value(key: Key) -> str:
    return key.kind.value.wanted() if key.about.rest and isinstance(key.kind, MapOf) else key.kind.wanted()


def _default(key: Key) -> str:
    if key.about.rest:
        return ""
    if key.required:
        return "required"
    if dataclasses.is_dataclass(key.default):
        return "its defaults"
    if isinstance(key.default, int) and not isinstance(key.default, bool):
        return f"`{key.default:_}`"
    return f"`{json.dumps(json.loads(canonical_json(key.default)))}`".replace('"', "")


def _summary(record: Record) -> str:
    return str(record.cls.__doc__).partition("\n")[0]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())
