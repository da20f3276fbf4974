"""What every worker needs to know of a build; small, immutable and pickled with the DoFns."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from filters.classifiers.fasttext_label import FastTextGroup
from filters.classifiers.fields import FieldGroup
from filters.classifiers.transformer import TransformerGroup
from filters.definitions import MeasureGroup
from filters.duplicates.components import NUM_ROUNDS
from filters.editors import make_editor
from filters.edits import Editor
from filters.measures import groups_for
from filters.own_measures import OwnGroup
from filters.rule_sets import rule_set, variant_rule_set
from filters.rules import Rule
from filters.settings import FilterSettings, UrlListFiles
from mixes.manifest import TokenizerEntry
from mixes.spec.known_names import CLUSTER_SIZE
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand
from mixes.spec.rule_items import (
    FastTextMeasure,
    FieldMeasure,
    MeasureItem,
    ModelMeasure,
    PublishedRules,
    PythonMeasures,
)
from mixes.spec.source import SourceSpec
from pipelines.earlier import EarlierMix, EarlierUnit, read_earlier_mixes
from pipelines.encoding.proof import Proofs
from pipelines.forgotten import Forgotten
from pipelines.plan import (
    digest_of,
    measures_fingerprint,
    repeats_fingerprint,
    signatures_fingerprint,
    tokens_fingerprint,
)
from pipelines.readers import ReadSettings
from pipelines.storage import join, local_file, local_files, local_folder, read_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One source as the stations see it."""

    name: str
    reading: ReadSettings
    sample: float  # share of its documents that are looked at, by sampling key
    rules: tuple[Rule, ...]
    edit_reasons: tuple[str, ...]  # of all its span edits, in their order, no two the same
    measures_folder: str
    verdicts_folder: str
    tokens_folder: str  # relative to the output, as the manifest names it
    signatures_folder: str
    repeats_folder: str
    clusters_folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """The resolved request: the spec, where things are, and what each folder is called."""

    spec: MixSpec
    output: str
    data_root: str
    tokenizer_file: str
    tokenizer: TokenizerEntry  # as the manifest will name it
    sources: tuple[SourceSettings, ...]
    num_ranges: int  # hash ranges of the match station: of texts,
    num_band_ranges: int  # of bands of signatures,
    num_shingle_ranges: int  # of those who lead a pair,
    num_repeat_ranges: int  # of paragraphs and stretches of text
    num_alike_ranges: int  # and of documents that are alike; 1: all of them are chosen from in one place
    num_rounds: int  # in which those are connected where they are not
    num_units: int
    earlier: tuple[EarlierMix, ...]  # what is kept of them is left out here
    forgotten: Forgotten = field(default_factory=Forgotten)  # what the output's list says, for a build
    spill_folder: str | None = None  # local folder for blocks on their way; None where a service shuffles them
    progress_folder: str | None = None  # local folder for progress marks; None where workers share no disk
    proofs: Proofs = frozenset()  # of encoders, where the workers are on the machine that has proven them

    @property
    def earlier_units(self) -> tuple[EarlierUnit, ...]:
        """Return the units of all earlier mixes, in the order of their ordinals."""
        return tuple(unit for mix in self.earlier for unit in mix.units)

    @property
    def signs(self) -> bool:
        """Return whether duplicates are recognised by more than the text itself."""
        dedupe = self.spec.dedupe
        return dedupe.fuzzy is not None or dedupe.normalized is not None or dedupe.url

    def groups(self, source: int) -> list[MeasureGroup]:
        """Return the measure groups of a source, not yet set up."""
        return measure_groups(self.spec, self.spec.sources[source], self.data_root)

    def editors(self, source: int) -> list[Editor]:
        """Return the editors of a source in the order of its spec, not yet set up."""
        return source_editors(self.spec, self.spec.sources[source], self.data_root)

    def uri(self, *names: str) -> str:
        """Return the place of a file below the output."""
        return join(self.output, *names)


