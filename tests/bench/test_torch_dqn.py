"""The twin in PyTorch: with the same weights and rows its loss and gradients are those of ours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.optim.config import SGD
from jaxdl.optim.optimizer import make_optimizer
from jaxdl.rl.agents.dqn import DQNConfig, make_q_update
from jaxdl.rl.agents.networks import QNetwork
from jaxdl.rl.environments.cartpole import CartPole
from jaxdl.rl.replay import Experience
from jaxdl.training.state import TrainState

torch = pytest.importorskip("torch")
pytest.importorskip("gymnasium")
SETTINGS = {"environments": 3, "replay": 4, "batch": 6, "warmup": 3, "target_every": 2}


def made_twin(cfg, *, dueling=True, ema=0.5, rates=(0.1, 0.2)):
    from jaxdl.bench.torch_dqn import TorchDQN, TorchQNetwork

    torch.manual_seed(0)
    network = TorchQNetwork(2, (8, 8), CartPole.scale, dueling)
    return TorchDQN("CartPole-v1", cfg, network, np.array(rates), clip_norm=1.0, ema=ema)


def as_params(network, of=lambda x: x):
    layers = {**network._modules["torso"]._modules, "head": network.head, "value": network.value}
    made = {
        name: {
            "kernel": of(layer.weight).detach().numpy().T,
            "bias": of(layer.bias).detach().numpy(),
        }
        for name, layer in layers.items()
        if layer is not None
    }
    torso = {f"dense{i + 1}": made.pop(str(i)) for i in range(2)}
    return jax.tree.map(lambda x: jnp.array(x.copy()), {"torso": torso, **made})


@pytest.mark.parametrize(("double", "dueling"), [(True, True), (False, False)])
def test_loss_and_gradients_are_ours(double, dueling):
    cfg = DQNConfig(**SETTINGS, double=double, delta=0.5)
    twin = made_twin(cfg, dueling=dueling)
    twin.advance(4)
    with torch.no_grad():
        for weight in twin.target.parameters():
            weight += 0.3
    rows, params, target = twin.sample(), as_params(twin.network), as_params(twin.target)
    twin.optimizer.zero_grad()
    loss = twin.loss(rows)
    loss.backward()
    tx, network = make_optimizer(SGD(lr=1.0), 1), QNetwork(2, (8, 8), CartPole.scale, dueling)
    state = TrainState(jnp.int32(0), params, tx.init(params), jax.random.key(0))
    numpy = {name: jnp.asarray(x.numpy()) for name, x in rows.items()}
    update = jax.jit(make_q_update(network, tx, cfg, None))
    new, _, got, _ = update(state, params, state.opt_state, target, Experience(**numpy))
    assert float(got) == pytest.approx(loss.item(), rel=1e-5)
    grads = as_params(twin.network, of=lambda x: x.grad)
    jax.tree.map(
        lambda p, n, g: np.testing.assert_allclose(p - n, g, rtol=1e-3, atol=1e-6),
        params,
        new,
        grads,
    )


def test_it_remembers_whole_transitions_and_learns_after_its_warmup():
    cfg = DQNConfig(**SETTINGS, epsilon_steps=10)
    twin = made_twin(cfg)
    first = [p.detach().clone() for p in twin.network.parameters()]
    twin.advance(3)
    assert all((a == b).all() for a, b in zip(first, twin.network.parameters(), strict=True))
    seen, rows = [], twin.memory
    seen.append(rows["observation"][9:].numpy().copy())  # the ring is full after four
    twin.advance(40)
    assert all((a != b).any() for a, b in zip(first, twin.network.parameters(), strict=True))
    assert twin.optimizer.param_groups[0]["lr"] == 0.2
    step = jax.vmap(lambda s, a: CartPole().step(jax.random.key(0), s, a))
    after, reward, fallen = step(rows["observation"].numpy(), rows["action"].numpy())
    np.testing.assert_allclose(rows["next_observation"].numpy(), after, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(rows["reward"].numpy(), reward)
    np.testing.assert_array_equal(rows["terminated"].numpy(), fallen)
    assert twin.returns(episodes=2).min() >= 8
