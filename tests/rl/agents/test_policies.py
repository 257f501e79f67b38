"""SciPy's distributions."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxdl.rl.agents.policies import Categorical, Gaussian

RNG = np.random.default_rng(0)


def test_a_categorical_is_scipys():
    logits = RNG.normal(size=(3, 4))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    policy, action = Categorical(jnp.float32(logits)), np.array([0, 3, 2])
    want = [np.log(row[a]) for row, a in zip(shares, action, strict=True)]
    np.testing.assert_allclose(policy.log_prob(jnp.array(action)), want, rtol=1e-5)
    np.testing.assert_allclose(policy.entropy(), stats.entropy(shares, axis=1), rtol=1e-5)
    np.testing.assert_array_equal(policy.mode(), shares.argmax(axis=1))
    drawn = jax.vmap(policy.sample)(jax.random.split(jax.random.key(0), 2000))
    counts = np.bincount(np.asarray(drawn)[:, 0], minlength=4) / 2000
    np.testing.assert_allclose(counts, shares[0], atol=0.04)


def test_a_gaussian_is_scipys():
    mean, log_std, action = RNG.normal(size=(3, 5, 2))
    policy = Gaussian(jnp.float32(mean), jnp.float32(log_std))
    want = stats.norm(mean, np.exp(log_std))
    got = policy.log_prob(jnp.float32(action))
    np.testing.assert_allclose(got, want.logpdf(action).sum(axis=1), rtol=1e-4)
    np.testing.assert_allclose(policy.entropy(), want.entropy().sum(axis=1), rtol=1e-4)
    np.testing.assert_array_equal(policy.mode(), jnp.float32(mean))
    drawn = np.asarray(jax.vmap(policy.sample)(jax.random.split(jax.random.key(0), 2000)))
    np.testing.assert_allclose(drawn.mean(0), mean, atol=0.1 * np.exp(log_std).max())
    np.testing.assert_allclose(drawn.std(0), np.exp(log_std), rtol=0.1)