def make_settings(
    spec: MixSpec,
    *,
    output: str,
    data_root: str,
    tokenizer: TokenizerEntry,
    num_ranges: int,
    num_band_ranges: int,
    num_shingle_ranges: int,
    num_repeat_ranges: int,
    num_units: int,
    num_alike_ranges: int = 1,
    num_rounds: int = NUM_ROUNDS,
) -> BuildSettings:
    """Resolve a spec into what the workers need.

    Raises:
        ValueError: A rule or a model file is not what it should be.
    """
    return BuildSettings(
        spec=spec,
        output=output,
        data_root=data_root,
        tokenizer_file=expand(spec.tokenizer.file, data_root),
        tokenizer=tokenizer,
        sources=tuple(_source_settings(spec, source, data_root, tokenizer) for source in spec.sources),
        num_ranges=num_ranges,
        num_band_ranges=num_band_ranges,
        num_shingle_ranges=num_shingle_ranges,
        num_repeat_ranges=num_repeat_ranges,
        num_alike_ranges=num_alike_ranges,
        num_rounds=num_rounds,
        num_units=num_units,
        earlier=read_earlier_mixes([expand(place, data_root) for place in spec.dedupe.against], num_units),
    )


def _source_settings(spec: MixSpec, source: SourceSpec, data_root: str, tokenizer: TokenizerEntry) -> SourceSettings:
    groups = [group.fingerprint() for group in measure_groups(spec, source, data_root)]
    editors = source_editors(spec, source, data_root)
    edits = [editor.fingerprint() for editor in editors]
    measures = measures_fingerprint(spec, source, groups, edits)
    rules = rules_of(spec, source)
    verdicts = digest_of(
        [
            measures,
            spec.seed,
            spec.reading.on_corrupt,
            [[rule.measure, rule.min, rule.max, list(rule.among or ())] for rule in rules],
        ]
    )
    tokens = tokens_fingerprint(spec, source, edits, tokenizer)
    return SourceSettings(
        name=source.name,
        reading=read_settings(spec, source),
        sample=source.sample.share,
        rules=rules,
        edit_reasons=tuple(dict.fromkeys(reason for editor in editors for reason in editor.reasons)),
        measures_folder=f"measures/{source.name}-{measures}",
        verdicts_folder=f"verdicts/{source.name}-{verdicts}",
        clusters_folder=f"clusters/{source.name}-{verdicts}",
        tokens_folder=f"tokens/{source.name}-{tokens}",
        signatures_folder=f"signatures/{source.name}-{signatures_fingerprint(spec, source, edits)}",
        repeats_folder=f"repeats/{source.name}-{repeats_fingerprint(spec, source, edits)}",
    )


def read_settings(spec: MixSpec, source: SourceSpec) -> ReadSettings:
    """Return how the shards of a source are read."""
    return ReadSettings(
        format=source.format,
        text_field=source.text_field,
        id_field=source.id_field,
        html=source.html,
        max_document_bytes=spec.reading.max_document_bytes,
    )


def rules_of(spec: MixSpec, source: SourceSpec) -> tuple[Rule, ...]:
    """Return the rules of a source in the order of the spec, published sets written out."""
    items = spec.rule_sets[source.rules] if isinstance(source.rules, str) else source.rules
    rules: list[Rule] = []
    for item in items:
        if isinstance(item, PublishedRules):
            published = variant_rule_set(item.rules, item.variant) if item.variant else rule_set(item.rules)
            rules += [_override(rule, item) for rule in published]
        else:
            rules.append(Rule(measure=item.measure, min=item.min, max=item.max, among=item.among))
    return tuple(rules)


def _override(rule: Rule, item: PublishedRules) -> Rule:
    limits = item.limits.get(rule.measure)
    return Rule(measure=rule.measure, min=limits.min, max=limits.max) if limits else rule


