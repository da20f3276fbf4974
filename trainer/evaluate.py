"""Evaluate a model: `python trainer/evaluate.py MODEL --mix MIX --tasks FILE...`, alone or under torchrun."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.errors import SpecError
from mixes.opening import mix_place
from trainer.arguments import add_device_argument, whole
from trainer.command import command, command_parser, is_first_process
from trainer.evaluation.arguments import add_suite_arguments, suite_spec
from trainer.stopping import StoppedError

_EPILOG = """examples:
  python trainer/evaluate.py runs/smoke/step-60 --mix output/mixes/smoke
  python trainer/evaluate.py runs/smoke/step-60 --tokenizer data/tokenizer/dolma2.json.gz --shots 0 \\
      --tasks data/eval/arc-easy.jsonl.gz data/eval/copa.jsonl.gz --output runs/smoke/evaluation.json
  python trainer/evaluate.py hf --texts paloma --tasks eval/*.jsonl.gz
  torchrun --nproc-per-node 8 trainer/evaluate.py hf --tasks eval/*.jsonl.gz --precision bfloat16

The same command again does only what FILE lacks; other models on the same questions may share the file.

exit status: 0 evaluated, 1 the evaluation failed, 2 the request was wrong, 143 or 130 stopped by SIGTERM or SIGINT
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Evaluate a model and print its figures."""
    arguments = _parser().parse_args(argv)
    if not (arguments.mix or arguments.texts or arguments.tasks):
        raise SpecError("found nothing to evaluate on; wanted --mix, --texts or --tasks")
    from trainer.evaluation.standalone import evaluate
    from trainer.evaluation.tables import format_results

    try:
        results = evaluate(
            arguments.model,
            suite_spec(arguments),
            arguments.mix,
            output=arguments.output,
            context=arguments.context,
            batch_tokens=arguments.batch_tokens,
            precision=arguments.precision,
            device=arguments.device,
        )
    except StoppedError as stopped:
        if arguments.output is not None:
            raise
        place = "the beginning: only with --output is kept what was finished"
        raise StoppedError(stopped.signal, place) from stopped
    if is_first_process():
        print(format_results(results))
        if arguments.output is not None:
            print(f"\nresults  {arguments.output}")


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "evaluate",
        "Evaluate a model by likelihood: texts by domain, questions with choices, answers. "
        "docs/evaluation.md says what each figure is.",
        _EPILOG,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a checkpoint, RUN/step-N, or a Hugging Face folder")
    parser.add_argument("--mix", metavar="MIX", type=mix_place, help="what a built mix holds out, by source")
    add_suite_arguments(parser)
    parser.add_argument("--output", metavar="FILE", type=Path, help="keep all figures, by model, as JSON")
    parser.add_argument("--context", metavar="N", type=whole(1), help="tokens read at most; the model's own")
    parser.add_argument("--batch-tokens", metavar="N", type=whole(1), default=16_384, help="of one forward; 16384")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="float32 is exact")
    add_device_argument(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
