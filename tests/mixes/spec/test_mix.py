"""The mix spec: its defaults, the checks that several keys need, placeholders, rules, and what a resolved spec says."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixes.errors import DataError, SpecError
from mixes.spec.known_names import KnownNames
from mixes.spec.mix import MixSpec
from mixes.spec.places import expand
from mixes.spec.rule_items import Limits, MeasureRule, PublishedRules, RuleItems
from mixes.spec.sections import Language, Parts, Reading, RepeatedNgrams, Tokenizer, Units
from mixes.spec.source import SourceSpec
from mixes.typed_yaml.binding import Bound, bind_file, bind_text
from mixes.typed_yaml.canonical import canonical_json, resolved
from tests.mixes.spec.checked import check_names

ROOT = Path(__file__).parents[3]
SHIPPED = sorted((ROOT / "mixes").glob("*.yaml"))
HEAD = "name: small\ntokenizer: {file: t.json}\n"
ONE_SOURCE = "sources: [{name: web, documents: a.txt, proportion: 1}]\n"


def bound(text: str) -> Bound[MixSpec]:
    return bind_text(MixSpec, text, "a.yaml")


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as error:
        bound(text)
    return str(error.value)


def test_the_smallest_spec_has_the_documented_defaults() -> None:
    assert bound(HEAD + "tokens: 10\n" + ONE_SOURCE).value == MixSpec(
        name="small",
        tokens=10,
        seed=1234,
        tokenizer=Tokenizer(file="t.json", eos="<|endoftext|>"),
        reading=Reading(on_corrupt="fail", max_failed=0.001, max_document_bytes=2**26),
        units=Units(max_bytes=2**26),
        parts=Parts(max_tokens=2**25),
        language=None,
        repeated_ngrams=RepeatedNgrams(max_period=13, min_repeats=32),
        rule_sets={},
        sources=(
            SourceSpec(
                name="web",
                documents=("a.txt",),
                format="auto",
                text_field="text",
                id_field="id",
                html=False,
                proportion=1.0,
                max_epochs=1.0,
                rules=(),
            ),
        ),
    )


def test_every_source_may_give_its_tokens_instead() -> None:
    spec = bound(
        HEAD + "sources: [{name: a, documents: x, tokens: 10}, {name: b, documents: y, tokens: 2_000_000}]"
    ).value
    assert spec.tokens is None
    assert [source.tokens for source in spec.sources] == [10, 2_000_000]


def test_null_turns_repeated_ngrams_off() -> None:
    assert bound(HEAD + "tokens: 10\nrepeated_ngrams: null\n" + ONE_SOURCE).value.repeated_ngrams is None


SOURCES = "{name: web, documents: x, proportion: 0.5}, {name: code, documents: y, "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tokens: 10\n" + ONE_SOURCE + "soruces: []", "a.yaml:5:1: unknown key 'soruces'; did you mean 'sources'?"),
        ("tokens: 10\nsources: []", "a.yaml:4:10: sources: found a list of 0, wanted a list of 1 or more"),
        (
            f"tokens: 10\nsources: [{SOURCES} proportion: 0.45}}]",
            "a.yaml:4:10: sources: proportions add up to 0.95, wanted 1; add 0.05",
        ),
        (
            f"tokens: 10\nsources: [{SOURCES} proportion: 0.75}}]",
            "a.yaml:4:10: sources: proportions add up to 1.25, wanted 1; take away 0.25",
        ),
        (
            ONE_SOURCE,
            "a.yaml:1:1: key 'tokens' is missing, which the proportions are parts of; give the token budget",
        ),
        (
            "tokens: 10\nsources: [{name: web, documents: x, tokens: 8}, {name: code, documents: y, tokens: 4}]",
            "a.yaml:3:9: tokens: found 10, but every source says itself how many it gives; leave this key out",
        ),
        (
            f"tokens: 10\nsources: [{SOURCES} tokens: 5}}]",
            "a.yaml:4:10: sources: proportions add up to 0.5, wanted 1; add 0.5",
        ),
        (
            "tokens: 5\nsources: [{name: web, documents: x, proportion: 1}, {name: code, documents: y, tokens: 5}]",
            "a.yaml:3:9: tokens: found 5, but sources with tokens take 5; raise it or lower those",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, epochs: 1}]",
            "a.yaml:3:56: sources[0].epochs: source 'web' has both tokens and epochs; keep one of them",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, min_tokens: 1}]",
            "a.yaml:3:60: sources[0].min_tokens: source 'web' has no proportion or epochs that it could bound",
        ),
        (
            "sources: [{name: web, documents: x, epochs: 1, min_tokens: 9, max_tokens: 8}]",
            "a.yaml:3:60: sources[0].min_tokens: found min_tokens 9 above max_tokens 8",
        ),
        (
            "sources: [{name: web, documents: x, epochs: 3, max_epochs: 2}]",
            "a.yaml:3:45: sources[0].epochs: found epochs 3 above max_epochs 2; leave max_epochs out",
        ),
        (
            "sources: [{name: web, documents: x, epochs: 0.5, sample: {documents: 0.1}}]",
            (
                "a.yaml:3:70: sources[0].sample.documents: epochs count by all documents of a source, of which a "
                "sample shows some; source 'web' gives 0.5; say how much in tokens or by a proportion, or sample whole "
                "shards (`shards`), which epochs go by"
            ),
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, upsampling: {measure: q}, max_epochs: 2}]",
            "a.yaml:3:86: sources[0].max_epochs: found beside upsampling, which has a bound of its own: max_repeats",
        ),
        (
            (
                "sources: [{name: web, documents: x, splits: {measure: q, limits: [1], into: [{name: a, proportion: "
                "1}, {name: b, epochs: 2}]}}]"
            ),
            "a.yaml:3:11: sources[0]: source 'web' has neither proportion nor tokens nor epochs; give one of them",
        ),
        (
            (
                "sources: [{name: web, documents: x, tokens: 5, splits: {measure: q, limits: [1], into: [{name: a, "
                "epochs: 1}, {name: b, epochs: 2}]}}]"
            ),
            "a.yaml:3:56: sources[0].splits: each split of source 'web' has epochs; leave the source's own amount out",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, proportion: 1}]",
            "a.yaml:3:45: sources[0].tokens: source 'web' has both proportion and tokens; keep one of them",
        ),
        (
            "sources: [{name: web, documents: x}]",
            "a.yaml:3:11: sources[0]: source 'web' has neither proportion nor tokens nor epochs; give one of them",
        ),
        (
            "tokens: 1\nsources: [" + SOURCES + "proportion: 0.5}]",
            (
                "a.yaml:4:49: sources[0].proportion: 0.5 of 1 tokens is less than one token\n"
                "a.yaml:4:94: sources[1].proportion: 0.5 of 1 tokens is less than one token"
            ),
        ),
        (
            "tokens: 10\nsources: [" + SOURCES + "proportion: 0.5, min_tokens: 9}, "
            "{name: math, documents: z, tokens: 2}]",
            "a.yaml:3:9: tokens: found 10, but tokens and min_tokens of sources take 11; raise it or lower those",
        ),
        (
            "tokens: 10\nsources: [{name: web, documents: x, proportion: 1, max_tokens: 9}]",
            (
                "a.yaml:3:9: tokens: found 10, but sources give at most 9 within max_tokens; "
                "lower it, raise max_tokens or write on_shortfall: scale"
            ),
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5}, {name: web, documents: y, tokens: 5}]",
            "a.yaml:3:56: sources[1].name: found 'web' again; sources[0] has it",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, rules: [gopher_quality]}]",
            (
                "a.yaml:3:56: sources[0].rules[0]: found 'gopher_quality', wanted a mapping; a published rule set is "
                "written `- rules: gopher_quality`"
            ),
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, rules: [{measure: num_words}]}]",
            "a.yaml:3:56: sources[0].rules[0]: neither min nor max found; a rule needs a bound",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, rules: [{measure: num_words, min: 5, max: 2}]}]",
            "a.yaml:3:82: sources[0].rules[0].min: found min 5 above max 2; no document could stay",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, rules: [{rules: gopher, num_words: {}}]}]",
            "a.yaml:3:83: sources[0].rules[0].num_words: neither min nor max found; a rule needs a bound",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, text_field: id}]",
            "a.yaml:3:11: sources[0].id_field: found 'id' for both text_field and id_field; wanted two fields",
        ),
        (
            "sources: [{name: Web, documents: x, tokens: 5}]",
            "a.yaml:3:18: sources[0].name: found 'Web', wanted 1 to 64 lower-case letters, digits and '_'",
        ),
        (
            "sources: [{name: web, documents: x, tokens: 5, max_epochs: 0}]",
            "a.yaml:3:60: sources[0].max_epochs: found 0, wanted a number in (0, 1,000]",
        ),
        (
            "seed: -1\nsources: [{name: web, documents: x, tokens: 5}]",
            "a.yaml:3:7: seed: found -1, wanted a whole number in [0, 9,223,372,036,854,775,807]",
        ),
        (
            "reading: {on_corrupt: skip}\nsources: [{name: web, documents: x, tokens: 5}]",
            "a.yaml:3:23: reading.on_corrupt: found 'skip', wanted one of fail, quarantine, keep",
        ),
    ],
)
def test_a_spec_that_cannot_be_carried_out_is_refused_with_figures_and_place(text: str, message: str) -> None:
    assert refusal(HEAD + text) == message


def test_proportions_may_be_rounded_thirds() -> None:
    names = "abc"
    sources = ", ".join(f"{{name: {name}, documents: x, proportion: 0.3333333}}" for name in names)
    assert len(bound(HEAD + f"tokens: 10\nsources: [{sources}]").value.sources) == 3
    assert "add up to 0.999" in refusal(HEAD + f"tokens: 10\nsources: [{sources}]".replace("0.3333333", "0.333"))


@pytest.mark.parametrize("name", ["smoke", "dolmino_50b", "a.b-c_1", "0"])
def test_a_name_of_a_mix_may_have_dots_and_dashes_inside(name: str) -> None:
    assert bound(f'name: "{name}"\ntokenizer: {{file: t}}\ntokens: 10\n' + ONE_SOURCE).value.name == name


@pytest.mark.parametrize("name", ["", ".", "..", ".a", "a..b", "a.", "-a", "a/b", "A", "é", "a b", "a\\n", "a" * 65])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    assert refusal(f'name: "{name}"\ntokenizer: {{file: t}}\ntokens: 10\n' + ONE_SOURCE).startswith("a.yaml:1:7: name:")


@pytest.mark.parametrize(
    "place",
    [
        "a.txt",
        "/a/**/*.jsonl.gz",
        "{data}/web/*.parquet",
        "s3://b/a/*.zst",
        "gs://b/[ab]?",
        "https://h/a.gz?part=1",
        "hf://datasets/allenai/dolmino-mix-1124/data/math/**/*.jsonl*",
        "hf://datasets/o/n@refs%2Fpr%2F1/a b/[ab]?.gz",
        "hf://o/n/model.bin",
        "hf://o/n",
        "a@b:c",
    ],
)
def test_local_paths_globs_and_uris_are_places(place: str) -> None:
    spec = bound(HEAD + f"sources: [{{name: web, documents: '{place}', tokens: 5}}]").value
    assert spec.sources[0].documents == (place,)


SECRET = "found a user, password or signature in a URI; a mix stores its spec: use the machine's credentials"
HUB_FORM = "hf://datasets/OWNER/NAME[@REVISION]/PATH, or hf://OWNER/NAME/PATH for a model"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("", "found '', wanted a path or URI"),
        ("a\tb", "found 'a\\tb', wanted a path or URI"),
        ("{home}/a", "found '{home}', wanted no placeholder but {data}; list alternatives one by one"),
        ("a.{gz,zst}", "found '{gz,zst}', wanted no placeholder but {data}; list alternatives one by one"),
        ("{data/a", "found '{data/a', wanted no placeholder but {data}; list alternatives one by one"),
        ("a}", "found '}', wanted no placeholder but {data}; list alternatives one by one"),
        ("{{data}}/a", "found '{', wanted no placeholder but {data}; list alternatives one by one"),
        ("a/{data}/b", "found 'a/{data}/b', wanted {data} at the beginning only and '/' after it"),
        ("{data}a", "found '{data}a', wanted {data} at the beginning only and '/' after it"),
        ("hdfs://h/a", "found hdfs://, wanted a local path or one of s3://, gs://, http://, https://, hf://"),
        ("https://me:word@h/a", SECRET),
        ("s3://me@bucket/a", SECRET),
        ("https://h/a?X-Amz-Signature=1", SECRET),
        ("https://h/a?b=1&sig=2", SECRET),
        ("https://h/a?access_token=2", SECRET),
        *(
            (place, f"found '{place}', wanted {HUB_FORM}")
            for place in ("hf://a", "hf://datasets/o", "hf://", "hf://o/n//a")
        ),
        ("hf://me@o/n/a", SECRET),
        ("https://h/*.gz", "found '*' in an http URI; a web server lists no files: name each of them"),
    ],
)
def test_a_place_that_cannot_work_or_must_not_be_stored_is_refused(place: str, message: str) -> None:
    text = place.replace("\t", "\\t")
    assert (
        refusal(HEAD + f'sources: [{{name: web, documents: [x, "{text}"], tokens: 5}}]')
        == f"a.yaml:3:38: sources[0].documents[1]: {message}"
    )


def test_the_places_of_tokenizer_and_language_model_are_checked_too() -> None:
    text = "name: a\ntokens: 10\ntokenizer: {file: '{root}/t'}\nlanguage: {model: 'ftp://h/m'}\n" + ONE_SOURCE
    assert refusal(text) == (
        "a.yaml:3:19: tokenizer.file: found '{root}', wanted no placeholder but {data}; list alternatives one by one\n"
        "a.yaml:4:19: language.model: found ftp://, wanted a local path or one of s3://, gs://, http://, https://, hf://"
    )


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("data", "data/web/*"),
        ("data/", "data/web/*"),
        ("/mnt/d", "/mnt/d/web/*"),
        ("gs://b/d/", "gs://b/d/web/*"),
        ("/", "//web/*"),
        ("", "./web/*"),
    ],
)
def test_the_placeholder_becomes_the_data_root(root: str, path: str) -> None:
    assert expand("{data}/web/*", root) == path
    assert expand("web/*", root) == "web/*"


KNOWN = KnownNames(
    measures={"num_words": (0, math.inf), "mean_word_length": (0, math.inf), "language_probability": (0, 1)},
    labels={"license": {"MIT": "MIT", "mit": "MIT"}.get},
    rule_sets={
        "gopher_quality": {"": ["num_words", "mean_word_length"], "dolma": ["dolma_num_words"]},
        "english": {"": ["language_en"]},
    },
    edits=["c4_lines", "secrets"],
)
LANGUAGE = "language: {model: m}\n"


def with_rules(rules: str, head: str = LANGUAGE) -> Bound[MixSpec]:
    return bound(HEAD + head + f"sources:\n- {{name: web, documents: x, tokens: 5, rules: {rules}}}\n")


def test_known_measures_and_sets_pass() -> None:
    check_names(
        with_rules(
            "[{measure: num_words, min: 5}, {rules: gopher_quality, num_words: {min: 1}},"
            " {measure: language_en, min: 0.5}, {measure: language_probability, min: 0.5}, {rules: english},"
            " {measure: license, among: [MIT]}, {rules: gopher_quality, variant: dolma, dolma_num_words: {min: 1}}]"
        ),
        KNOWN,
    )


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (
            "[{measure: num_word, min: 5}]",
            "5:58: sources[0].rules[0].measure: unknown measure 'num_word'; did you mean 'num_words'?",
        ),
        (
            "[{measure: language_english, min: 5}]",
            (
                "5:58: sources[0].rules[0].measure: unknown measure 'language_english'; "
                "did you mean 'language_probability'?"
            ),
        ),
        (
            "[{rules: gopher_qualty}]",
            "5:56: sources[0].rules[0].rules: unknown rule set 'gopher_qualty'; did you mean 'gopher_quality'?",
        ),
        (
            "[{rules: english, num_words: {min: 5}}]",
            "5:76: sources[0].rules[0].num_words: 'english' has no rule on 'num_words'; known: language_en",
        ),
        (
            "[{rules: gopher_quality, variant: dolme}]",
            "5:81: sources[0].rules[0].variant: 'gopher_quality' has no variant 'dolme'; did you mean 'dolma'?",
        ),
        (
            "[{rules: gopher_quality, variant: dolma, num_words: {min: 5}}]",
            (
                "5:99: sources[0].rules[0].num_words: 'gopher_quality' has no rule on 'num_words'; did you mean "
                "'dolma_num_words'?"
            ),
        ),
        (
            "pros",
            (
                "5:47: sources[0].rules: unknown rule set 'pros'; known: english, gopher_quality; published ones are "
                "items of a list: `- rules: NAME`"
            ),
        ),
        (
            "gopher_qualty",
            (
                "5:47: sources[0].rules: unknown rule set 'gopher_qualty'; did you mean 'gopher_quality'?; published "
                "ones are items of a list: `- rules: NAME`"
            ),
        ),
        (
            "gopher_quality",
            (
                "5:47: sources[0].rules: found no 'gopher_quality' among `rule_sets`; it is a published one, which is "
                "an item of a list: `- rules: gopher_quality`"
            ),
        ),
        (
            "[{measure: license, min: 5}]",
            "5:58: sources[0].rules[0].measure: 'license' is a label; give the labels that stay: `among: [...]`",
        ),
        (
            "[{measure: language_en, min: 65}]",
            "5:48: sources[0].rules[0]: 'language_en' lies between 0 and 1; no document could stay",
        ),
        (
            "[{measure: num_words, max: -1}]",
            "5:48: sources[0].rules[0]: 'num_words' lies between 0 and inf; no document could stay",
        ),
        (
            "[{measure: license, among: [MIT, mit]}]",
            "5:80: sources[0].rules[0].among[1]: found 'mit', which 'license' never gives; write 'MIT'",
        ),
        (
            "[{measure: license, among: [what]}]",
            "5:75: sources[0].rules[0].among[0]: found 'what', which 'license' never gives; no document could have it",
        ),
        (
            "[{measure: num_words, among: [MIT]}]",
            "5:76: sources[0].rules[0].among: 'num_words' is a number; give min or max",
        ),
    ],
)
def test_a_name_that_nobody_knows_is_refused_with_the_nearest(rules: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        check_names(with_rules(rules), KNOWN)
    assert str(error.value) == f"a.yaml:{message}"


def test_the_measure_that_chooses_among_duplicates_is_a_number_that_is_known() -> None:
    def told(name: str, measures: str = "[{name: quality, field: metadata.score}]") -> str:
        with pytest.raises(SpecError) as error:
            check_names(bound(f"measures: {measures}\n" + HEAD + f"dedupe: {{prefer: {name}}}\n" + sources), KNOWN)
        return str(error.value)

    sources = "sources: [{name: web, documents: x, tokens: 5, edits: [secret]}]\n"
    at, edit = "a.yaml:4:18: dedupe.prefer: ", "a.yaml:5:56: sources[0].edits[0]: unknown edit 'secret'"
    assert told("quality").startswith(edit)
    assert told("qualty").startswith(f"{at}unknown measure 'qualty'; did you mean 'quality'?\n{edit}")
    assert told("license").startswith(f"{at}'license' is a label; wanted a measure that is a number")
    assert told("language_en").startswith(f"{at}'language_en' needs a language model; add the section")


def test_an_unknown_edit_is_refused_with_the_nearest() -> None:
    text = HEAD + "sources: [{name: web, documents: x, tokens: 5, edits: [secrets, c4_line]}]\n"
    with pytest.raises(SpecError) as error:
        check_names(bound(text), KNOWN)
    assert str(error.value) == "a.yaml:3:65: sources[0].edits[1]: unknown edit 'c4_line'; did you mean 'c4_lines'?"


def test_what_looks_for_evaluations_needs_them() -> None:
    known = replace(KNOWN, measures={"overlap": (0, 1)}, edits=["cut"], of_evaluations=["overlap", "cut"])
    text = HEAD + "sources: [{name: web, documents: x, tokens: 5, edits: [cut], rules: [{measure: overlap, max: 0}]}]\n"
    with pytest.raises(SpecError) as error:
        check_names(bound(text), known)
    assert str(error.value).count("needs evaluation sets; add the section `evaluations: {files: ...}`") == 2
    check_names(bound("evaluations: {files: e.jsonl}\n" + text), known)


def test_measures_of_a_spec_are_known_to_its_rules_and_have_names_of_their_own() -> None:
    head = "measures: [{name: score, field: metadata.score}]\n"
    check_names(with_rules("[{measure: score, min: 2}]", head), KNOWN)
    for name in ("num_words", "license", "language_en"):
        head = f"measures: [{{name: {name}, field: x}}]\n"
        with pytest.raises(SpecError, match=f"found '{name}', which is taken; choose another name"):
            check_names(with_rules("[]", head), KNOWN)


def test_measures_in_python_are_known_by_what_their_file_declares() -> None:
    def told(rules: str, measures: str = "{python: my.py}") -> str:
        with pytest.raises(SpecError) as error:
            check_names(with_rules(rules, f"measures: [{measures}]\n"), known)
        return str(error.value)

    def of_file(name: str) -> list[str]:
        if name == "absent.py":
            raise DataError("absent.py: not there")
        if name == "broken.py":
            raise ValueError("broken.py: cannot be run")
        return ["shouting", "whispering"]

    known = replace(KNOWN, of_file=of_file)
    check_names(with_rules("[{measure: shouting, max: 2}]", "measures: [{python: my.py}]\n"), known)
    check_names(with_rules("[{measure: any, max: 2}]", "measures: [{python: absent.py}]\n"), known)
    assert "unknown measure 'shoutin'; did you mean 'shouting'?" in told("[{measure: shoutin, max: 2}]")
    assert told("[{measure: any, max: 2}]", "{python: broken.py}") == (
        "a.yaml:3:21: measures[0].python: broken.py: cannot be run"
    )
    twice = told("[]", "{name: whispering, field: x}, {python: my.py}")
    assert twice == "a.yaml:3:51: measures[1].python: found 'whispering', which is taken; choose another name"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("{measure: a}", "neither min nor max found"),
        ("{measure: a, among: []}", "found an empty list"),
        ("{measure: a, among: [x], max: 3}", "found beside min or max"),
    ],
)
def test_rules_without_a_limit_or_with_two_kinds_are_refused(item: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        with_rules(f"[{item}]")


@pytest.mark.parametrize(
    ("item", "measure"),
    [
        ("{measure: language_de, min: 0.5}", "language_de"),
        ("{measure: language_probability, min: 0.5}", "language_probability"),
        ("{rules: english}", "language_en"),
    ],
)
def test_a_measure_of_languages_needs_a_model(item: str, measure: str) -> None:
    with pytest.raises(SpecError) as error:
        check_names(with_rules(f"[{item}]", head="dedupe: {}\n"), KNOWN)
    remedy = f"'{measure}' needs a language model; add the section `language: {{model: ...}}`"
    assert str(error.value) == f"a.yaml:5:48: sources[0].rules[0]: {remedy}"


def test_rules_of_named_sets_are_checked_too_and_all_problems_listed() -> None:
    text = HEAD + "rule_sets:\n  prose: [{measure: a, min: 1}, {rules: b}]\n" + ONE_SOURCE + "tokens: 10\n"
    with pytest.raises(SpecError) as error:
        check_names(
            bound(text), replace(KNOWN, measures={"num_words": (0, 9)}, labels={}, rule_sets={"gopher": {"": []}})
        )
    assert str(error.value) == (
        "a.yaml:4:21: rule_sets.prose[0].measure: unknown measure 'a'; known: num_words\n"
        "a.yaml:4:41: rule_sets.prose[1].rules: unknown rule set 'b'; known: gopher"
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_spec_binds_and_is_resolved_without_change(path: Path) -> None:
    spec = bind_file(MixSpec, path).value
    assert bind_text(MixSpec, resolved(spec).decode(), "spec.yaml").value == spec
    assert spec.name == path.stem


def test_the_spec_in_the_docs_binds_and_its_errors_are_as_shown() -> None:
    docs = (ROOT / "docs" / "spec.md").read_text()
    (text,) = re.findall(r"```yaml\n(.*?)```", docs, flags=re.DOTALL)
    assert [source.name for source in bind_text(MixSpec, text, "docs").value.sources] == ["web", "code", "math"]
    (shown,) = re.findall(r"```text\n(.*?)```", docs, flags=re.DOTALL)
    wrong = """name: small