def measure_groups(spec: MixSpec, source: SourceSpec, data_root: str) -> list[MeasureGroup]:
    """Return every measure group that the rules of a source or its report need, not yet set up.

    Raises:
        ValueError: A rule names a measure that nothing takes.
    """
    wanted = {rule.measure for rule in rules_of(spec, source)}
    wanted |= {name for name in (spec.dedupe.prefer, source.split_measure) if name not in (None, CLUSTER_SIZE)}
    return groups_for(wanted, filter_settings(spec, source, data_root))


def source_editors(spec: MixSpec, source: SourceSpec, data_root: str) -> list[Editor]:
    """Return the span edits of a source in the order of the spec, not yet set up."""
    settings = filter_settings(spec, source, data_root)
    return [make_editor(name, settings) for name in source.edits]


def filter_settings(spec: MixSpec, source: SourceSpec, data_root: str) -> FilterSettings:
    """Return what measures and edits need to know of a source."""

    def path(place: str) -> str:
        return local_file(expand(place, data_root))

    def paths(places: Sequence[str]) -> tuple[str, ...]:
        return tuple(path(place) for place in places)

    return FilterSettings(
        language_model=path(spec.language.model) if spec.language else None,
        language_characters=spec.language.max_characters if spec.language else None,
        url=source.fields.url,
        license=source.fields.license,
        path=source.fields.path,
        stars=source.fields.stars,
        url_lists=UrlListFiles(
            domains=paths(spec.urls.domains),
            strict_substrings=paths(spec.urls.strict_substrings),
            hard_words=paths(spec.urls.hard_words),
            soft_words=paths(spec.urls.soft_words),
            public_suffixes=path(spec.urls.public_suffixes) if spec.urls.public_suffixes else None,
        ),
        evaluations=_evaluation_files(spec, data_root),
        **({"evaluation_ngram": spec.evaluations.ngram} if spec.evaluations else {}),
        bad_words=path(spec.bad_words) if spec.bad_words else None,
        own=tuple(own_group(item, data_root) for item in spec.measures),
    )


def declared_measures(file: str, data_root: str) -> list[str]:
    """Return the names of the measures that a Python file declares, which is run for it.

    Args:
        file: As the spec names it.
        data_root: What `{data}` stands for.

    Raises:
        ValueError: It cannot be run, or declares no measure.
        DataError: It cannot be read.
    """
    return [measure.name for measure in _python_group(file, data_root).measures]


def _python_group(file: str, data_root: str) -> OwnGroup:
    return OwnGroup(read_bytes(expand(file, data_root)), file)


def _evaluation_files(spec: MixSpec, data_root: str) -> tuple[str, ...]:
    """Return the files of evaluations, on this machine, pattern by pattern in the order of their names.

    Raises:
        ValueError: A pattern matches nothing.
    """
    found: list[str] = []
    for pattern in spec.evaluations.files if spec.evaluations else ():
        files = local_files(expand(pattern, data_root))
        if not files:
            raise ValueError(f"evaluations: {pattern!r} matches no file; mend the pattern")
        found += files
    return tuple(dict.fromkeys(found))


def own_group(item: MeasureItem, data_root: str) -> MeasureGroup:
    """Return the group that a measure of the spec declares, not yet set up.

    Raises:
        ValueError: Its file or its settings are not what they should be.
        DataError: Its file cannot be read.
    """
    match item:
        case FastTextMeasure():
            return FastTextGroup(
                name=item.name,
                model=local_file(expand(item.fasttext, data_root)),
                label=item.label,
                text=item.text,
                lower_case=item.lower_case,
                max_characters=item.max_characters,
            )
        case ModelMeasure():
            return TransformerGroup(
                name=item.name,
                model=local_folder(expand(item.model, data_root)),
                label=item.label,
                text=item.text,
                max_tokens=item.max_tokens,
                batch_size=item.batch_size,
            )
        case FieldMeasure():
            return FieldGroup(name=item.name, paths=item.field)
        case PythonMeasures():
            return _python_group(item.python, data_root)
