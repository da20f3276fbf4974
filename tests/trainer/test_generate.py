"""The command: text as it grows, files of prompts, checkpoints and published models, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, Olmo2ForCausalLM

from tests.trainer.evaluation.tiny_model import CONTEXT, write_tiny_mix, write_tiny_model
from tests.trainer.small_run import spec_with, train
from trainer import generation
from trainer.checkpoint import verified
from trainer.generate import main
from trainer.generation import Drawing, Writer
from trainer.published.folder import export

PROMPTS = ("the king of", "", "a ring and the land: ü", "on and on")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("generate") / "model")


def test_it_goes_on_as_transformers_does_with_the_same_folder(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Any: their annotations want more than the classes have.
    theirs: Any = Olmo2ForCausalLM.from_pretrained(model, dtype=torch.float32)
    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    for prompt in (PROMPTS[0], *PROMPTS[2:]):
        assert main([str(model), "--prompt", prompt, "--max-tokens", "20", "--device", "cpu"]) == 0
        ids = tokenizer(prompt, return_tensors="pt")
        unknown = list(range(len(tokenizer), theirs.config.vocab_size))
        whole = theirs.generate(**ids, max_new_tokens=20, do_sample=False, suppress_tokens=unknown)
        following = whole[0, ids["input_ids"].shape[1] :]
        assert capsys.readouterr().out == tokenizer.decode(following, skip_special_tokens=True) + "\n"


def test_a_file_of_prompts_gives_what_each_gives_alone(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in PROMPTS))
    settings = ["--max-tokens", "12", "--device", "cpu", "--temperature", "2"]
    assert main([str(model), "--prompts", str(file), "--seed", "5", *settings]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["prompt"] for answer in answers] == list(PROMPTS)
    for number, answer in enumerate(answers):
        assert main([str(model), "--prompt", answer["prompt"], "--seed", str(5 + number), *settings]) == 0
        assert capsys.readouterr().out == answer["text"] + "\n"
    file.write_text('{"prompt": "the"}\n\n{"text": "the"}\n')
    assert main([str(model), "--prompts", str(file), *settings]) == 2
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert "prompts.jsonl:3: prompt: found None, wanted a text" in printed.err


def test_pieces_of_a_stream_add_up_and_none_is_a_part_of_a_letter(model: Path) -> None:
    writer = Writer(model, None, precision="float32", device="cpu")
    pieces = list(writer.stream("the", Drawing(temperature=5.0, seed=3), 40))
    assert len(pieces) > 10
    assert not any(piece.endswith("\ufffd") for piece in pieces[:-1])


def test_no_more_is_made_than_the_model_was_trained_on(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object, max_tokens: int, **__: object) -> Iterator[int]:
        yield from [65] * max_tokens

    monkeypatch.setattr(generation, "next_tokens", endless)
    letter: Any = AutoTokenizer.from_pretrained(model).decode([65])  # Any: its annotation allows a list
    for max_tokens, num_tokens in ((1000, CONTEXT - 42), (3, 3)):
        prompt = ["--prompt", "the king " * 8, "--max-tokens", str(max_tokens)]  # of 42 tokens
        assert main([str(model), *prompt, "--precision", "bfloat16", "--device", "cpu"]) == 0
        assert capsys.readouterr().out == letter * num_tokens + "\n"
    assert main([str(model), "--prompt", "the king " * 40, "--device", "cpu"]) == 2
    assert f"the prompt: found 202 tokens, wanted fewer than {CONTEXT}" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [["--temperature", "-1"], ["--temperature", "nan"], ["--top-p", "0"]])
def test_settings_that_cannot_be_are_refused(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["absent", "--prompt", "the", *flags]) == 2
    assert f"{flags[0]} {float(flags[1])}" in capsys.readouterr().err


def test_a_checkpoint_and_its_export_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mix = write_tiny_mix(tmp_path)
    train(spec_with(("steps: 6", "steps: 1")), mix, tmp_path / "run")
    trained = capsys.readouterr().out
    checkpoint, tokenizer = tmp_path / "run" / "step-1", tmp_path / "tokenizer.json"
    export(verified(checkpoint), tmp_path / "hf", tokenizer=tokenizer)
    asked = ["--prompt", "the king", "--max-tokens", "8", "--device", "cpu"]
    assert main([str(checkpoint), "--tokenizer", str(tokenizer), *asked]) == 0
    of_checkpoint = capsys.readouterr().out.removeprefix(trained)
    assert main([str(tmp_path / "hf"), *asked]) == 0
    assert capsys.readouterr().out == of_checkpoint
    assert main([str(checkpoint), *asked]) == 2
    assert "a checkpoint holds no tokenizer; wanted --tokenizer" in capsys.readouterr().err


def test_ctrl_c_leaves_what_was_printed_and_no_trace(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> Iterator[str]:
        yield "the"
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "stream", interrupted)
    assert main([str(model), "--prompt", "on", "--device", "cpu"]) == 130
    printed = capsys.readouterr()
    assert printed.out == "the"
    assert "stopped by SIGINT" in printed.err
