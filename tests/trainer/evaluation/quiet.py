"""A progress that nobody waits for."""

from trainer.evaluation.progress import Progress

QUIET = Progress("what is tested", "things", None)
