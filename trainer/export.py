"""Export a checkpoint as a Hugging Face folder: `python trainer/export.py --checkpoint RUN/step-N --output HF`."""

import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a file: Python put this folder on the path, and not the checkout
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from mixes.progress import Progress
from trainer.command import command, command_parser

_EPILOG = """examples:
  python trainer/export.py --checkpoint runs/smoke/step-60 --output hf --tokenizer data/tokenizer/dolma2.json.gz
  python trainer/export.py --checkpoint runs/anneal/soup --output hf --tokenizer data/tokenizer/dolma2.json.gz \\
      --dtype bfloat16

exit status: 0 exported, 2 the request was wrong or a file cannot be written, 130 stopped by Ctrl-C
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
    parser.add_argument("--output", metavar="HF", type=Path, required=True, help="folder to write; must not exist")
    parser.add_argument(
        "--tokenizer", metavar="FILE", type=Path, required=True, help="tokenizer.json[.gz] of the mix, to copy along"
    )
    parser.add_argument(
        "--dtype", choices=("float32", "bfloat16"), default="float32", help="of the weights; float32 is exact"
    )
    arguments = parser.parse_args(argv)
    from trainer.checkpoint import verified
    from trainer.models.presets import ModelShape
    from trainer.published.folder import export
    from trainer.sharding import DTYPES

    checkpoint, dtype = verified(arguments.checkpoint), DTYPES[arguments.dtype]
    num_bytes = ModelShape(**checkpoint.progress.shape).num_parameters * dtype.itemsize
    with Progress("exported", "MB", num_bytes) as progress:
        export(checkpoint, arguments.output, arguments.tokenizer, dtype=dtype, count=progress.add)
    print(f"exported step {checkpoint.progress.step:,} to {arguments.output}")


if __name__ == "__main__":
    sys.exit(main())
