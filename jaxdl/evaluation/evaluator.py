"""What the evaluations of most tasks have in common: rows, numbers of them, and pictures."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from jaxdl.data.splits.split import Split
from jaxdl.training.state import TrainState
from jaxdl.typing import Numbers


class Evaluator(ABC):
    """`evaluate(state, split, folder) -> numbers`; its `draw` is that of the task."""

    def __call__(self, state: TrainState, split: Split, folder: Path | None = None, /) -> Numbers:
        rows = self.rows(state, split)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self.draw_rows(state, split, rows, folder)
        return self.numbers(split, rows)

    @abstractmethod
    def rows(self, state: TrainState, split: Split) -> dict[str, Any]:
        """What the model makes of the split, or on its own: name -> arrays."""

    @abstractmethod
    def numbers(self, split: Split, rows: dict[str, Any]) -> Numbers:
        """What is measured on the rows."""

    def draw_rows(
        self, state: TrainState, split: Split, rows: dict[str, Any], folder: Path
    ) -> None:
        """The pictures of an evaluation; by default those of `draw`, which need no rows."""
        self.draw(state, split, folder)

    def draw(self, state: TrainState, split: Split, folder: Path) -> list[Path]:
        """The pictures of a state, into `folder`; returns the files."""
        return []
