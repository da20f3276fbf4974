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


def test_workers_are_processes() -> None:
    options = parse_options(["mix.yaml", "--workers", "3"])
    assert options.beam.view_as(DirectOptions).direct_num_workers == 3
    assert options.beam.view_as(DirectOptions).direct_running_mode == "multi_processing"


def test_a_remote_runner_is_given_this_package_to_install() -> None:
    options = parse_options(["mix.yaml", "--runner=DataflowRunner", "--project=p", "--region=us-central1"])
    assert not options.is_local
    assert options.beam.view_as(SetupOptions).setup_file.endswith("pyproject.toml")


def test_a_container_replaces_the_package() -> None:
    options = parse_options(["mix.yaml", "--runner=DataflowRunner", "--sdk_container_image=image"])
    assert options.beam.view_as(SetupOptions).setup_file is None


@pytest.mark.parametrize("flag", ["--runer=DataflowRunner", "--worker=2", "--dryrun", "--max_num_worker=3"])
def test_a_flag_that_neither_we_nor_beam_know_is_refused_by_name(flag: str) -> None:
    with pytest.raises(SpecError, match=flag.lstrip("-").split("=")[0]):
        parse_options(["mix.yaml", flag])


def test_workers_of_this_machine_and_a_remote_runner_contradict_each_other() -> None:
    with pytest.raises(SpecError, match="--num_workers"):
        parse_options(["mix.yaml", "--runner=DataflowRunner", "--workers=2"])


@pytest.mark.parametrize("workers", ["0", "-1", "two"])
def test_workers_must_be_a_positive_number(workers: str) -> None:
    with pytest.raises(SystemExit) as raised:
        parse_options(["mix.yaml", f"--workers={workers}"])
    assert raised.value.code == 2
