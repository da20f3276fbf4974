"""Whole runs on the CPU: exact against a plain loop, exact when resumed, and not to be led astray."""

import dataclasses
import itertools
import json
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from mixes.command import FailedError
from mixes.errors import CheckpointError, MixError, SpecError
from mixes.lock import hold_folder
from mixes.manifest import load, mix_root
from mixes.mix_files import LocalFiles
from mixes.parts import PartDocuments, write_part
from mixes.token_stream import TokenStream
from tests.trainer.small_run import lines_of, losses_of, spec_with, train
from trainer import updates
from trainer.arguments import RunOptions
from trainer.checkpoint import fill_from, steps_on_disk, verified
from trainer.figures import StepFigures
from trainer.loader import Batch, Loader
from trainer.loop import LOCK_FILE, open_run, open_run_on
from trainer.models.decoder import LanguageModel
from trainer.models.documents import documents_of
from trainer.models.head import IGNORED
from trainer.optimizer import clip_gradients
from trainer.ranks import Ranks, local_part
from trainer.schedule import learning_rate
from trainer.sharding import fill_with_initial_weights
from trainer.spec import TrainSpec
from trainer.stopping import StoppedError
from trainer.tensor_files import TensorFiles
from trainer.updates import Trainer
from trainer.watching.lines import METRICS_FILE, SKIPPED_FILE, drop_lines_after, read_lines

STEPS = 6


@pytest.fixture
def finished(mix: Path, tmp_path: Path) -> Path:
    """The folder of an undisturbed run of STEPS steps with a checkpoint after each."""
    train(spec_with(), mix, tmp_path / "undisturbed")
    return tmp_path / "undisturbed"


def shards_of(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in verified(folder).shards]


def plain_losses(
    spec: TrainSpec, mix: Path, num_steps: int, *, whole_logits: bool = False, ranks: Ranks | None = None
) -> list[float]:
    """The training loop without any of our machinery: one process, no FSDP, PyTorch's own optimizer and clipping.

    Args:
        spec: of the run.
        mix: its mix.
        num_steps: done, from the first.
        whole_logits: take the loss of the whole batch by `cross_entropy` over all logits, not by the model's head.
        ranks: where it is given, the kernel of AdamW and the order in which squares are added are those of a run.
    """
    manifest = load(mix)
    model = LanguageModel(spec.model.shape(manifest.tokenizer.vocab_size))
    fill_with_initial_weights(model, spec.seed)
    embedding = model.model.embed_tokens.weight
    others = [parameter for parameter in model.parameters() if parameter is not embedding]
    groups = [{"params": others, "weight_decay": 0.1}, {"params": [embedding], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, fused=ranks is not None)
    schedule = spec.learning_schedule(0.004)
    size = spec.global_batch if whole_logits else spec.micro_batch
    num_labels = spec.global_batch * (spec.sequence_length - 1)
    losses = []
    with TokenStream(manifest, LocalFiles(mix_root(mix))) as stream:
        loader = Loader(
            stream,
            sequence_length=spec.sequence_length,
            global_batch=spec.global_batch,
            data_seed=spec.seed,
            mask_repeated_ngrams=True,
            end_of_document=manifest.tokenizer.eos_id if spec.document_masking else None,
        )
        for step in range(1, num_steps + 1):
            batch = loader.batch(step)
            optimizer.zero_grad()
            total = 0.0
            for start in range(0, spec.global_batch, size):
                rows = slice(start, start + size)
                tokens, labels, documents = batch.tokens[rows], batch.labels[rows], None
                if batch.documents is not None:
                    documents = documents_of(batch.documents[rows], torch.device("cpu"), torch.float32)
                if whole_logits:
                    hidden, of_routers = model.model.states(tokens, documents)
                    logits = model.lm_head.logits(hidden)
                    flat = logits.flatten(0, 1), labels.flatten()
                    nll = functional.cross_entropy(*flat, ignore_index=IGNORED, reduction="sum")
                    loss = nll + spec.z_loss * logits.logsumexp(-1)[labels != IGNORED].square().sum()
                else:
                    loss, by_instance, _, of_routers = model(tokens, labels, spec.z_loss, documents)
                    nll = by_instance.double().sum()
                router = 0.0 if of_routers is None else 0.01 * of_routers[0] + 0.001 * of_routers[1]
                (loss / num_labels + router * size / spec.global_batch).backward()
                total += nll.item()
            if ranks is None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            else:
                clip_gradients(model.parameters(), 1.0, ranks)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, schedule)
            optimizer.step()
            losses.append(total / int((batch.labels != IGNORED).sum()))
    return losses


