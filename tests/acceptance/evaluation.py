"""Is what we say of a model what lm-eval says of it?

    python -m tests.acceptance.evaluation --model hf      lm-eval is installed below build/acceptance, and `hf` is a
                                                          folder that trainer/export.py wrote with a tokenizer

lm-eval, in an environment of its own, gets the same questions with the same solved ones before them, as tasks of its
own with its own templates, and the same texts for its rolling likelihood; accuracies and bits per byte are compared.
Prints a table for docs/evaluation.md and ends with status 1 when a figure differs. `--vectors` asks it once more for
the likelihoods that tests/trainer/evaluation holds us to.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common.record import ROOT
from benchmarks.peers.environments import LM_EVAL, command_of
from tests.trainer.evaluation.tiny_model import write_tiny_model
from trainer.evaluation.encoding import Encoder
from trainer.evaluation.opening import open_model
from trainer.evaluation.questions import Question, read_questions
from trainer.evaluation.results import Results
from trainer.evaluation.scoring import Scorer
from trainer.evaluation.suite import Suite
from trainer.evaluation.tasks import Task
from trainer.ranks import process_group
from trainer.sharding import sharded_model
from trainer.spec import SuiteSpec

SETS = tuple(ROOT / "data" / "eval" / f"{name}.jsonl.gz" for name in ("arc-easy", "copa", "csqa", "openbookqa"))
VECTORS = ROOT / "tests" / "trainer" / "evaluation" / "lm_eval.json"
TEXTS = ("the king of the land. " * 40, "def f(x):\n    return x + 1\n", "Ünïcödé — 漢字 🙂", "a")
BATCH_TOKENS = 4096
MAX_DIFFERENCE = 1e-5  # of bits per byte; accuracies must be equal
_METRICS = {"raw": "acc", "per_character": "acc_norm", "per_byte": "acc_bytes"}


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when all figures are equal, 1 when one differs."""
    options = _parser().parse_args(argv)
    folder = options.folder / "lm_eval_tasks"
    folder.mkdir(parents=True, exist_ok=True)
    if options.vectors:
        _write_vectors(options.folder)
    ours = _ours(options.model, folder, options.max_questions)
    command = command_of(LM_EVAL, options.folder, "tasks", str(options.model), str(folder), *ours)
    theirs = _answer(command, None)
    rows = list(_rows(ours, theirs["results"]))
    print(f"\nlm-eval {theirs['version']}\n\n| task | figure | ours | lm-eval | |\n| --- | --- | --- | --- | --- |")
    for task, name, our, their in rows:
        print(f"| {task} | {name} | {our:.6f} | {their:.6f} | {'equal' if _agree(name, our, their) else 'DIFFERENT'} |")
    return 0 if all(_agree(name, our, their) for _, name, our, their in rows) else 1


def _agree(name: str, ours: float, theirs: float) -> bool:
    return abs(ours - theirs) <= (MAX_DIFFERENCE if name == "bits_per_byte" else 1e-9)


def _rows(
    ours: Mapping[str, Mapping[str, float]], theirs: Mapping[str, Mapping[str, float]]
) -> Iterator[tuple[str, str, float, float]]:
    for task, figures in ours.items():
        for name, value in figures.items():
            yield task, name, value, theirs[task][name]


def _ours(model: Path, folder: Path, max_questions: int) -> dict[str, dict[str, float]]:
    """Return our figures by task, and leave the same tasks in the folder for lm-eval."""
    found: dict[str, dict[str, float]] = {}
    with process_group("cpu") as ranks:
        opened = open_model(model, None)
        encoder = opened.encoder
        assert encoder is not None
        ready = opened.load(partial(sharded_model, precision="float32", ranks=ranks))
        scorer = Scorer(ready, ranks, max_length=opened.context, batch_tokens=BATCH_TOKENS)
        for path in SETS:
            for shots in (0, 2):
                task = Task(read_questions(path), encoder, shots=shots, max_questions=max_questions)
                result = task.score(scorer)
                assert result.cloze is not None
                assert result.multiple_choice is not None
                name = f"{path.name.split('.')[0]}_{shots}shot"
                _write_task(folder, name, task, _CLOZE | {"metric_list": _metric_list(*_METRICS.values())})
                _write_task(folder, f"{name}_letters", task, _letters(task) | {"metric_list": _metric_list("acc")})
                found[name] = {theirs: result.cloze[each] for each, theirs in _METRICS.items()}  # type: ignore[index]
                found[f"{name}_letters"] = {"acc": result.multiple_choice}
        found["texts"] = {"bits_per_byte": _bits_per_byte(folder, encoder, scorer)}
    return found


