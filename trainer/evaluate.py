"""Evaluate a model: `python trainer/evaluate.py MODEL --mix MIX --tasks FILE...`, alone or under torchrun."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.errors import GristmillError, SpecError
from mixes.files import publish_file
from mixes.opening import mix_place
from trainer.arguments import add_device_argument, add_question_arguments, command_parser, training_libraries, whole

_EPILOG = """examples:
  python trainer/evaluate.py runs/smoke/step-60 --mix output/mixes/smoke
  python trainer/evaluate.py runs/smoke/step-60 --tokenizer data/tokenizer/dolma2.json.gz --shots 0 \\
      --tasks data/eval/arc-easy.jsonl.gz data/eval/copa.jsonl.gz --output runs/smoke/evaluation.json
  python trainer/evaluate.py hf --paloma paloma --tasks eval/*.jsonl.gz
  torchrun --nproc-per-node 8 trainer/evaluate.py hf --tasks eval/*.jsonl.gz --precision bfloat16

exit status: 0 evaluated, 1 the evaluation failed, 2 the request was wrong
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when evaluated, 1 when that failed, 2 when the request was wrong."""
    arguments = _parser().parse_args(argv)
    is_first = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.INFO if is_first else logging.WARNING, format="%(message)s")
    try:
        return _evaluate(arguments, is_first=is_first)
    except GristmillError as error:
        print(error, file=sys.stderr)
        return 2


def _evaluate(arguments: argparse.Namespace, *, is_first: bool) -> int:
    if not (arguments.mix or arguments.paloma or arguments.tasks):
        raise SpecError("found nothing to evaluate on; wanted --mix, --paloma or --tasks")
    with training_libraries():
        from trainer.evaluation.standalone import EvaluationOptions, evaluate
        from trainer.evaluation.tables import format_results
    options = EvaluationOptions(
        model=arguments.model,
        mix=arguments.mix,
        paloma=arguments.paloma,
        tasks=tuple(arguments.tasks),
        tokenizer=arguments.tokenizer,
        shots=arguments.shots,
        max_questions=arguments.max_questions,
        context=arguments.context,
        batch_tokens=arguments.batch_tokens,
        precision=arguments.precision,
        device=arguments.device,
    )
    results = evaluate(options)
    if is_first:
        print(format_results(results))
        if arguments.output is not None:
            content = json.dumps(results.record(), indent=2).encode() + b"\n"
            publish_file(str(arguments.output), lambda handle: handle.write(content))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "evaluate",
        "Evaluate a model by likelihood: texts by domain, questions with choices, answers. "
        "docs/evaluation.md says what each figure is.",
        _EPILOG,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a checkpoint, RUN/step-N, or a Hugging Face folder")
    parser.add_argument("--mix", metavar="MIX", type=mix_place, help="what a built mix holds out, by source")
    add_question_arguments(parser)
    parser.add_argument("--output", metavar="FILE", type=Path, help="write all figures as JSON")
    parser.add_argument("--context", metavar="N", type=whole(1), help="tokens read at most; the model's own")
    parser.add_argument("--batch-tokens", metavar="N", type=whole(1), default=16_384, help="of one forward; 16384")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="float32 is exact")
    add_device_argument(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