tokens: 4e6
tokenizer: {file: "{data}/tokenizer.json"}
sources:
  - name: math
    documents: "{data}/math/*.jsonl.zst"
    proportion: 0.2
    max_epoch: 2
    html: no
"""
    with pytest.raises(SpecError) as error:
        bind_text(MixSpec, wrong, "mixes/small.yaml")
    assert str(error.value) == shown.strip()


NAMES = st.text("abcz09_", min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
NUMBERS = st.floats(-1e9, 1e9).map(lambda number: number + 0.0)
BOUNDS = st.one_of(
    st.builds(lambda low: (low, None), NUMBERS),
    st.builds(lambda high: (None, high), NUMBERS),
    st.builds(lambda one, two: (min(one, two), max(one, two)), NUMBERS, NUMBERS),
)
LIMITS = BOUNDS.map(lambda pair: Limits(min=pair[0], max=pair[1]))
ITEMS = st.builds(lambda name, pair: MeasureRule(measure=name, min=pair[0], max=pair[1]), TEXTS, BOUNDS) | st.builds(
    PublishedRules,
    rules=TEXTS,
    limits=st.dictionaries(TEXTS.filter(lambda name: name not in ("rules", "measure")), LIMITS, max_size=2),
)
RULES: st.SearchStrategy[RuleItems] = st.lists(ITEMS, max_size=3).map(tuple)
LETTERS = st.text(st.characters(categories=["L", "N", "P"], exclude_characters="{}"), min_size=1, max_size=8)
PLACES = LETTERS.map("a".__add__).filter(lambda place: "://" not in place)


@st.composite
def specs(draw: st.DrawFn) -> MixSpec:
    rule_sets = draw(st.dictionaries(NAMES, RULES, max_size=2))
    by_name = st.sampled_from(sorted(rule_sets)) if rule_sets else st.nothing()
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    counted = draw(st.booleans())
    sources = [
        SourceSpec(
            name=name,
            documents=tuple(draw(st.lists(PLACES, min_size=1, max_size=2))),
            format=draw(st.sampled_from(["auto", "parquet", "wet"])),
            text_field=draw(TEXTS) + "t",
            id_field=draw(TEXTS) + "i",
            html=draw(st.booleans()),
            proportion=None if counted else 1 / len(names),
            tokens=draw(st.integers(1, 10**15)) if counted else None,
            max_epochs=draw(st.floats(1e-6, 1000)),
            rules=draw(RULES | by_name),
        )
        for name in names
    ]
    return MixSpec(
        name=draw(NAMES),
        tokens=None if counted else draw(st.integers(10, 10**15)),
        seed=draw(st.integers(0, 2**63 - 1)),
        tokenizer=Tokenizer(file=draw(PLACES), eos=draw(TEXTS)),
        reading=Reading(max_failed=draw(st.floats(0, 1)) + 0.0),
        language=draw(st.none() | st.builds(Language, model=PLACES)),
        repeated_ngrams=draw(st.none() | st.builds(RepeatedNgrams, max_period=st.integers(1, 1000))),
        rule_sets=rule_sets,
        sources=tuple(sources),
    )


@settings(max_examples=100)
@given(specs())
def test_a_resolved_spec_binds_to_an_equal_one_with_equal_bytes(spec: MixSpec) -> None:
    text = resolved(spec).decode()
    again = bind_text(MixSpec, text, "spec.yaml").value
    assert again == spec
    assert resolved(again).decode() == text
    assert canonical_json(again) == canonical_json(spec)
