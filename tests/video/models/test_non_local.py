"""The non-local block: nothing at its start, then float64 loops over all pairs of places."""

import jax
import numpy as np

from jaxdl.video.models.fusion import SlowFusion
from jaxdl.video.models.non_local import NonLocal
from tests.video.models.random_variables import clips


def test_it_changes_nothing_at_the_start():
    x = clips(2, 2, 3, 3, 4)
    block = NonLocal()
    variables = block.init(jax.random.key(0), x)
    np.testing.assert_array_equal(block.apply(variables, x), x)


def test_put_into_a_network_it_leaves_its_logits_as_they_were():
    x = clips(1, 4, 4, 4, 3)
    options = {"features": (4,), "pools": (2,)}
    plain, with_block = SlowFusion(3, **options), SlowFusion(3, **options, non_local=True)
    variables = with_block.init(jax.random.key(0), x, train=False)
    params = {k: v for k, v in variables["params"].items() if k != "non_local"}
    assert len(params) < len(variables["params"])
    got = with_block.apply(variables, x, train=False)
    want = plain.apply({**variables, "params": params}, x, train=False)
    np.testing.assert_array_equal(got, want)


def test_every_place_weighs_all_others():
    x = clips(2, 2, 2, 3, 4).astype(np.float64)
    rng = np.random.default_rng(1)
    parts = {
        name: {"kernel": rng.normal(size=(1, 1, 1, *sizes)), "bias": rng.normal(size=sizes[1])}
        for name, sizes in (
            *((part, (4, 3)) for part in ("query", "key", "value")),
            ("out", (3, 4)),
        )
    }
    flat = x.reshape(2, -1, 4)
    want = np.empty_like(flat)
    q, k, v = (
        flat @ parts[n]["kernel"][0, 0, 0] + parts[n]["bias"] for n in ("query", "key", "value")
    )
    for b in range(2):
        for i in range(12):
            weights = np.array([np.exp(q[b, i] @ k[b, j]) for j in range(12)])
            y = sum(weights[j] * v[b, j] for j in range(12)) / weights.sum()
            want[b, i] = flat[b, i] + y @ parts["out"]["kernel"][0, 0, 0] + parts["out"]["bias"]
    parts = jax.tree.map(np.float32, parts)
    got = NonLocal(inner=3).apply({"params": parts}, x.astype(np.float32))
    np.testing.assert_allclose(got.reshape(2, -1, 4), want, rtol=2e-4, atol=1e-4)
