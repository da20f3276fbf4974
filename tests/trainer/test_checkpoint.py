"""Checkpoints: whole or absent, refused when a byte is wrong, kept by count."""

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mixes.errors import CheckpointError
from mixes.typed_yaml.canonical import canonical_json
from trainer.checkpoint import (
    FILE_NAME,
    Progress,
    fill_from,
    newest_sound,
    steps_on_disk,
    verified,
)
from trainer.ranks import Ranks
from trainer.saving import CheckpointWriter

NUM_FLIPS = 500


def progress_at(step: int) -> Progress:
    return Progress(
        step=step,
        tokens=step * 100,
        learning_rate=0.1 / step,
        peak_learning_rate=0.1,
        spec={"steps": 9},
        shape={"hidden_size": 4},
        mix={"name": "small"},
        parent="",
    )


def state_at(step: int) -> dict[str, Tensor]:
    return {"weights/a": torch.full((3, 2), float(step)), "guard/count": torch.tensor(step)}


@pytest.fixture
def writer(tmp_path: Path, ranks: Ranks) -> Iterator[CheckpointWriter]:
    opened = CheckpointWriter(tmp_path, 3, ranks)
    yield opened
    opened.close()


@pytest.fixture
def two_checkpoints(tmp_path: Path, writer: CheckpointWriter) -> Path:
    for step in (1, 2):
        writer.save(state_at(step), progress_at(step))
    writer.wait()
    return tmp_path


def test_what_was_saved_is_found_again(two_checkpoints: Path) -> None:
    checkpoint = verified(two_checkpoints / "step-2")
    assert checkpoint.progress == progress_at(2)
    state = state_at(0)
    fill_from(checkpoint, state)
    assert all(torch.equal(tensor, state_at(2)[name]) for name, tensor in state.items())


def test_saving_copies_at_once_so_that_later_changes_do_not_reach_the_file(
    tmp_path: Path, writer: CheckpointWriter
) -> None:
    state = state_at(1)
    writer.save(state, progress_at(1))
    state["weights/a"].zero_()
    writer.wait()
    loaded = state_at(0)
    fill_from(verified(tmp_path / "step-1"), loaded)
    assert torch.equal(loaded["weights/a"], state_at(1)["weights/a"])


def test_equal_states_give_equal_bytes(tmp_path: Path, ranks: Ranks, two_checkpoints: Path) -> None:
    other = CheckpointWriter(tmp_path / "other", 3, ranks)
    other.save(state_at(2), progress_at(2))
    other.close()
    for file in (two_checkpoints / "step-2").iterdir():
        assert file.read_bytes() == (tmp_path / "other" / "step-2" / file.name).read_bytes()


def test_every_flipped_bit_is_refused_by_the_name_of_its_file(two_checkpoints: Path) -> None:
    chance = random.Random(0)
    folder = two_checkpoints / "step-2"
    files = sorted(folder.iterdir())
    assert len(files) == 2
    for file in files:
        content = file.read_bytes()
        for _ in range(NUM_FLIPS):
            damaged = bytearray(content)
            damaged[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            file.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=file.name):
                verified(folder)
        file.write_bytes(content)
    verified(folder)


@pytest.mark.parametrize("kept", [0, 1, 100])
def test_cut_and_missing_files_are_refused_by_name(two_checkpoints: Path, kept: int) -> None:
    folder = two_checkpoints / "step-2"
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        file.write_bytes(content[:kept])
        with pytest.raises(CheckpointError, match=file.name):
            verified(folder)
        file.unlink()
        with pytest.raises(CheckpointError, match=file.name):
            verified(folder)
        file.write_bytes(content)


def sealed(record: dict[str, object]) -> bytes:
    """A record with a digest that fits, as someone who knows the format would forge it."""
    return canonical_json(record | {"digest": hashlib.sha256(canonical_json(record)).hexdigest()})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": "../../elsewhere"}, r"found other keys or values .*: Expected `int`, got `str` - at `\$.step`"),
        ({"format": "gristmill-checkpoint/9"}, "found the format 'gristmill-checkpoint/9', wanted"),
        ({"surprise": 1}, "found other keys or values than"),
        ({"files": {}}, "Expected `object` of length >= 1"),
        ({"step": -1}, r"Expected `int` >= 0 - at `\$.step`"),
        ({"step": 2**70}, "found other keys or values than"),
    ],
)
def test_a_record_of_another_form_is_refused(two_checkpoints: Path, changes: dict[str, object], message: str) -> None:
    place = two_checkpoints / "step-2" / FILE_NAME
    record = json.loads(place.read_bytes())
    del record["digest"]
    place.write_bytes(sealed(record | changes))
    with pytest.raises(CheckpointError, match=message):
        verified(two_checkpoints / "step-2")


def test_a_record_that_names_a_file_outside_its_folder_is_refused(two_checkpoints: Path) -> None:
    place = two_checkpoints / "step-2" / FILE_NAME
    record = json.loads(place.read_bytes())
    del record["digest"]
    for name in ("../step-1/checkpoint.json", "/etc/hostname"):
        record["files"] = {name: {"size": 1, "digest": "00" * 32}}
        place.write_bytes(sealed(record))
        with pytest.raises(CheckpointError, match="wanted a file of its folder"):
            verified(two_checkpoints / "step-2")


