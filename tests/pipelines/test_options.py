"""Tests of the command line: what runs where, and what is refused."""

import pytest
from apache_beam.options.pipeline_options import DirectOptions, SetupOptions, StandardOptions

from mixes.errors import SpecError
from pipelines.options import parse_options


@pytest.mark.parametrize("arguments", [[], ["--runner=DirectRunner"], ["--runner", "FnApiRunner"]])
def test_this_machine_is_the_fn_api_runner_in_this_process(arguments: list[str]) -> None:
    options = parse_options(["mix.yaml", *arguments])
    assert options.is_local
    assert options.beam.view_as(StandardOptions).runner == "FnApiRunner"
    assert options.beam.view_as(DirectOptions).direct_num_workers == 1
    assert options.beam.view_as(DirectOptions).direct_running_mode == "in_memory"


def test_beam_is_told_of_all_workers() -> None:
    options = parse_options(["mix.yaml", "--workers", "3"])
    assert options.num_workers == 3
    assert options.beam.view_as(DirectOptions).direct_num_workers == 3


def test_a_remote_runner_is_given_this_package_to_install() -> None:
    options = parse_options(["mix.yaml", "--runner=DataflowRunner", "--project=p", "--region=us-central1"])
    assert not options.is_local
    assert options.beam.view_as(SetupOptions).setup_file.endswith("pyproject.toml")


def test_a_container_replaces_the_package() -> None:
    options = parse_options(["mix.yaml", "--runner=DataflowRunner", "--sdk_container_image=image"])
    assert options.beam.view_as(SetupOptions).setup_file is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--worker=2"], "neither gristmill nor Beam knows --worker; did you mean '--workers'?"),
        (["--worker", "2"], "neither gristmill nor Beam knows --worker; did you mean '--workers'?"),
        (["--dryrun"], "neither gristmill nor Beam knows --dryrun; did you mean '--dry-run'?"),
        (
            ["--max_num_worker=3"],
            "neither gristmill nor Beam knows --max_num_worker; did you mean '--max_num_workers'?",
        ),
        (["-q", "2"], "neither gristmill nor Beam knows -q; see --help for gristmill's flags"),
        (["other.yaml"], "found 'other.yaml' beside the spec; wanted one spec, and flags"),
        (["--num_workers=two"], "argument --num_workers: invalid int value: 'two'"),
    ],
)
def test_what_neither_we_nor_beam_know_is_refused_with_the_nearest(
    arguments: list[str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SpecError) as error:
        parse_options(["mix.yaml", *arguments])
    assert str(error.value) == f"command line: {told}"
    assert caplog.text == ""


def test_flags_of_beam_go_to_the_runner() -> None:
    arguments = ["--experiments=one", "--num_workers", "3", "--temp_location=gs://bucket/tmp"]
    options = parse_options(["mix.yaml", "--runner=DataflowRunner", *arguments])
    found = options.beam.get_all_options()
    assert (found["experiments"], found["num_workers"], found["temp_location"]) == (["one"], 3, "gs://bucket/tmp")


def test_workers_of_this_machine_and_a_remote_runner_contradict_each_other() -> None:
    with pytest.raises(SpecError, match="--num_workers"):
        parse_options(["mix.yaml", "--runner=DataflowRunner", "--workers=2"])


@pytest.mark.parametrize("workers", ["0", "-1", "two"])
def test_workers_must_be_a_positive_number(workers: str) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_options(["mix.yaml", f"--workers={workers}"])
    assert raised.value.code == 2
