"""SegNet against the same layers in torch, which unpools by its own indices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models.segmentation.segnet import SegNet
from tests.interop.torch_twins.test_registry import normal, randomized

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def unit(variables, name, x):
    """conv - norm - ReLU with our weights."""
    parts, stats = variables["params"][name], variables["batch_stats"][name]["norm"]
    kernel, norm = parts["conv"]["kernel"], parts["norm"]
    x = functional.conv2d(x, torch.tensor(kernel.transpose(3, 2, 0, 1)), padding=1)
    given = (stats["mean"], stats["var"], norm["scale"], norm["bias"])
    return torch.relu(functional.batch_norm(x, *(torch.tensor(v) for v in given)))


@pytest.mark.parametrize("size", [(8, 12), (11, 13)])
def test_segnet_computes_what_torch_does(size):
    model, x = SegNet(3, (2, 1), (4, 5)), normal(2, *size, 3)
    start = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    variables = randomized(jax.tree.map(lambda s: np.zeros(s.shape, np.float32), start))
    got = jax.jit(lambda v: model.apply(v, x, train=False))(variables)
    y, kept = torch.tensor(x.transpose(0, 3, 1, 2)), []
    for level, count in ((1, 2), (2, 1)):
        for i in range(1, count + 1):
            y = unit(variables, f"down{level}_{i}", y)
        whole = y.shape
        y, indices = functional.max_pool2d(y, 2, return_indices=True)
        kept.append((level, count, whole, indices))
    for level, count, whole, indices in reversed(kept):
        y = functional.max_unpool2d(y, indices, 2, output_size=whole[2:])
        for i in range(count, 0, -1):
            y = unit(variables, f"up{level}_{i}", y)
    head = variables["params"]["head"]
    kernel = torch.tensor(head["kernel"].transpose(3, 2, 0, 1))
    want = functional.conv2d(y, kernel, torch.tensor(head["bias"]), padding=1).numpy()
    np.testing.assert_allclose(got, want.transpose(0, 2, 3, 1), atol=1e-4)


def test_a_picture_that_is_too_small_says_so():
    with pytest.raises(ValueError, match="32 pixels a side or more"):
        SegNet(2).init(jax.random.key(0), jnp.zeros((1, 16, 64, 3)), train=False)
