"""The base of evaluations: what is called, with what, and when a picture is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.data.splits.split import Split
from jaxdl.evaluation.evaluator import Evaluator
from jaxdl.training.state import TrainState

STATE = TrainState(jnp.int32(0), {}, (), jax.eval_shape(jax.random.key, 0))
SPLIT = Split({"x": np.array([1, 2])}, batch_size=1, shuffle=False)


class Counting(Evaluator):
    """Notes its calls."""

    def __init__(self):
        self.drawn = []

    def rows(self, state, split):
        return {"doubled": 2 * split.batch(np.arange(split.size))["x"]}

    def numbers(self, split, rows):
        return {"sum": float(rows["doubled"].sum() + split.size)}

    def draw(self, state, split, folder):
        self.drawn.append(folder)
        return [folder / "a.png"]


class OfRows(Counting):
    """Draws what it has computed."""

    def draw_rows(self, state, split, rows, folder):
        (folder / "rows.txt").write_text(str(rows["doubled"].tolist()))


@pytest.mark.parametrize("kind", [Counting, OfRows])
def test_pictures_are_drawn_where_a_folder_is_given(kind, tmp_path):
    evaluate = kind()
    assert evaluate(STATE, SPLIT) == {"sum": 8.0}
    assert evaluate.drawn == []
    folder = tmp_path / "new" / "folder"
    assert evaluate(STATE, SPLIT, folder) == {"sum": 8.0}
    assert folder.is_dir()
    if kind is OfRows:
        assert (folder / "rows.txt").read_text() == "[2, 4]"
        assert evaluate.drawn == []
    else:
        assert evaluate.drawn == [folder]
