"""Every op on the accelerator, judged by the same op on the CPU: values and both derivatives.

Products at the highest precision, so that what is left is the order of sums: 1e-5 of the norm.
"""

import jax
import numpy as np
import pytest

from tests.ops.float_cases import CASES, arguments

pytestmark = pytest.mark.gpu
TOLERANCE = 1e-5


def distance(a, b):
    """||a - b|| / ||a|| over all leaves."""
    a, b = (
        np.concatenate([np.asarray(x, np.float64).ravel() for x in jax.tree.leaves(t)])
        for t in (a, b)
    )
    return np.linalg.norm(a - b) / max(np.linalg.norm(a), 1e-30)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_the_cpu(name, both):
    op, args = CASES[name][0], arguments(name)
    outs = jax.eval_shape(op, *args)
    rng = np.random.default_rng(1)
    pull = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(x.dtype), outs)

    def everything(args, pull):
        out, back = jax.vjp(op, *args)
        return out, back(pull)

    for here, there in zip(*both(everything, args, pull), strict=True):
        assert distance(here, there) < TOLERANCE


def test_products_are_whole_numbers_where_they_should_be(both):
    """The fixture does set the precision: TF32 would round 2049 to 2048."""
    x = np.full((16, 16), 2049.0, np.float32)
    _, there = both(lambda x: x @ np.eye(16, dtype=np.float32), x)
    np.testing.assert_array_equal(there, x)
