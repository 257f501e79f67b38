"""torch's own rules take the steps of the configs; what torch has not is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from jaxdl.checks import UsageError  # noqa: E402
from jaxdl.interop.torch_twins.optimizers import TorchRule  # noqa: E402
from jaxdl.optim.config import OptimConfig, make_optimizer  # noqa: E402


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


OPTIMIZERS = [
    OptimConfig("sgd", 0.1, weight_decay=0.01, clip_norm=0.5),
    OptimConfig("momentum", 0.1, momentum=0.7, clip_value=0.2),
    OptimConfig("nesterov", 0.1, weight_decay=0.1, decay_paths=("*",)),
    OptimConfig("adagrad", 0.1, eps=1e-3, accumulator=0.2),
    OptimConfig("rmsprop", 0.01, smoothing=0.8, centered=True, step_momentum=0.5),
    OptimConfig("adam", 0.01, b1=0.8, b2=0.9, eps=1e-3, weight_decay=0.1),
    OptimConfig("adam", 0.01, weight_decay=0.1, decoupled=True),
    OptimConfig("adamw", 0.01, weight_decay=0.2),
]


@pytest.mark.parametrize("optim", OPTIMIZERS, ids=lambda o: o.name)
def test_torchs_rule_is_that_of_the_config(optim):
    params = {"kernel": jnp.asarray(normal(3, 2)), "bias": jnp.asarray(normal(2, seed=1))}
    module = torch.nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(np.asarray(params["kernel"]).T))
        module.bias.copy_(torch.tensor(np.asarray(params["bias"])))
    tx = make_optimizer(optim, 10)
    state = tx.init(params)
    whole = bool(optim.decay_paths)
    rule = TorchRule(optim, module, {"weight": True, "bias": whole})
    for step in range(5):
        grads = {"kernel": normal(3, 2, seed=9 + step), "bias": normal(2, seed=99 + step)}
        updates, state = tx.update(jax.tree.map(jnp.asarray, grads), state, params)
        params = jax.tree.map(jnp.add, params, updates)
        module.weight.grad = torch.tensor(grads["kernel"].T.copy())
        module.bias.grad = torch.tensor(grads["bias"])
        rule.step(optim.lr)
    np.testing.assert_allclose(module.weight.detach().numpy().T, params["kernel"], atol=2e-6)
    np.testing.assert_allclose(module.bias.detach().numpy(), params["bias"], atol=2e-6)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"l1": 0.1}, "optim.l1"),
        ({"ema": 0.9}, "optim.ema"),
        ({"name": "sgd", "decoupled": True}, "decoupled"),
        ({"name": "lbfgs"}, "lbfgs"),
    ],
)
def test_a_rule_that_torch_has_not_is_refused(options, word):
    with pytest.raises(UsageError, match=word):
        TorchRule(OptimConfig(**options), torch.nn.Linear(2, 2), {"weight": True, "bias": False})
