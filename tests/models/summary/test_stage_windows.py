"""The pixels that a place sees against those where its gradient is not zero."""

import jax
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.models.registry import create_model
from jaxdl.models.summary.stage_windows import stage_field, window_of

SHAPE = (32, 24, 3)


@pytest.mark.parametrize(
    ("name", "options", "stage"),
    [
        ("strided_convnet", {"filters": (3, 4)}, "stage2"),
        ("flat_convnet", {"filters": (3, 4)}, "stage2"),
        ("mnist_convnet", {"filters": (3, 4)}, "stage1"),
    ],
)
def test_a_window_is_where_the_gradient_is(name, options, stage):
    model = create_model(name, 0, **options)
    x = jax.random.normal(jax.random.key(1), (1, *SHAPE))
    variables = model.init(jax.random.key(0), x, train=False)
    field = stage_field(model, SHAPE, stage)

    def value(x, row, column):  # all channels, over many pictures: some are alive at each pixel
        return (
            model.apply(variables, x, train=False, stages=True)[stage][:, row, column] ** 2
        ).sum()

    slopes = jax.jit(jax.grad(value))
    many = jax.random.normal(jax.random.key(2), (200, *SHAPE))
    for place in ((0, 0), (3, 2), (4, 5)):
        seen = np.abs(np.asarray(slopes(many, *place))).sum((0, 3)) > 0
        rows, columns = np.nonzero(seen.any(1))[0], np.nonzero(seen.any(0))[0]
        top, left, bottom, right = window_of(field, place, SHAPE[:2])
        assert (top, left, bottom, right) == (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)


def test_what_sees_all_and_what_is_not_there():
    model = create_model("strided_convnet", 3, filters=(3,), hidden=4)
    with pytest.raises(UsageError, match="stage: there is no 'stage9'"):
        stage_field(model, SHAPE, "stage9")
    whole = stage_field(model, SHAPE, "hidden")
    assert window_of(whole, (0, 0), SHAPE[:2]) == (0, 0, 32, 24)
    with pytest.raises(UsageError, match="must be a map"):
        window_of(None, (0, 0), SHAPE[:2])
