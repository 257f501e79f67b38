"""Rows of a split against NumPy over all of them: each once, in order, on one device or more."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import DivergedError
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.rows import RowEvaluator
from jaxdl.training.parallel import Parallel
from jaxdl.training.state import TrainState

X = np.random.default_rng(0).normal(size=(22, 3)).astype(np.float32)
WEIGHTS = np.float32([1, 2, 3])


@pytest.mark.parametrize("devices", [0, 1, 2])  # 0: a state that nobody has placed
@pytest.mark.parametrize(("batch_size", "most"), [(4, 2), (5, 64), (64, 1)])
def test_every_row_comes_once_in_order_whatever_the_batch(devices, batch_size, most):
    split = Split({"x": X}, batch_size=2)
    state = TrainState(np.int32(0), {"w": jnp.asarray(WEIGHTS)}, {}, np.uint32(0))  # pyright: ignore
    if devices:
        parallel = Parallel("shard_map", devices)
        state = parallel.read(parallel.place(state))

    def prepare(keys, batch, *, train):
        assert not train
        return {"x": batch["x"] + 1}

    def row_fn(variables, batch):
        return {"score": batch["x"] @ variables["params"]["w"]}

    evaluator = RowEvaluator(row_fn, prepare, batch_size=batch_size, most=most)
    for _ in range(2):  # the second time from what is on the device
        got = evaluator(state, split)
        np.testing.assert_allclose(got["score"], (X + 1) @ WEIGHTS, rtol=1e-5)


def test_an_output_that_is_nan_is_named_by_its_row():
    split = Split({"x": X}, batch_size=2, name="val")
    state = TrainState(np.int32(0), {}, {}, np.uint32(0))  # pyright: ignore
    bad = float(X[17, 0])
    evaluator = RowEvaluator(
        lambda variables, batch: {"score": jnp.where(batch["x"][:, 0] == bad, jnp.nan, 1.0)},
        lambda keys, batch, *, train: batch,
        batch_size=4,
        most=2,
    )
    with pytest.raises(DivergedError, match="evaluation of split 'val': score of row 17 is NaN"):
        evaluator(state, split)
