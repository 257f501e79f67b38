"""Convolution, norm and activation against the same three of torch's."""

import jax
import numpy as np
import pytest

from jaxdl.layers.conv_norm import ConvNorm


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel_size": 1, "stride": 2},
        {"kernel_size": 5, "groups": 2, "act": None},
        {"padding": 0, "norm": None, "act": jax.nn.relu6},
    ],
)
def test_it_is_torchs_stack(options):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 7, 8, 4)).astype(np.float32)
    model, size = ConvNorm(6, **options), options.get("kernel_size", 3)
    variables = jax.tree.map(
        lambda v: rng.uniform(0.5, 1.5, v.shape).astype(np.float32),
        model.init(jax.random.key(0), x, train=False),
    )
    params = variables["params"]
    bare = options.get("norm", True) is None
    assert ("norm" in params) != bare
    conv = torch.nn.functional.conv2d(
        torch.tensor(x.transpose(0, 3, 1, 2)),
        torch.tensor(params["conv"]["kernel"].transpose(3, 2, 0, 1)),
        torch.tensor(params["conv"]["bias"]) if bare else None,
        stride=options.get("stride", 1),
        padding=options.get("padding", size // 2),
        groups=options.get("groups", 1),
    )
    if not bare:
        stats = variables["batch_stats"]["norm"]
        given = [stats["mean"], stats["var"], params["norm"]["scale"], params["norm"]["bias"]]
        conv = torch.nn.functional.batch_norm(conv, *map(torch.tensor, given))
    act = {None: lambda v: v, jax.nn.relu6: torch.nn.functional.relu6}
    want = act.get(options.get("act", 0), torch.relu)(conv).numpy().transpose(0, 2, 3, 1)
    got = model.apply(variables, x, train=False)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_windows_over_clips_keep_their_size_along_each_axis():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).normal(size=(1, 4, 5, 6, 2)).astype(np.float32)
    model = ConvNorm(3, (3, 1, 5), (2, 1, 1), norm=None, act=None)
    variables = model.init(jax.random.key(0), x, train=False)
    want = torch.nn.functional.conv3d(
        torch.tensor(x.transpose(0, 4, 1, 2, 3)),
        torch.tensor(np.asarray(variables["params"]["conv"]["kernel"]).transpose(4, 3, 0, 1, 2)),
        stride=(2, 1, 1),
        padding=(1, 0, 2),
    )
    got = model.apply(variables, x, train=False)
    np.testing.assert_allclose(got, want.numpy().transpose(0, 2, 3, 4, 1), atol=1e-5)