EXPERTS = [
    ("preset: tiny", "preset: tiny, num_experts: 6, experts_per_token: 2, intermediate_size: 32"),
    ("micro_batch: 4", "micro_batch: 8\ndocument_masking: true"),  # experts are balanced over a micro-batch
]


@pytest.mark.parametrize(("num_steps", "changes"), [(60, []), (20, EXPERTS)], ids=["dense", "experts inside documents"])
def test_losses_are_those_of_a_plain_loop(
    mix: Path, tmp_path: Path, ranks: Ranks, num_steps: int, changes: list[tuple[str, str]]
) -> None:
    """Sharding changes no bit; PyTorch's clipping and AdamW do, in the last place, and the loss of whole logits."""
    spec = spec_with(("steps: 6", f"steps: {num_steps}"), ("interval: 1", "interval: 60"), *changes)
    with open_run_on(ranks, spec, RunOptions(mixes=(mix,), output=tmp_path / "run", device="cpu")) as run:
        run.finish()
    losses = losses_of(tmp_path / "run")
    assert sum(losses[-5:]) < sum(losses[:5]) * (0.75 if num_steps == 60 else 1.0)  # the model learns
    assert losses == plain_losses(spec, mix, num_steps, ranks=ranks)
    assert losses == pytest.approx(plain_losses(spec, mix, num_steps), rel=1e-6)
    assert losses[:12] == pytest.approx(plain_losses(spec, mix, 12, whole_logits=True), rel=1e-6)


def test_two_runs_are_equal_to_the_bit(mix: Path, finished: Path, tmp_path: Path) -> None:
    train(spec_with(), mix, tmp_path / "again")
    assert lines_of(tmp_path / "again") == lines_of(finished)
    assert shards_of(tmp_path / "again" / f"step-{STEPS}") == shards_of(finished / f"step-{STEPS}")


@pytest.mark.parametrize(("precision", "steps"), [("float32", range(1, STEPS + 1)), ("bfloat16", (2, 5))])
def test_a_run_resumed_at_any_step_is_equal_to_the_bit(
    mix: Path, tmp_path: Path, precision: str, steps: Sequence[int]
) -> None:
    spec = spec_with(("precision: float32", f"precision: {precision}"))
    whole = tmp_path / "whole"
    train(spec, mix, whole)
    for step in steps:
        part = tmp_path / f"from-{step}"
        shutil.copytree(whole / f"step-{step}", part / f"step-{step}")
        (part / "metrics.jsonl").write_text((whole / "metrics.jsonl").read_text())
        train(spec, mix, part)
        assert steps_on_disk(part)[-1] == STEPS
        assert lines_of(part) == lines_of(whole)
        assert shards_of(part / f"step-{STEPS}") == shards_of(whole / f"step-{STEPS}")


