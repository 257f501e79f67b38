"""Weights & Biases."""

import os
from typing import Any

from jaxdl.checks import require
from jaxdl.typing import Numbers


class WandbLogger:
    """A run of `wandb`, of the project WANDB_PROJECT (default: jaxdl)."""

    def __init__(self, name: str, config: dict[str, Any], run_id: str | None) -> None:
        wandb = require("wandb", "jaxdl[wandb]", "--log wandb")
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "jaxdl"),
            name=name,
            config=config,
            id=run_id,
            resume="allow",
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.run_id = self.run.id

    def log(self, step: int, numbers: Numbers) -> None:
        """See `Logger.log`; wandb leaves out steps that it has."""
        self.run.log(numbers, step=step)

    def finish(self, numbers: Numbers, *, failed: bool) -> None:
        """See `Logger.finish`."""
        self.run.summary.update(numbers)
        self.run.finish(exit_code=int(failed))