def test_the_newest_sound_checkpoint_is_used_and_the_damaged_one_set_aside(
    two_checkpoints: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shard = next((two_checkpoints / "step-2").glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    found = newest_sound(two_checkpoints)
    assert found is not None
    assert found.progress.step == 1
    assert shard.name in caplog.text
    assert steps_on_disk(two_checkpoints) == [1]
    assert (two_checkpoints / "step-2.damaged").is_dir()


def test_a_checkpoint_under_the_name_of_another_step_is_not_gone_on_from(
    two_checkpoints: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (two_checkpoints / "step-2").rename(two_checkpoints / "step-7")
    found = newest_sound(two_checkpoints)
    assert found is not None
    assert found.progress.step == 1
    assert "step-7: found one of step 2" in caplog.text


def test_without_any_sound_checkpoint_nothing_is_touched(two_checkpoints: Path) -> None:
    for step in (1, 2):
        (two_checkpoints / f"step-{step}" / FILE_NAME).write_bytes(b"{}")
    with pytest.raises(CheckpointError, match="found 2 checkpoints, all damaged; start again with --fresh"):
        newest_sound(two_checkpoints)
    assert steps_on_disk(two_checkpoints) == [1, 2]


def test_an_empty_or_absent_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert newest_sound(tmp_path) is None
    assert newest_sound(tmp_path / "absent") is None


def test_the_newest_are_kept(tmp_path: Path, writer: CheckpointWriter) -> None:
    for step in (1, 2, 9, 10, 11):
        writer.save(state_at(step), progress_at(step))
    writer.wait()
    assert steps_on_disk(tmp_path) == [9, 10, 11]
    assert not list(tmp_path.glob("*.tmp"))


def test_of_a_checkpoint_that_was_moved_and_linked_the_tensors_stay(
    tmp_path: Path, two_checkpoints: Path, ranks: Ranks
) -> None:
    (two_checkpoints / "step-1").rename(tmp_path / "moved")
    for name in ("step-1", "step-9.tmp"):
        (two_checkpoints / name).symlink_to(tmp_path / "moved")
    opened = CheckpointWriter(two_checkpoints, 2, ranks)
    opened.save(state_at(3), progress_at(3))
    opened.close()
    assert steps_on_disk(two_checkpoints) == [2, 3]
    assert verified(tmp_path / "moved").progress.step == 1


def test_milestones_stay_for_ever_and_are_not_counted(tmp_path: Path, ranks: Ranks) -> None:
    opened = CheckpointWriter(tmp_path, 2, ranks, milestone=4)
    for step in (2, 4, 6, 8, 10, 11):
        opened.save(state_at(step), progress_at(step))
    opened.close()
    assert steps_on_disk(tmp_path) == [4, 8, 10, 11]


def test_what_a_killed_process_left_is_no_checkpoint_and_is_removed(tmp_path: Path, ranks: Ranks) -> None:
    leftover = tmp_path / "step-7.tmp"
    leftover.mkdir()
    (leftover / "shard-00000-of-00001.safetensors").write_bytes(b"half")
    assert steps_on_disk(tmp_path) == []
    CheckpointWriter(tmp_path, 3, ranks).close()
    assert not leftover.exists()


@pytest.mark.parametrize("fault", ["mixes.files.os.fsync", "trainer.checkpoint.Path.rename"])
def test_a_fault_while_writing_leaves_the_earlier_checkpoint_and_is_reported(
    two_checkpoints: Path, writer: CheckpointWriter, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(fault, fail)
        writer.save(state_at(3), progress_at(3))
        with pytest.raises(CheckpointError, match="No space left on device") as caught:
            writer.wait()
    if "fsync" in fault:  # the file of tensors: 24 bytes of weights, 8 of the count
        assert "this rank's file needs 32 bytes, " in str(caught.value)
    assert not list(two_checkpoints.glob("step-3*"))
    found = newest_sound(two_checkpoints)
    assert found is not None
    assert found.progress.step == 2


def test_tensors_of_another_model_are_refused(two_checkpoints: Path) -> None:
    checkpoint = verified(two_checkpoints / "step-2")
    with pytest.raises(CheckpointError, match="found no tensor 'weights/b'"):
        fill_from(checkpoint, {"weights/b": torch.zeros(3, 2)})
    with pytest.raises(CheckpointError, match="weights/a"):
        fill_from(checkpoint, {"weights/a": torch.zeros(4, 2)})
    with pytest.raises(CheckpointError, match=r"weights/a: found .*float32.* wanted torch.float64"):
        fill_from(checkpoint, {"weights/a": torch.zeros(3, 2, dtype=torch.float64)})
    with pytest.raises(CheckpointError, match=r"shape \(3, 2\), wanted .* shape \(2, 2\)"):
        fill_from(checkpoint, {"weights/a": torch.zeros(2, 2)})


def test_a_folder_that_is_no_checkpoint_is_refused_with_what_is_near(tmp_path: Path, two_checkpoints: Path) -> None:
    for folder in (two_checkpoints, two_checkpoints / "step-3"):
        with pytest.raises(CheckpointError, match=r"wanted a checkpoint, such as .*step-2$"):
            verified(folder)
    with pytest.raises(CheckpointError, match="wanted a checkpoint, RUN/step-N"):
        verified(tmp_path / "no" / "where")
