"""torch, in float64, takes the same update; the papers' formulas judge the network and schedule."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.optim.config import SGD
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.rl.agents.dqn import (
    DQNConfig,
    epsilon,
    epsilon_greedy,
    first_dqn,
    hold_draws,
    make_dqn_step,
    make_q_update,
)
from jaxdl.rl.agents.networks import QNetwork
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.environments.episodes import Episode
from jaxdl.rl.replay import Experience
from jaxdl.training.state import TrainState

RNG = np.random.default_rng(0)
NETWORK = QNetwork(2, (8, 8), CartPole.scale)
TX = make_optimizer(SGD(lr=0.1), 10)


def rows(count=32):
    seen, after = RNG.normal(size=(2, count, 4))
    return Experience(
        jnp.float32(seen),
        jnp.array(RNG.integers(2, size=count), jnp.int32),
        jnp.float32(RNG.normal(size=count) * 3),
        jnp.float32(after),
        jnp.array(RNG.random(count) < 0.3),
    )


def params_of(seed, network=NETWORK):
    return network.init(jax.random.key(seed), jnp.zeros((1, 4)))["params"]


@pytest.mark.parametrize(("double", "discount"), [(False, 0.99), (True, 0.5)])
def test_an_update_is_torchs(double, discount):
    torch = pytest.importorskip("torch")
    params, target, batch = params_of(0), params_of(1), rows()

    def forward(weights, x):
        x = torch.tensor(np.float64(x)) / torch.tensor(CartPole.scale, dtype=torch.float64)
        for name in ("dense1", "dense2"):
            layer = weights["torso"][name]
            x = torch.relu(x @ layer["kernel"] + layer["bias"])
        return x @ weights["head"]["kernel"] + weights["head"]["bias"]

    def tensors(tree, grad=False):
        make = lambda x: torch.tensor(np.float64(x), requires_grad=grad)  # noqa: E731
        return jax.tree.map(make, jax.device_get(tree))

    online, frozen = tensors(params, grad=True), tensors(target)
    with torch.no_grad():
        later = forward(frozen, batch.next_observation)
        chosen = forward(online, batch.next_observation) if double else later
        best = later.gather(1, chosen.argmax(1, keepdim=True))[:, 0]
        goes_on = torch.tensor(~np.asarray(batch.terminated), dtype=torch.float64)
        wanted = torch.tensor(np.float64(batch.reward)) + discount * goes_on * best
    taken = forward(online, batch.observation).gather(
        1, torch.tensor(np.asarray(batch.action), dtype=torch.int64)[:, None]
    )[:, 0]
    loss = torch.nn.functional.huber_loss(taken, wanted, delta=1 + discount)
    loss.backward()

    update = make_q_update(
        NETWORK, TX, DQNConfig(double=double, discount=discount, delta=1 + discount), None
    )
    state = TrainState(jnp.int32(0), params, TX.init(params), jax.random.key(0))
    new, _, got, norm = jax.jit(partial(update, state))(params, TX.init(params), target, batch)
    assert float(got) == pytest.approx(loss.item(), rel=1e-5)
    grads = jax.tree.map(lambda x: x.grad.numpy(), online)
    want = jax.tree.map(lambda p, g: p - 0.1 * g, jax.device_get(params), grads)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), new, want)
    square = sum((g**2).sum() for g in jax.tree.leaves(grads))
    assert float(norm) == pytest.approx(np.sqrt(square), rel=1e-4)


def test_dueling_takes_the_mean_from_the_advantages():
    network = QNetwork(3, (4,), dueling=True)
    params = params_of(0, network)
    x = jnp.float32(RNG.normal(size=(5, 4)))
    numpy = jax.tree.map(np.float64, jax.device_get(params))
    torso, a, v = numpy["torso"]["dense1"], numpy["head"], numpy["value"]
    hidden = np.maximum(np.float64(x) @ torso["kernel"] + torso["bias"], 0)
    advantage = hidden @ a["kernel"] + a["bias"]
    want = hidden @ v["kernel"] + v["bias"] + advantage
    want = want - advantage.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(network.apply({"params": params}, x), want, rtol=1e-4, atol=1e-6)
    assert "value" not in params_of(0, QNetwork(3, (4,)))


def test_pixels_go_through_a_convolution():
    network = QNetwork(3, (8,))
    board = jnp.array(RNG.random((2, 10, 5, 2)) < 0.2)
    params = network.init(jax.random.key(0), board)["params"]
    assert params["torso"]["conv"]["kernel"].shape == (3, 3, 2, 16)
    out = network.apply({"params": params}, board)
    assert out.shape == (2, 3)
    assert (out[0] != out[1]).all()


def test_random_actions_fall_to_their_end():
    cfg = DQNConfig(epsilon_end=0.1, epsilon_steps=100)
    got = [float(epsilon(jnp.int32(step), cfg)) for step in (0, 50, 100, 1000)]
    assert got == pytest.approx([1, 0.55, 0.1, 0.1])
    params = jax.tree.map(lambda *x: jnp.stack(x), params_of(0), params_of(1))
    seen = jnp.float32(RNG.normal(size=(400, 2, 4)))
    keys = jax.random.split(jax.random.key(0), (400, 2))
    each = [NETWORK.apply({"params": params_of(i)}, seen[:, i]).argmax(1) for i in (0, 1)]
    best = np.stack(each, axis=1)
    same = {
        share: (np.asarray(epsilon_greedy(NETWORK, params, share)(seen, keys)) == best).mean(0)
        for share in (0.0, 0.5, 1.0)
    }
    assert (same[0.0] == 1).all()
    np.testing.assert_allclose(same[0.5], 0.75, atol=0.08)  # half of the random ones are best
    np.testing.assert_allclose(same[1.0], 0.5, atol=0.09)


def test_held_draws_last_and_differ_between_environments():
    key, seen = jax.random.key(3), jnp.zeros((30, 2, 4))
    params = jax.tree.map(lambda *x: jnp.stack(x), params_of(0), params_of(1))
    episodes = Episode(jnp.zeros((30, 2)), jnp.zeros((30, 2), jnp.int32), jnp.zeros((30, 2)))
    random = epsilon_greedy(NETWORK, params, jnp.float32(1.0))

    def actions(step):
        state = TrainState(jnp.int32(step), params, {}, key, local={"episodes": episodes})
        return np.asarray(hold_draws(random, state, 4, None)(seen, key))

    whole = np.stack([actions(step) for step in range(12)])
    for first in (0, 4, 8):
        assert (whole[first : first + 4] == whole[first]).all()
    assert 0.3 < whole[::4].mean() < 0.7
    assert 0.3 < (whole[0] == whole[4]).mean() < 0.7


@pytest.fixture(scope="module")
def steps():
    """States after every step of two learners, and the last metrics."""
    cfg = DQNConfig(
        environments=2,
        replay=8,
        batch=4,
        warmup=2,
        updates=2,
        discount=0.9,
        target_every=3,
        target_rate=0.25,
    )
    environment = CartPole()
    init = jax.jit(first_dqn(NETWORK, TX, environment, cfg), static_argnums=1)
    step = jax.jit(make_dqn_step(NETWORK, TX, environment, cfg, ema=0.75, axis_name=None))
    states = [init(jax.random.key(0), 2).start_averages()]
    for _ in range(12):
        state, metrics = step(states[-1], {})
        states.append(state)
    return states, metrics


def test_the_warmup_the_updates_and_the_moves_of_the_target(steps):
    states, metrics = steps
    change = [
        float(jax.tree.leaves(jax.tree.map(lambda a, b: jnp.abs(a - b).max(), x, y))[0])
        for x, y in zip([s.params for s in states], [s.params for s in states[1:]], strict=False)
    ]
    assert change[:2] == [0, 0]
    assert min(change[2:]) > 0
    for number in range(12):
        before, after = states[number].extra["target"], states[number + 1].extra["target"]
        rate = 0.25 if number >= 2 and number % 3 == 0 else 0
        jax.tree.map(
            lambda old, new, p, rate=rate: np.testing.assert_allclose(
                new, old + rate * (p - old), rtol=1e-5, atol=1e-7
            ),
            before,
            after,
            states[number + 1].params,
        )
        jax.tree.map(
            lambda old, new, p: np.testing.assert_allclose(new, 0.75 * old + 0.25 * p, rtol=1e-5),
            states[number].variables["params"],
            states[number + 1].variables["params"],
            states[number + 1].params,
        )
    assert int(states[-1].local["replay"].written[0]) == 12
    assert int(states[-1].step) == 12
    assert set(metrics) == {"loss", "return", "reward", "grad_norm"}


def test_learners_have_starts_and_experience_of_their_own(steps):
    params = steps[0][0].params
    assert all((x[0] != x[1]).any() for x in jax.tree.leaves(params) if x.ndim > 2)
    seen = steps[0][-1].local["replay"].rows.observation
    assert len(np.unique(np.asarray(seen)[:, :, 0, 0])) == 4


def test_options_are_checked():
    with pytest.raises(UsageError, match="agent.batch must be at least 1"):
        DQNConfig(batch=0)
    with pytest.raises(ValueError, match="agent.epsilon_end must lie in"):
        DQNConfig(epsilon_end=2.0)
