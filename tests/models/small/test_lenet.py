"""LeNet against the same stack of torch's layers."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.small.lenet import LeNet


@pytest.mark.parametrize(
    ("size", "widths"),
    [((28, 28, 1), (6, 5, 7)), ((8, 8, 1), (4, 6, 5)), ((9, 11, 3), (2, 3, 4))],
)
def test_lenet_is_torchs_stack(size, widths):
    torch = pytest.importorskip("torch")
    height, width, channels = size
    model: Any = LeNet(10, **dict(zip(("conv1", "conv2", "hidden"), widths, strict=True)))
    x = np.random.default_rng(0).normal(size=(2, *size)).astype(np.float32)
    params = jax.jit(partial(model.init, train=False))(jax.random.key(0), x)["params"]
    flat = (height // 4) * (width // 4) * widths[1]
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(channels, widths[0], 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(widths[0], widths[1], 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Flatten(),
        torch.nn.Linear(flat, widths[2]),
        torch.nn.ReLU(),
        torch.nn.Linear(widths[2], 10),
    )
    with torch.no_grad():
        for index, name in {0: "conv1", 3: "conv2", 7: "fc1", 9: "fc2"}.items():
            kernel = np.array(params[name]["kernel"])
            if name == "fc1":  # torch flattens channels first
                kernel = kernel.reshape(height // 4, width // 4, widths[1], -1).transpose(
                    2, 0, 1, 3
                )
                kernel = kernel.reshape(flat, -1)
            axes = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
            twin[index].weight.copy_(torch.tensor(kernel.transpose(axes)))
            twin[index].bias.copy_(torch.tensor(np.array(params[name]["bias"])))
        want = twin(torch.tensor(x.transpose(0, 3, 1, 2)))
    got = jax.jit(lambda x: model.apply({"params": params}, x, train=False))(x)
    np.testing.assert_allclose(got, want, atol=2e-5)


def test_wrong_rank():
    with pytest.raises(ValueError, match=r"LeNet: x must have 4 axes, got shape \(2, 784\)"):
        LeNet(10).init(jax.random.key(0), jnp.ones((2, 784)), train=False)
