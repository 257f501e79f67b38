"""Batch norm against torch's, and over devices against one device."""

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from jaxdl.layers.norm.batch_norm import BatchNorm


def start(channels):
    rng = np.random.default_rng(0)
    return {
        "params": {
            "scale": jnp.array(rng.uniform(0.5, 2, channels), jnp.float32),
            "bias": jnp.array(rng.normal(size=channels), jnp.float32),
        },
        "batch_stats": {
            "mean": jnp.array(rng.normal(size=channels), jnp.float32),
            "var": jnp.array(rng.uniform(0.5, 2, channels), jnp.float32),
        },
    }


def torch_twin(torch, variables, momentum, eps):
    twin = torch.nn.BatchNorm2d(len(variables["params"]["bias"]), eps=eps, momentum=momentum)
    state = {
        "weight": variables["params"]["scale"],
        "bias": variables["params"]["bias"],
        "running_mean": variables["batch_stats"]["mean"],
        "running_var": variables["batch_stats"]["var"],
        "num_batches_tracked": 0,
    }
    twin.load_state_dict({k: torch.tensor(np.array(v)) for k, v in state.items()})
    return twin


def channels_last(tensor):
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


@pytest.mark.parametrize(("momentum", "eps"), [(0.1, 1e-5), (0.3, 1e-2)])
def test_training_and_evaluation_are_torchs(momentum, eps):
    torch = pytest.importorskip("torch")
    variables = start(3)
    twin = torch_twin(torch, variables, momentum, eps)
    rng = np.random.default_rng(1)
    for x in rng.normal(5, 2, size=(2, 4, 3, 5, 3)).astype(np.float32):
        t = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
        want = twin(t)
        (want**3).sum().backward()

        def loss(x, params, stats=variables["batch_stats"]):
            y, new = BatchNorm(train=True, momentum=momentum, eps=eps).apply(
                {"params": params, "batch_stats": stats}, x, mutable=["batch_stats"]
            )
            return jnp.sum(y**3), (y, new)

        (grad_x, grads), (y, new) = jax.grad(loss, (0, 1), has_aux=True)(x, variables["params"])
        np.testing.assert_allclose(y, channels_last(want), atol=1e-5)
        np.testing.assert_allclose(grad_x, channels_last(t.grad), atol=2e-3)
        np.testing.assert_allclose(grads["scale"], twin.weight.grad, rtol=1e-4)
        np.testing.assert_allclose(grads["bias"], twin.bias.grad, rtol=1e-4)
        twin.zero_grad()
        variables = variables | new
        stats = variables["batch_stats"]
        np.testing.assert_allclose(stats["mean"], twin.running_mean, rtol=1e-5)
        np.testing.assert_allclose(stats["var"], twin.running_var, rtol=1e-5)
    want = twin.eval()(torch.tensor(x.transpose(0, 3, 1, 2)))
    y: Any = BatchNorm(train=False, eps=eps).apply(variables, x)
    np.testing.assert_allclose(y, channels_last(want), atol=1e-5)


def test_large_means_keep_their_digits():
    x = np.random.default_rng(2).normal(1e4, 1, size=(64, 4)).astype(np.float32)
    y, _ = BatchNorm(train=True).init_with_output(jax.random.key(0), x)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(y, (exact - exact.mean(0)) / exact.std(0), atol=2e-3)


def run_on(devices, sync, x, target, variables):
    """Values, gradients and running statistics with the batch split over the devices."""
    mesh = Mesh(np.array(jax.devices()[:devices]), ("device",))
    model = BatchNorm(train=True, axis_name="device" if sync else None)

    def step(x, target, variables):
        def loss(params):
            y, new = model.apply(variables | {"params": params}, x, mutable=["batch_stats"])
            return jnp.mean((y - target) ** 2), (y, new)

        grads, (y, new) = jax.grad(loss, has_aux=True)(variables["params"])
        return y, *jax.lax.pmean((grads, new), "device")

    rows, all_ = PartitionSpec("device"), PartitionSpec()
    run = jax.shard_map(
        step,
        mesh=mesh,
        in_specs=(rows, rows, all_),
        out_specs=(rows, all_, all_),
        check_vma=False,
    )
    return jax.tree.map(np.asarray, jax.jit(run)(x, target, variables))


