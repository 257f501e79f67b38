"""Corner pooling against a running maximum in NumPy loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.detection.dense.corner_pool import CornerPool, corner_pool

BRANCHES = ("down", "across")


def looped(down, across, top_left):
    out = np.zeros_like(down)
    _, height, width, _ = down.shape
    for y, x in np.ndindex(height, width):
        rows = slice(y, None) if top_left else slice(0, y + 1)
        columns = slice(x, None) if top_left else slice(0, x + 1)
        out[:, y, x] = down[:, rows, x].max(1) + across[:, y, columns].max(1)
    return out


@pytest.mark.parametrize("top_left", [True, False])
def test_corner_pooling_is_the_running_maximum_in_loops(top_left):
    down, across = np.random.default_rng(0).normal(size=(2, 2, 5, 7, 3)).astype(np.float32)
    got = corner_pool(jnp.asarray(down), jnp.asarray(across), top_left=top_left)
    np.testing.assert_array_equal(got, looped(down, across, top_left))


def test_the_gradient_goes_to_the_maxima():
    down = jnp.array([1.0, 3.0, 2.0]).reshape(1, 3, 1, 1)
    across = jnp.zeros((1, 3, 1, 1))
    pooled = lambda x: corner_pool(x, across, top_left=True).sum()  # noqa: E731
    np.testing.assert_allclose(jax.grad(pooled)(down).ravel(), [0, 2, 1])


def test_the_module_is_figure_7_of_the_paper_in_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 6, 2)).astype(np.float32)
    model = CornerPool(3, top_left=True)
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    variables = jax.tree.map(lambda v: rng.uniform(0.2, 1, v.shape).astype("f4"), shapes)
    variables["params"] = jax.tree.map(lambda v: v - 0.6, variables["params"])
    params, stats = variables["params"], variables["batch_stats"]

    def conv_norm(name, y):
        kernel = torch.tensor(params[name]["conv"]["kernel"]).permute(3, 2, 0, 1)
        y = torch.nn.functional.conv2d(y, kernel, padding=kernel.shape[-1] // 2)
        norm, seen = params[name]["norm"], stats[name]["norm"]
        values = (seen["mean"], seen["var"], norm["scale"], norm["bias"])
        return torch.nn.functional.batch_norm(y, *map(torch.tensor, values))

    y = torch.tensor(x).permute(0, 3, 1, 2)
    branches = [conv_norm(name, y).relu().permute(0, 2, 3, 1).numpy() for name in BRANCHES]
    pooled = torch.tensor(looped(*branches, True)).permute(0, 3, 1, 2)
    z = (conv_norm("pooled", pooled) + conv_norm("project", y)).relu()
    want = conv_norm("out", z).relu().permute(0, 2, 3, 1)
    got = model.apply(variables, x, train=False)
    assert float(want.max()) > 0
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
