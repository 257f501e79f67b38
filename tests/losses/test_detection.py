"""Losses of boxes and heat against their formulas in float64."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.losses.detection import heatmap_focal_loss, smooth_l1


def test_losses_of_boxes_and_heat_by_formula():
    d = np.array([[0.05, -2.0, 0.0, 1.0]])
    for beta in (0.1, 1.0):
        want = [x * x / (2 * beta) if abs(x) < beta else abs(x) - beta / 2 for x in d[0]]
        np.testing.assert_allclose(
            smooth_l1(jnp.array(d), jnp.zeros((1, 4)), beta=beta), sum(want), rtol=1e-5
        )
    z, heat = jnp.array([0.3, 0.3]), jnp.array([1.0, 0.5])
    p = 1 / (1 + np.exp(-0.3))
    for alpha, beta in ((2.0, 4.0), (1.0, 2.0)):
        want = [-((1 - p) ** alpha) * np.log(p), -(0.5**beta) * p**alpha * np.log(1 - p)]
        np.testing.assert_allclose(
            heatmap_focal_loss(z, heat, alpha=alpha, beta=beta), want, rtol=1e-5
        )
    assert np.isfinite(
        jax.grad(lambda v: heatmap_focal_loss(v, heat).sum())(jnp.array([-200.0, 200.0]))
    ).all()