@pytest.mark.parametrize("sync", [True, False])
def test_synchronized_over_four_devices_is_one_device(sync):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(8, 2, 2, 3)).astype(np.float32) + np.arange(8)[:, None, None, None]
    x, target = jnp.array(x, jnp.float32), jnp.array(rng.normal(size=x.shape), jnp.float32)
    one = jax.tree.leaves(run_on(1, sync, x, target, start(3)))
    four = jax.tree.leaves(run_on(4, sync, x, target, start(3)))
    same = [np.allclose(a, b, atol=1e-5) for a, b in zip(one, four, strict=True)]
    # Without it every device has its own statistics, so that y, the first, is another.
    assert all(same) if sync else not same[0]


@pytest.mark.parametrize("sync", [True, False])
def test_each_device_has_torchs_values_of_its_rows_or_of_all(sync):
    """Local: torch's layer on every share of two rows. Synchronized: on all eight at once."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x = (
        rng.normal(size=(8, 2, 2, 3)).astype(np.float32)
        + np.arange(8, dtype=np.float32)[:, None, None, None]
    )
    y, _, new = run_on(4, sync, jnp.array(x), jnp.zeros(x.shape), start(3))
    shares = np.split(x, 1 if sync else 4)
    twins = [torch_twin(torch, start(3), 0.1, 1e-5) for _ in shares]
    want = [
        channels_last(twin(torch.tensor(share.transpose(0, 3, 1, 2))))
        for twin, share in zip(twins, shares, strict=True)
    ]
    np.testing.assert_allclose(y, np.concatenate(want), atol=1e-5)
    for name in ("mean", "var"):  # of local norms the mean over devices is kept
        kept = np.mean([getattr(twin, f"running_{name}").numpy() for twin in twins], axis=0)
        np.testing.assert_allclose(new["batch_stats"][name], kept, rtol=1e-5)


def test_synchronized_under_pmap():
    x = jnp.array(np.random.default_rng(4).normal(size=(4, 2, 3)), jnp.float32)

    @partial(jax.pmap, axis_name="device", in_axes=(0, None), devices=jax.devices()[:4])
    def run(x, variables):
        model = BatchNorm(train=True, axis_name="device")
        return model.apply(variables, x, mutable=["batch_stats"])

    y, new = run(x, start(3))
    want, stats = BatchNorm(train=True).apply(start(3), x.reshape(8, 3), mutable=["batch_stats"])
    np.testing.assert_allclose(np.asarray(y).reshape(8, 3), want, atol=1e-5)
    for got, one in zip(jax.tree.leaves(new), jax.tree.leaves(stats), strict=True):
        np.testing.assert_allclose(np.asarray(got)[3], one, rtol=1e-5)


def test_scale_can_start_at_zero_and_bfloat16_stays():
    x = jnp.ones((2, 4, 4, 3), jnp.bfloat16)
    layer: Any = BatchNorm(train=True, scale_init=nn.initializers.zeros)
    with jax.numpy_dtype_promotion("strict"):
        y, variables = layer.init_with_output(jax.random.key(0), x)
    assert y.dtype == jnp.bfloat16
    assert not variables["params"]["scale"].any()
    assert variables["batch_stats"]["var"].dtype == jnp.float32


def test_one_value_a_channel_has_no_variance():
    with pytest.raises(ValueError, match=r"more than one value per channel, got shape \(1, 3\)"):
        BatchNorm(train=True).apply(start(3), jnp.ones((1, 3)), mutable=["batch_stats"])