def _bits_per_byte(folder: Path, encoder: Encoder, scorer: Scorer) -> float:
    texts = folder / "texts"
    (texts / "all").mkdir(parents=True, exist_ok=True)
    rows = [{"text": text} for text in TEXTS]
    _write_lines(texts / "all" / "0.jsonl", rows)
    config = {
        "task": "texts",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(texts / "all" / "0.jsonl")}},
        "test_split": "test",
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{text}}",
        "metric_list": [{"metric": "bits_per_byte"}],
    }
    (folder / "texts.yaml").write_text(json.dumps(config))
    results = Results()
    for _ in Suite(SuiteSpec(texts=str(texts)), None, encoder.prefix_id, encoder).evaluate(scorer, results):
        pass
    return results.texts["texts"]["all"].bits_per_byte


_CLOZE = {"doc_to_text": "Question: {{question}}\nAnswer:", "doc_to_choice": "{{choices}}"}


def _letters(task: Task) -> dict[str, Any]:  # Any: JSON
    letters = "ABCDEFGH"[: len(task.asked[0].choices)]
    listed = "".join(f" {letter}. {{{{choices[{place}]}}}}\n" for place, letter in enumerate(letters))
    return {"doc_to_text": "Question: {{question}}\n" + listed + "Answer:", "doc_to_choice": list(letters)}


def _metric_list(*names: str) -> list[dict[str, Any]]:  # Any: JSON
    return [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in names]


def _write_task(folder: Path, name: str, task: Task, config: Mapping[str, Any]) -> None:  # Any: JSON
    """Write a task as lm-eval wants it: YAML, of which JSON is a part, and files of questions."""
    files = {"test": task.asked, "train": task.solved[""]}
    used = {split: questions for split, questions in files.items() if questions}
    for split, questions in used.items():
        _write_lines(folder / f"{name}.{split}.jsonl", map(_row, questions))
    whole = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {split: str(folder / f"{name}.{split}.jsonl") for split in used}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_target": "answer",
        "num_fewshot": len(files["train"]),
        **config,
    }
    if "train" in used:
        whole |= {"fewshot_split": "train", "fewshot_config": {"sampler": "first_n"}}
    (folder / f"{name}.yaml").write_text(json.dumps(whole))


def _row(question: Question) -> dict[str, Any]:  # Any: JSON
    return {"question": question.text, "choices": question.choices, "answer": question.answer}


def _write_lines(path: Path, rows: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> None:  # Any: JSON
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _write_vectors(folder: Path) -> None:
    """Ask for the likelihoods of the requests that the tests hold, and write them there."""
    known = json.loads(VECTORS.read_text())
    pairs, texts = [row[:2] for row in known["pairs"]], [row[0] for row in known["texts"]]
    command = command_of(LM_EVAL, folder, "likelihoods", str(write_tiny_model(folder / "tiny_model")))
    answer = _answer(command, json.dumps({"pairs": pairs, "texts": texts}))
    known["pairs"] = [[*pair, value] for pair, value in zip(pairs, answer["pairs"], strict=True)]
    known["texts"] = [[text, value] for text, value in zip(texts, answer["texts"], strict=True)]
    VECTORS.write_text(json.dumps(known, ensure_ascii=False, indent=1) + "\n")


def _answer(command: Sequence[str], sent: str | None) -> dict[str, Any]:  # Any: JSON
    """Return what a script of lm-eval's environment prints last."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True, input=sent)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a Hugging Face folder, as trainer/export.py writes")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "acceptance", help="for lm-eval and what it is given"
    )
    parser.add_argument("--vectors", action="store_true", help="make the vectors of the tests anew")
    parser.add_argument("--max-questions", type=int, default=100, help="of a set of more than 1.5 times so many; 100")
    return parser


if __name__ == "__main__":
    sys.exit(main())
