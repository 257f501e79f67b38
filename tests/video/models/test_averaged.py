"""The mean of predictions against SciPy in float64."""

import jax.numpy as jnp
import numpy as np
from scipy.special import softmax

from jaxdl.video.models.averaged import averaged


def test_probabilities_are_averaged():
    logits = 5 * np.random.default_rng(0).normal(size=(2, 3, 4))
    got = averaged(jnp.asarray(logits, jnp.float32))
    np.testing.assert_allclose(np.exp(got), softmax(logits, -1).mean(1), rtol=1e-5)
