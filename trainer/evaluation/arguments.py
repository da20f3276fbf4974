"""Arguments of commands that evaluate: the keys of a suite's spec as flags."""

import argparse

from trainer.arguments import whole
from trainer.spec import SuiteSpec


def add_suite_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a model is evaluated on beside a mix; `suite_spec` reads it."""
    usual = SuiteSpec()
    parser.add_argument("--texts", metavar="DIR", help="texts: DIR/<domain>/*.jsonl, .jsonl.gz, .jsonl.zst")
    parser.add_argument("--tasks", metavar="FILE", nargs="+", default=usual.tasks, help="questions as JSON lines")
    parser.add_argument("--tokenizer", metavar="FILE", help="tokenizer.json[.gz] of a checkpoint's mix")
    for flag, at_least, default, meaning in (
        ("--shots", 0, usual.shots, "solved questions before each"),
        ("--max-questions", 1, usual.max_questions, "of a set of more than 1.5 times N"),
        ("--max-documents", 1, usual.max_documents, "of each source held out and of each domain of texts"),
    ):
        told = f"{meaning}; {'all' if default is None else default}"
        parser.add_argument(flag, metavar="N", type=whole(at_least), default=default, help=told)


def suite_spec(arguments: argparse.Namespace) -> SuiteSpec:
    """Return what the arguments say, which have the names of its fields."""
    given = {name: value for name, value in vars(arguments).items() if name in SuiteSpec.__dataclass_fields__}
    return SuiteSpec(**(given | {"tasks": tuple(arguments.tasks)}))
