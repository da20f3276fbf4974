"""Export a checkpoint as a Hugging Face folder: `python trainer/export.py --checkpoint RUN/step-N --output HF`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.opening import local_mix
from trainer.command import command, command_parser

_EPILOG = """examples:
  python trainer/export.py --checkpoint runs/smoke/step-60 --output hf --tokenizer data/tokenizer/dolma2.json.gz
  python trainer/export.py --checkpoint runs/anneal/soup --output hf --tokenizer data/tokenizer/dolma2.json.gz \\
      --mix output/mixes/smoke --evaluation runs/anneal/results.json

exit status: 0 exported, 2 the request was wrong, 130 stopped by Ctrl-C
"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Write the folder."""
    parser = command_parser(
        "export",
        "Write a checkpoint as a folder that transformers' Olmo2ForCausalLM or OlmoeForCausalLM reads.",
        _EPILOG,
    )
    parser.add_argument("--checkpoint", metavar="STEP", type=Path, required=True, help="folder of a checkpoint")
    parser.add_argument("--output", metavar="HF", type=Path, required=True, help="folder to write")
    parser.add_argument("--tokenizer", metavar="FILE", type=Path, help="tokenizer.json[.gz] of the mix, to copy along")
    parser.add_argument(
        "--mix", metavar="MIX", type=local_mix, help="the mix it was trained on: its licences for the card"
    )
    parser.add_argument(
        "--evaluation",
        metavar="FILE",
        type=Path,
        help="figures for the card: of evaluate.py, or a stage's results.json",
    )
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32", help="of the weights; float32 is exact"
    )
    arguments = parser.parse_args(argv)
    from trainer.checkpoint import verified
    from trainer.published.folder import export
    from trainer.sharding import DTYPES

    checkpoint = verified(arguments.checkpoint)
    export(
        checkpoint,
        arguments.output,
        tokenizer=arguments.tokenizer,
        mix=arguments.mix,
        evaluation=arguments.evaluation,
        dtype=DTYPES[arguments.dtype],
    )
    print(f"exported step {checkpoint.progress.step:,} to {arguments.output}")


if __name__ == "__main__":
    sys.exit(main())
