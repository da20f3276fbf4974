"""Where figures go beside the run's own files: TensorBoard, and Weights & Biases where it is asked for."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixes.errors import SpecError
from trainer.watching.lines import Line, figures_of

TENSORBOARD_FOLDER = "tensorboard"


class TensorBoard:
    """TensorBoard's event files; what an earlier process wrote of steps from `first_step` on is hidden."""

    def __init__(self, folder: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(log_dir=str(folder), purge_step=first_step, flush_secs=10)

    def take(self, line: Line) -> None:
        """Take the figures of a line; steps never fall."""
        for name, value in figures_of(line).items():
            self._writer.add_scalar(name, value, line["step"])

    def close(self) -> None:
        """Close the files."""
        self._writer.close()


class WeightsAndBiases:
    """One run of a Weights & Biases project, named as the run's folder and that around it; a resumed run goes on in it.

    Its own environment variables hold (WANDB_MODE=offline writes below the run's folder and sends nothing).

    Args:
        project: of the run.
        output: the run's folder; its absolute path names the run there.
        settings: what is shown beside the figures.

    Raises:
        SpecError: it is not installed.
    """

    def __init__(self, project: str, output: Path, settings: Mapping[str, Any]) -> None:  # Any: JSON
        try:
            import wandb
        except ImportError as error:
            raise SpecError(
                "--wandb: wandb is not installed; install it with: pip install 'gristmill[wandb]', or leave --wandb out"
            ) from error
        place = output.resolve()
        self._run = wandb.init(
            project=project,
            name="/".join(place.parts[-2:]),
            id=hashlib.sha256(str(place).encode()).hexdigest()[:16],
            resume="allow",
            dir=str(output),
            config=dict(settings),
        )

    def take(self, line: Line) -> None:
        """Take the figures of a line; it drops steps that it has already, as after a kill."""
        self._run.log(figures_of(line), step=line["step"])

    def close(self) -> None:
        """Wait until all is sent or written."""
        self._run.finish()


Board = TensorBoard | WeightsAndBiases
"""Takes the lines of a run, and is closed."""
