"""Models on the accelerator, judged by the same models on the CPU: loss and gradient.

Products at the highest precision. Deep nets of ReLUs multiply what rounding differs in: 1e-3 of the
gradient's norm, 1e-4 of the loss.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.bench.jax_workloads import bench_task
from jaxdl.bench.workloads import WORKLOADS
from jaxdl.losses.classification import softmax_cross_entropy
from jaxdl.models.registry import create_model
from tests.accelerator.test_ops import distance

pytestmark = pytest.mark.gpu
LOSS, GRADIENT = 1e-4, 1e-3
MODELS = {  # beside those of `WORKLOADS`
    "resnet18": (64, {"blocks": (1, 1, 1, 1)}),
    "resnext50_32x4d": (64, {"blocks": (1, 1, 1, 1)}),
    "densenet121": (64, {"blocks": (2, 2, 2, 2), "growth": 8}),
    "googlenet": (64, {}),
    "mobilenet_v2": (64, {"width": 0.5}),
    "mnist_inception": (28, {}),
    "speed_convnet": (32, {}),
    "vit_ti_16": (64, {}),
}


@pytest.mark.parametrize("name", MODELS)
def test_loss_and_gradient_are_those_of_the_cpu(name, both):
    side, options = MODELS[name]
    model = create_model(name, 10, **options)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, side, side, 1 if name.startswith("mnist") else 3)).astype(np.float32)
    with jax.default_device(jax.devices("cpu")[0]):
        variables = jax.device_get(jax.jit(lambda: model.init(jax.random.key(0), x, train=False))())
    rest = {k: v for k, v in variables.items() if k != "params"}

    def everything(params, x):
        def loss(params):
            out = model.apply({"params": params, **rest}, x, train=False)
            return softmax_cross_entropy(out, jnp.arange(4)).mean()

        return jax.value_and_grad(loss)(params)

    (loss, gradient), (loss_there, gradient_there) = both(everything, variables["params"], x)
    assert distance(loss, loss_there) < LOSS
    assert distance(gradient, gradient_there) < GRADIENT


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_step_measures_what_it_measures_on_the_cpu(name, both):
    task = bench_task(name, batch=4)
    split = task.splits["train"]
    with jax.default_device(jax.devices("cpu")[0]):
        state = jax.jit(task.init)(jax.random.key(0))
    key = np.asarray(jax.random.key_data(state.key))
    rows = {k: v[None] for k, v in split.batch(np.arange(4)).items()}

    def step(state, key, batch):
        state = state.replace(key=jax.random.wrap_key_data(key))
        run = jax.vmap(task.step, (None, 0), axis_name="device", axis_size=1)
        return {k: v[0] for k, v in run(state, batch)[1].items()}

    here, there = both(step, jax.device_get(state.replace(key=key)), key, rows)
    assert here
    for name, value in here.items():
        assert distance(value, there[name]) < (GRADIENT if "norm" in name else LOSS), name