def test_masked_instances_leave_the_other_labels_their_share(mix: Path, tmp_path: Path) -> None:
    """A masked instance makes a step smaller; the rest of it is divided as if nothing were masked."""
    seen = []
    with open_run(spec_with(), RunOptions(mixes=(mix,), output=tmp_path, device="cpu")) as run:
        whole = run.data.batch(1)
        for num_masked in (0, 4):
            labels = whole.labels.clone()
            labels[:num_masked] = IGNORED
            run.trainer.model.zero_grad()
            seen.append(run.trainer.step(1, dataclasses.replace(whole, labels=labels)))
    assert seen[1].sums[2].tolist() == [0.0] * 4 + [31.0] * 4
    assert seen[1].sums[0, :4].tolist() == [0.0] * 4
    assert seen[1].grad_norm < seen[0].grad_norm


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int, number: signal.Signals) -> None:
    """Send this process a signal in the middle of a step."""
    original = Trainer.step

    def signalled(self: Trainer, now: int, batch: Batch) -> StepFigures:
        if now == step:
            os.kill(os.getpid(), number)
        return original(self, now, batch)

    monkeypatch.setattr(Trainer, "step", signalled)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops_and_the_same_command_goes_on(
    mix: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    spec = spec_with(("interval: 1", "interval: 100"))
    with monkeypatch.context() as patched:
        stop_at(patched, 3, number)
        handler = signal.getsignal(number)
        with pytest.raises(StoppedError, match=f"{number.name}; the same command goes on from step 3"):
            train(spec, mix, tmp_path / "run")
        assert signal.getsignal(number) is handler
    assert steps_on_disk(tmp_path / "run") == [3]
    train(spec, mix, tmp_path / "run")
    assert lines_of(tmp_path / "run") == lines_of(finished)


def test_gradients_that_are_nan_never_reach_the_weights(
    mix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = itertools.count(1)

    def poisoned(parameters: Iterable[torch.nn.Parameter], max_norm: float, ranks: Ranks) -> torch.Tensor:
        kept = list(parameters)
        if next(calls) == 3:
            for parameter in kept:
                assert parameter.grad is not None
                local_part(parameter.grad).fill_(torch.nan)
        return clip_gradients(kept, max_norm, ranks)

    monkeypatch.setattr(updates, "clip_gradients", poisoned)
    train(spec_with(), mix, tmp_path)
    assert [record["skipped"] for record in lines_of(tmp_path)] == [False, False, True, False, False, False]
    assert "step 3 skipped, weights unchanged" in caplog.text
    (line,) = (json.loads(line) for line in (tmp_path / SKIPPED_FILE).read_text().splitlines())
    with open_run(spec_with(), RunOptions(mixes=(mix,), output=tmp_path, device="cpu")) as run:
        instances = run.data.batch(3).instances.tolist()
    assert line["step"] == 3
    assert sorted(each["instance"] for each in line["instances"]) == sorted(instances)
    second, third, last = (TensorFiles(verified(tmp_path / f"step-{step}").shards) for step in (2, 3, STEPS))
    assert len(second.names) > 80
    for name in second.names:
        assert torch.equal(second.read(name), third.read(name))
        assert last.read(name).isfinite().all()


def test_a_skipped_step_names_every_document_of_its_batch(
    mix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head is poisoned for one step; the index of a part then says which documents were read in that step."""
    manifest, root = load(mix), mix_root(mix)
    for source in manifest.sources:
        part = source.parts[0]
        ids = np.full(part.tokens // 10, 10)
        documents = PartDocuments(
            starts=np.cumsum(ids) - 10,
            lengths=ids,
            keys=np.arange(len(ids), dtype=np.uint64),
            ids=pa.array([f"{source.name}-{number}" for number in range(len(ids))]),
            shards=pa.array(["shard.jsonl"] * len(ids)),
            rows=np.arange(len(ids)),
            bytes=ids,
        )
        tokens = np.tile([*range(9), 249], len(ids))
        write_part(f"{tmp_path}/{source.name}", tokens, documents, vocab_size=250, eos_id=249)
        shutil.copy(f"{tmp_path}/{source.name}.parquet", root / part.index)
    original = Trainer.step

    def poisoned(self: Trainer, number: int, batch: Batch) -> StepFigures:
        if number == 2:
            weight = local_part(self.model.lm_head.weight.detach())
            kept = weight.clone()
            weight.fill_(torch.nan)
            figures = original(self, number, batch)
            weight.copy_(kept)
            return figures
        return original(self, number, batch)

    monkeypatch.setattr(Trainer, "step", poisoned)
    options = RunOptions(mixes=(mix,), output=tmp_path / "run", device="cpu")
    with open_run(spec_with(("steps: 6", "steps: 3")), options) as run:
        starts = run.data.batch(2).instances * 32
        run.finish()
    (line,) = (json.loads(line) for line in (tmp_path / "run" / SKIPPED_FILE).read_text().splitlines())
    assert (line["step"], line["loss"]) == (2, None)
    wanted = set()
    for start in starts.tolist():
        for place in range(start, start + 32):
            number, first = (0, 0) if place < 6000 else (1, 6000)
            wanted.add(f"source{number}-{(place - first) // 10}")
    assert {document["id"] for each in line["instances"] for document in each["documents"]} == wanted


def test_a_second_run_in_the_same_folder_is_refused_and_changes_nothing(mix: Path, finished: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    with hold_folder(finished, LOCK_FILE, "run"):
        before[finished / LOCK_FILE] = (finished / LOCK_FILE).stat().st_mtime_ns
        for fresh in (False, True):
            with pytest.raises(MixError, match=r"another run is at work here \(process \d+ on "):
                train(spec_with(), mix, finished, fresh=fresh)
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()} == before


def test_a_changed_mix_is_refused_with_what_changed(make_mix: Callable[..., Path], finished: Path) -> None:
    other = make_mix("other", num_tokens=6004)
    with pytest.raises(CheckpointError) as caught:
        train(spec_with(), other, finished)
    message = str(caught.value)
    assert "the mix is not the one this run began with" in message
    assert "sources.source0.tokens: 6000 became 6004" in message
    assert "tokens: 9000 became 9006" in message


def test_a_mix_that_only_moved_is_the_same_and_a_run_that_is_done_says_so(
    mix: Path, make_mix: Callable[..., Path], finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    moved = make_mix("moved")
    assert moved != mix
    train(spec_with(), moved, finished)
    assert caplog.messages[-1] == f"begins after step {STEPS}, where all steps are done: {finished / f'step-{STEPS}'}"


def test_a_changed_spec_is_refused_with_what_changed(mix: Path, finished: Path) -> None:
    changed = spec_with(("learning_rate: 0.004", "learning_rate: 0.003"), ("warmup_steps: 2", "warmup_steps: 1"))
    with pytest.raises(CheckpointError) as caught:
        train(changed, mix, finished)
    assert "optimizer.learning_rate: 0.004 became 0.003" in str(caught.value)
    assert "schedule.warmup_steps: 2 became 1" in str(caught.value)


def test_what_changes_no_weight_may_change_on_resume(mix: Path, finished: Path) -> None:
    shutil.rmtree(finished / f"step-{STEPS}")
    other = spec_with(("interval: 1, keep: 99", "interval: 3, keep: 2"), ("log_interval: 4", "log_interval: 1"))
    train(other, mix, finished)
    assert steps_on_disk(finished) == [STEPS - 1, STEPS]


def test_a_damaged_checkpoint_is_passed_over_and_the_run_ends_as_it_would_have(
    mix: Path, finished: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected, shard = shards_of(finished / f"step-{STEPS}"), verified(finished / f"step-{STEPS}").shards[0]
    shard.write_bytes(shard.read_bytes()[:-4] + b"oops")
    train(spec_with(), mix, finished)
    assert shards_of(finished / f"step-{STEPS}") == expected
    assert str(shard) in caplog.text


def test_fresh_forgets_what_was_there(mix: Path, finished: Path, tmp_path: Path) -> None:
    before = lines_of(finished)
    train(spec_with(("steps: 6", "steps: 2")), mix, finished, fresh=True)
    assert steps_on_disk(finished) == [1, 2]
    assert len(lines_of(finished)) == 2
    assert lines_of(finished)[0]["loss"] == before[0]["loss"]


def test_an_anneal_takes_weights_optimizer_and_rate_from_its_parent(mix: Path, finished: Path, tmp_path: Path) -> None:
    parent = verified(finished / "step-4")
    anneal = spec_with(
        ("{learning_rate: 0.004}", "{}"),
        ("shape: cosine, warmup_steps: 2", "shape: linear, floor: 0.0"),
        ("steps: 6", "steps: 4\ndata_seed: 42"),
    )
    with open_run(
        anneal, RunOptions(mixes=(mix,), output=tmp_path / "a", start_from=parent.folder, device="cpu")
    ) as run:
        state = {name: local_part(tensor.detach()) for name, tensor in run.trainer.inherited_state().items()}
        loaded = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
        fill_from(parent, loaded)
        assert all(torch.equal(loaded[name], tensor) for name, tensor in state.items())
        assert run.trainer.guard.count == 0
        run.finish()
    rates = [record["learning_rate"] for record in lines_of(tmp_path / "a")]
    assert rates == pytest.approx([parent.progress.learning_rate * left for left in (0.75, 0.5, 0.25, 0.0)])
    record = json.loads((tmp_path / "a" / "step-4" / "checkpoint.json").read_bytes())
    assert record["parent"] == parent.digest
    shutil.rmtree(tmp_path / "a" / "step-4")
    train(anneal, mix, tmp_path / "a")  # resumes without its parent


def test_a_parent_of_another_tokenizer_or_shape_is_refused(
    make_mix: Callable[..., Path], mix: Path, finished: Path, tmp_path: Path
) -> None:
    other = make_mix("other", vocab_size=251)
    with pytest.raises(CheckpointError, match="vocab_size: 250 became 251"):
        train(spec_with(), other, tmp_path / "a", start_from=finished / "step-1")
    wider = spec_with(("preset: tiny", "preset: 14m"))
    with pytest.raises(CheckpointError, match="its model has another shape: hidden_size: 64 became 128"):
        train(wider, mix, tmp_path / "b", start_from=finished / "step-1")


def test_without_a_learning_rate_or_a_parent_nothing_starts(mix: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"optimizer.learning_rate: found none and no --from"):
        train(spec_with(("{learning_rate: 0.004}", "{}")), mix, tmp_path / "run")


def test_a_model_with_fewer_ids_than_the_mix_is_refused(mix: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"model.vocab_size: found 249, wanted the mix's 250 ids or more"):
        train(spec_with(("preset: tiny", "preset: tiny, vocab_size: 249")), mix, tmp_path / "run")


def test_figures_that_cannot_be_written_end_the_run_with_their_place(mix: Path, tmp_path: Path) -> None:
    (tmp_path / METRICS_FILE).symlink_to("/dev/full")
    with pytest.raises(FailedError, match=f"{METRICS_FILE}: cannot be written: No space left on device; make room"):
        train(spec_with(("steps: 6", "steps: 1")), mix, tmp_path)


def test_a_damaged_line_costs_no_other(finished: Path) -> None:
    before = lines_of(finished)
    place = finished / METRICS_FILE
    lines = place.read_bytes().splitlines(keepends=True)
    place.write_bytes(b"".join([lines[0], b"\xff\n", b"[1]\n", *lines[1:], lines[-1][:9]]))
    assert list(read_lines(place)) == [json.loads(line) for line in lines]
    drop_lines_after(place, 5)
    assert lines_of(finished) == before[:5]


def test_a_part_cut_before_the_run_is_refused(mix: Path, tmp_path: Path) -> None:
    part = mix_root(mix) / load(mix).sources[0].parts[0].file
    part.write_bytes(part.read_bytes()[:-2])
    with pytest.raises(MixError, match="part-00000"):
        train(spec_with(), mix, tmp_path / "run")


def test_cuda_is_refused_by_name_where_there_is_none(mix: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    with (
        pytest.raises(SpecError, match="PyTorch finds no CUDA device"),
        open_run(spec_with(), RunOptions(mixes=(mix,), output=tmp_path, device="cuda")),
    ):
        pass
