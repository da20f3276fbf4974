"""Let a model go on with a text: `python trainer/generate.py MODEL --prompt TEXT`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.errors import SpecError
from trainer.arguments import add_device_argument, whole
from trainer.command import command, command_parser

_EPILOG = """examples:
  python trainer/generate.py runs/smoke/step-60 --tokenizer data/tokenizer/dolma2.json.gz --prompt 'The mill'
  python trainer/generate.py hf --prompt 'Question: What is 2 + 2?' --temperature 0.7 --top-p 0.9 --seed 1
  python trainer/generate.py hf --prompts prompts.jsonl > texts.jsonl

A line of --prompts is {"prompt": "..."}; what is printed for it has the "text" that follows too.

exit status: 0 done, 2 the request was wrong, 130 stopped by Ctrl-C
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Print what follows a prompt while it grows, or a line for each of a file."""
    arguments = _parser().parse_args(argv)
    if not (arguments.temperature >= 0 and 0 < arguments.top_p <= 1 and arguments.seed < 2**62):
        raise SpecError(
            f"found --temperature {arguments.temperature} --top-p {arguments.top_p} --seed {arguments.seed}; wanted a "
            "temperature of at least 0, a top-p above 0 and at most 1, a seed below 2**62"
        )
    from trainer.evaluation.json_lines import read_records, text_of
    from trainer.generation import Drawing, Writer

    writer = Writer(arguments.model, arguments.tokenizer, precision=arguments.precision, device=arguments.device)
    drawing = Drawing(temperature=arguments.temperature, top_p=arguments.top_p, seed=arguments.seed)
    if arguments.prompts is None:
        for piece in writer.stream(arguments.prompt, drawing, arguments.max_tokens):
            print(piece, end="", flush=True)
        print()
        return
    for number, (place, record) in enumerate(read_records(arguments.prompts)):
        prompt, of_this = text_of(record, "prompt", place), replace(drawing, seed=drawing.seed + number)
        text = "".join(writer.stream(prompt, of_this, arguments.max_tokens, place=place))
        print(json.dumps({"prompt": prompt, "text": text}, ensure_ascii=False), flush=True)


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
        "--temperature", metavar="T", type=float, default=0.0, help="0, the default, takes the likeliest token"
    )
    parser.add_argument(
        "--top-p", metavar="P", type=float, default=1.0, help="draw from this much of the probability; 1"
    )
    parser.add_argument("--seed", metavar="N", type=whole(0), default=0, help="of the draws; 0, one more each prompt")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32", help="of the model")
    add_device_argument(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
