"""MLflow."""

import os
from typing import Any

from jaxdl.checks import require
from jaxdl.typing import Numbers


class MlflowLogger:
    """A run of `mlflow`, of the experiment MLFLOW_EXPERIMENT_NAME (default: jaxdl)."""

    def __init__(self, name: str, config: dict[str, Any], run_id: str | None) -> None:
        mlflow = require("mlflow", "jaxdl[mlflow]", "--log mlflow")
        self.mlflow = mlflow
        if run_id is None:
            mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "jaxdl"))
        self.run = mlflow.start_run(run_id=run_id, run_name=None if run_id else name)
        self.run_id = self.run.info.run_id
        if run_id is None:  # parameters of a run are written once
            mlflow.log_params({name: str(value)[:500] for name, value in config.items()})

    def log(self, step: int, numbers: Numbers) -> None:
        """See `Logger.log`."""
        self.mlflow.log_metrics(numbers, step=step)

    def finish(self, numbers: Numbers, *, failed: bool) -> None:
        """See `Logger.finish`."""
        self.mlflow.log_metrics(numbers)
        self.mlflow.end_run("FAILED" if failed else "FINISHED")
