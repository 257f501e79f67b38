"""Our parameters in torch's functions, to write a network down a second time."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# A program that runs once need not be fast: half the time to compile.
quick_jit = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def random_variables(model: Any, shape: tuple[int, ...], seed: int = 0) -> Any:
    """Numbers of a plausible size for every variable: nothing is at its default."""
    like = jax.eval_shape(
        partial(model.init, train=False), jax.random.key(0), jnp.zeros((2, *shape))
    )
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        name = path[-1].key
        if name in ("var", "scale"):
            return rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
        fan_in = max(leaf.size // leaf.shape[-1], 4)
        return (rng.normal(size=leaf.shape) * (2 / fan_in) ** 0.5).astype(np.float32)

    return jax.tree_util.tree_map_with_path(draw, like)


def images(shape: tuple[int, ...], rows: int = 3) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(rows, *shape)).astype(np.float32)


class TorchLayers:
    """Layers by our names: `layers.conv(x, "stage1/conv1", padding=1)` on `(B, C, H, W)`."""

    def __init__(self, variables: Any, train: bool = False) -> None:
        import torch

        self.train = train
        self.torch = torch
        self.functions = torch.nn.functional
        self.variables = {
            (path[0].key, "/".join(key.key for key in path[1:])): torch.tensor(np.array(leaf))
            for path, leaf in jax.tree_util.tree_leaves_with_path(variables)
        }

    def get(self, name: str, collection: str = "params") -> Any:
        return self.variables.get((collection, name))

    def image(self, x: np.ndarray) -> Any:
        return self.torch.tensor(x.transpose(0, 3, 1, 2))

    def conv(self, x, name, **options):
        kernel = self.get(f"{name}/kernel").permute(3, 2, 0, 1)
        return self.functions.conv2d(x, kernel, self.get(f"{name}/bias"), **options)

    def norm(self, x, name, eps=1e-5):
        return self.functions.batch_norm(
            x,
            self.get(f"{name}/mean", "batch_stats"),
            self.get(f"{name}/var", "batch_stats"),
            self.get(f"{name}/scale"),
            self.get(f"{name}/bias"),
            self.train,
            0.1,
            eps,
        )

    def dense(self, x, name):
        return self.functions.linear(x, self.get(f"{name}/kernel").T, self.get(f"{name}/bias"))

    def flat(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def check(model: Any, twin: Any, shape: tuple[int, ...], *, train: bool = False) -> Any:
    """Our logits are those that `twin(layers, x)` computes; returns our variables."""
    variables = random_variables(model, shape)
    x = images(shape)
    mutable = [name for name in variables if name != "params"]
    got, changed = quick_jit(partial(model.apply, train=train, mutable=mutable))(variables, x)
    layers = TorchLayers(variables, train)
    want = twin(layers, layers.image(x)).numpy()
    assert np.ptp(want) > 0.1
    np.testing.assert_allclose(got, want, atol=2e-4 * max(1, np.abs(want).max()))
    for path, leaf in jax.tree_util.tree_leaves_with_path(changed):
        name = "/".join(key.key for key in path[1:])
        running = layers.get(name, path[0].key).numpy()
        np.testing.assert_allclose(leaf, running, rtol=1e-3, atol=1e-4, err_msg=name)
    return variables
