"""The request: a spec whose every name is known, and from its plan what the workers need."""

import logging
from functools import partial
from pathlib import PurePosixPath

from filters.contamination.group import MEASURES as EVALUATION_MEASURES
from filters.contamination.group import Evaluations
from filters.definitions import bounds, is_label
from filters.duplicates.candidates import BAND_RECORD
from filters.editors import known_editors
from filters.measures import known_measures
from filters.provenance.licences import spdx_identifier
from filters.rule_sets import known_rule_sets, variant_rule_set, variants_of
from mixes.errors import SpecError
from mixes.manifest import TokenizerEntry
from mixes.spec.known_names import KnownNames, name_problems
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand
from mixes.typed_yaml.binding import Bound, bind_file
from pipelines.encoding.definition import read_tokenizer
from pipelines.encoding.encoder import TextEncoder
from pipelines.encoding.fim import sentinel_ids
from pipelines.listing import place_problems
from pipelines.options import BuildOptions
from pipelines.plan import Plan, num_hash_ranges
from pipelines.settings import BuildSettings, declared_measures, make_settings
from pipelines.stations.fingerprints import MATCH_RECORD

log = logging.getLogger(__name__)

_SHINGLE_BYTES = 1_000  # of a document of the length that the plan assumes, where every other one leads a pair
_ALIKE_BYTES = 100  # of such a document where every third has likes: of its pairs, see docs/decisions/duplicates.md
_MAX_IN_ONE_PLACE = 16_000_000  # such documents: their pairs take 4 GB to choose from, which a worker has to spare
_LABEL_FORMS = {"license": spdx_identifier}
"""How measures that are labels write one, where they do not take any text."""
_REPEAT_BYTES = 160  # of such a document: its paragraphs, or the anchors of its stretches


def read_spec(path: str, data_root: str) -> Bound[MixSpec]:
    """Return a spec whose every name is known; its places are for the plan to look at.

    Python files of measures are run, as only that shows what they declare.

    Raises:
        SpecError: The file is no spec, or names a measure or rule set that does not exist; all that is wrong with it,
            places too.
    """
    measures = known_measures()
    known = KnownNames(
        measures={name: bounds(measure) for name, measure in measures.items() if not is_label(measure)},
        labels={name: _LABEL_FORMS.get(name, str) for name, measure in measures.items() if is_label(measure)},
        rule_sets={
            name: {
                "": [rule.measure for rule in rules.rules],
                **{each: [rule.measure for rule in variant_rule_set(name, each)] for each in variants_of(name)},
            }
            for name, rules in known_rule_sets().items()
        },
        edits=known_editors(),
        of_evaluations=(*(measure.name for measure in EVALUATION_MEASURES), Evaluations.name),
        of_file=partial(declared_measures, data_root=data_root),
    )
    return bind_file(
        MixSpec,
        path,
        check=partial(name_problems, known=known),
        check_refused=partial(place_problems, data_root=data_root),
    )


def make_build_settings(options: BuildOptions, plan: Plan, tokenizer: TokenizerEntry | None = None) -> BuildSettings:
    """Return what the workers need for a plan.

    Args:
        options: The command line.
        plan: The plan.
        tokenizer: What is known of the tokenizer; None: it is loaded, and what encodes is proven.

    Raises:
        SpecError: A rule, a model or the tokenizer is not what it should be.
    """
    spec = plan.spec
    num_bands = spec.dedupe.fuzzy.num_bands if spec.dedupe.fuzzy else 1
    try:
        return make_settings(
            spec,
            output=options.output,
            data_root=options.data,
            tokenizer=tokenizer or _describe_tokenizer(spec, options.data),
            num_ranges=num_hash_ranges(plan, MATCH_RECORD.itemsize),
            num_band_ranges=num_hash_ranges(plan, num_bands * BAND_RECORD.itemsize),
            num_shingle_ranges=num_hash_ranges(plan, _SHINGLE_BYTES),
            num_repeat_ranges=num_hash_ranges(plan, _REPEAT_BYTES),
            num_units=len(plan.units),
            num_alike_ranges=_num_alike_ranges(plan),
            num_rounds=options.rounds,
        )
    except ValueError as error:
        raise SpecError(f"{options.spec}: {error}") from error


def _num_alike_ranges(plan: Plan) -> int:
    """Return into how many ranges what is alike goes; 1 where it fits in one place, which takes the fewest steps."""
    return 1 if plan.estimated_documents <= _MAX_IN_ONE_PLACE else num_hash_ranges(plan, _ALIKE_BYTES)


def _describe_tokenizer(spec: MixSpec, data_root: str) -> TokenizerEntry:
    """Load the tokenizer once here, so that what would fail on every worker is refused at once."""
    file = read_tokenizer(expand(spec.tokenizer.file, data_root))
    encoder = TextEncoder(file, spec.tokenizer.eos, spec.tokenizer.backend)
    if encoder.fallback:
        log.warning("%s: tokenizing with %s, which is slow: %s", file.uri, encoder.name, encoder.fallback)
    fims = {source.name: source.fim for source in spec.sources if source.fim}
    return TokenizerEntry(
        name=PurePosixPath(spec.tokenizer.file).name,
        digest=file.digest,
        vector=encoder.vector_digest(),
        vocab_size=encoder.vocab_size,
        eos_id=encoder.eos_id,
        special_ids=encoder.definition.special_ids,
        fim_ids={name: sentinel_ids(encoder.definition, fim, name) for name, fim in fims.items()},
    )
