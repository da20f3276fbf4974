"""Let a model go on with a text: `python trainer/generate.py MODEL --prompt TEXT`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from trainer.arguments import add_device_argument, whole
from trainer.command import command, command_parser

_EPILOG = """examples:
  python trainer/generate.py runs/smoke/step-60 --tokenizer data/tokenizer/dolma2.json.gz --prompt 'The mill'
  python trainer/generate.py hf --prompt 'Question: What is 2 + 2?' --temperature 0.7 --top-p 0.9 --seed 1
  python trainer/generate.py hf --prompts prompts.jsonl --batch 32 > answers.jsonl

A line of --prompts is {"prompt": "..."}; a line of the answers has the prompt, its "text", the number of its "tokens",
and whether it "ended" before the bound.

exit status: 0 done, 2 the request was wrong, 130 stopped by Ctrl-C
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Write texts to standard output."""
    arguments = _parser().parse_args(argv)
    from trainer.generation.next_tokens import Drawing
    from trainer.generation.texts import Writer

    writer = Writer(
        arguments.model,
        arguments.tokenizer,
        drawing=Drawing(temperature=arguments.temperature, top_p=arguments.top_p, seed=arguments.seed),
        max_tokens=arguments.max_tokens,
        precision=arguments.precision,
        device=arguments.device,
    )
    if arguments.prompts is None:
        for piece in writer.stream(arguments.prompt):
            print(piece, end="", flush=True)
        print()
    else:
        for answer in writer.answers(arguments.prompts, arguments.batch):
            print(json.dumps(answer, ensure_ascii=False), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser(
        "generate",
        "Let a model go on with a text, which is printed as it grows, or with each text of a file.",
        _EPILOG,
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="a checkpoint, RUN/step-N, or a Hugging Face folder")
    prompts = parser.add_mutually_exclusive_group(required=True)
    prompts.add_argument("--prompt", metavar="TEXT", help="what the text begins with; may be empty")
    prompts.add_argument("--prompts", metavar="FILE", type=Path, help="many of them: .jsonl, .jsonl.gz, .jsonl.zst")
    parser.add_argument("--tokenizer", metavar="FILE", type=Path, help="tokenizer.json[.gz] of a checkpoint's mix")
    parser.add_argument("--max-tokens", metavar="N", type=whole(1), default=128, help="made at most for a prompt; 128")
    parser.add_argument(
        "--temperature", metavar="T", type=_number(0, 100), default=0.0, help="0, the default, takes the likeliest"
    )
    parser.add_argument(
        "--top-p", metavar="P", type=_number(1e-9, 1), default=1.0, help="draw from this much of the probability; 1"
    )
    parser.add_argument("--seed", metavar="N", type=whole(0), default=0, help="of what is drawn; 0")
    parser.add_argument("--batch", metavar="N", type=whole(1), default=16, help="prompts of a file side by side; 16")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of the model")
    add_device_argument(parser)
    return parser


def _number(at_least: float, at_most: float) -> Callable[[str], float]:
    """Return a reader of numbers for argparse."""

    def read(text: str) -> float:
        number = float(text)
        if not at_least <= number <= at_most:
            raise argparse.ArgumentTypeError(f"found {number}, wanted {at_least} to {at_most}")
        return number

    return read


if __name__ == "__main__":
    sys.exit(main())
