"""scikit-learn's logistic regression is where a linear clone ends."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from jaxdl.optim.config import Adam
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.rl.agents.cloning import Shown, demonstrations, make_cloning_step
from jaxdl.rl.agents.learners import first_learners
from jaxdl.rl.agents.networks import ActorCritic
from jaxdl.rl.environments.cartpole import CartPole

RNG = np.random.default_rng(0)
WORLD = CartPole()


def lean(params, observation):
    return jnp.int32(jnp.einsum("nsi,si->ns", observation, params["weights"]) > 0)


@pytest.fixture(scope="module")
def trained():
    """Two linear clones of rows whose classes overlap; the second sees 40 of 200."""
    seen = RNG.normal(size=(2, 200, 4)).astype(np.float32)
    chance = 1 / (1 + np.exp(-(2 * seen[..., 0] - seen[..., 1] + 0.5)))
    action = (RNG.random((2, 200)) < chance).astype(np.int32)
    network = ActorCritic(WORLD.actions, ())  # no hidden layer, no scale
    tx = make_optimizer(Adam(lr=0.05, schedule="cosine"), 600)
    step = make_cloning_step(network, tx, Shown(seen, action), (200, 40), batch=256, axis_name=None)
    state = first_learners(network, tx, WORLD, jax.random.key(0), count=1, learners=2)
    state = state.replace(local={})
    run = jax.jit(lambda s: jax.lax.fori_loop(0, 600, lambda _, s: step(s, {})[0], s))
    return seen, action, jax.device_get(run(state).params)


def test_a_linear_clone_is_logistic_regression(trained):
    seen, action, params = trained
    for i, count in enumerate((200, 40)):
        want = LogisticRegression(C=1e6).fit(seen[i, :count], action[i, :count])
        layer = jax.tree.map(lambda x, i=i: x[i], params["policy"])
        slope, offset = layer["kernel"] @ [-1, 1], layer["bias"] @ [-1, 1]
        np.testing.assert_allclose(slope, want.coef_[0], rtol=0.1, atol=0.12)
        assert offset == pytest.approx(want.intercept_[0], abs=0.15)


def test_what_is_shown_is_what_the_first_learner_does():
    weights = np.float32([[0.1, 0.2, 1, 0.5], [0, 0, -1, 0]])
    show = jax.jit(partial(demonstrations, WORLD, lean, count=50))
    shown = show({"weights": weights}, jax.random.key(0))
    assert shown.observation.shape == (50, 4)
    np.testing.assert_array_equal(shown.action, shown.observation @ weights[0] > 0)
    assert len(np.unique(shown.observation, axis=0)) == 50
    other = show({"weights": weights}, jax.random.key(1))
    assert not np.isin(other.observation[:, 0], shown.observation[:, 0]).any()
