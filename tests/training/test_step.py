"""The words that steps are built of."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.models.registry import create_model
from jaxdl.optim.config import SGD, Adam
from jaxdl.training.step import apply_train, global_mean, keep_if_finite, make_train_step, row_keys
from jaxdl.typing import AXIS
from tests.training import toys

V = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
W = np.random.default_rng(1).integers(0, 3, (4, 6)).astype(np.float32)


@pytest.mark.parametrize("weights", [None, W])
def test_global_mean_is_the_mean_over_all_rows(weights):
    """Four devices of unequal weight: its mean, and the mean of its gradients, are the whole's."""

    def loss(scale, v, w):
        return global_mean(scale * v**2, None if weights is None else w)

    def one(v, w):
        return jax.lax.pmean(jax.value_and_grad(loss)(jnp.float32(2), v, w), AXIS)

    value, grad = jax.vmap(one, axis_name=AXIS)(V, W)
    whole = np.average(V.astype(np.float64) ** 2, weights=weights)
    np.testing.assert_allclose(value, np.full(4, 2 * whole), rtol=1e-5)
    np.testing.assert_allclose(grad, np.full(4, whole), rtol=1e-5)


def test_global_mean_of_nothing_is_zero_and_ignores_what_has_no_weight():
    assert global_mean(jnp.ones(3), jnp.zeros(3), axis_name=None) == 0
    values = jnp.array([1.0, jnp.nan])
    assert global_mean(values, jnp.array([1.0, 0.0]), axis_name=None) == 1


def test_row_keys_do_not_depend_on_the_number_of_devices():
    key = jax.random.key(0)
    batch = {"x": jnp.zeros((8, 2))}
    whole = jax.random.key_data(row_keys(key, batch, None))
    shares = {"x": jnp.zeros((4, 2, 2))}
    parts = jax.vmap(lambda b: jax.random.key_data(row_keys(key, b)), axis_name=AXIS)(shares)
    np.testing.assert_array_equal(parts.reshape(8, -1), whole)
    assert len({tuple(row) for row in np.asarray(whole)}) == 8


@pytest.mark.parametrize("witness", [1.0, np.nan, np.inf])
def test_keep_if_finite(witness):
    kept = keep_if_finite(jnp.float32(witness), {"a": jnp.ones(2)}, {"a": jnp.zeros(2)})
    assert kept["a"][0] == np.isfinite(witness)


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_ema_is_the_weighted_sum_of_past_parameters_and_statistics(decay):
    task = toys.classifier(SGD(lr=0.1, ema=decay))
    state = task.init(jax.random.key(0))
    step = jax.jit(jax.vmap(task.step, (None, 0), axis_name=AXIS))
    batch = {k: v[None, :16] for k, v in task.splits["train"].resident().items()}
    numbers = lambda s: (s.params["out"]["kernel"], s.extra["batch_stats"]["norm"]["var"])  # noqa: E731
    want = [np.asarray(x, np.float64) for x in numbers(state)]
    for _ in range(5):
        state = jax.tree.map(lambda x: x[0], step(state, batch)[0])
        pairs = zip(want, numbers(state), strict=True)
        want = [decay * old + (1 - decay) * np.asarray(new) for old, new in pairs]
    np.testing.assert_allclose(state.ema["out"]["kernel"], want[0], rtol=1e-5)
    np.testing.assert_allclose(state.ema_extra["batch_stats"]["norm"]["var"], want[1], rtol=1e-5)
    assert state.variables == {"params": state.ema, **state.ema_extra}


def test_after_update_sees_the_new_state():
    task = toys.classifier(SGD(lr=0.1))

    def zero(state):
        return state.replace(params=jax.tree.map(jnp.zeros_like, state.params))

    step = make_train_step(task.loss_fn, task.tx, task.prepare, after_update=zero)
    state = task.init(jax.random.key(0))
    batch = {k: v[None, :16] for k, v in task.splits["train"].resident().items()}
    state, _ = jax.vmap(step, (None, 0), axis_name=AXIS)(state, batch)
    assert all(not leaf.any() for leaf in jax.tree.leaves(state.params))


def test_hyper_numbers_act_without_a_new_program():
    """A learning rate in the state replaces the one that the optimizer was made with."""
    task = toys.classifier(SGD(lr=0.1))
    state = task.init(jax.random.key(0))
    step = jax.jit(jax.vmap(task.step, (None, 0), axis_name=AXIS))
    batch = {k: v[None, :16] for k, v in task.splits["train"].resident().items()}
    start = np.asarray(state.params["out"]["kernel"])
    moved = {}
    for lr in (0.1, 0.2):
        new = state.replace(hyper=state.hyper | {"lr": jnp.float32(lr)})
        moved[lr] = np.asarray(step(new, batch)[0].params["out"]["kernel"][0]) - start
    np.testing.assert_allclose(moved[0.2], 2 * moved[0.1], rtol=1e-5)
    assert step._cache_size() == 1


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_of_a_batch_make_the_step_of_the_whole(parts):
    """The mean of equal parts' gradients is the whole's, without batch norm and weights."""
    toy = toys.classifier(SGD(lr=0.1))
    state = toy.init(jax.random.key(0))
    batch = {k: v[None, :16] for k, v in toy.splits["train"].resident().items()}

    def loss_fn(params, extra, batch, key):
        hidden = batch["x"] @ params["hidden"]["kernel"]
        loss = jnp.sum((hidden @ params["out"]["kernel"]) ** 2, axis=1)
        return global_mean(loss), (extra, {"loss": (loss.sum(), loss.size)})

    ends = []
    for accumulate in (1, parts):
        step = make_train_step(loss_fn, toy.tx, toy.prepare, accumulate=accumulate)
        ends.append(jax.vmap(step, (None, 0), axis_name=AXIS)(state, batch))
    (one, seen), (many, seen_many) = ends
    np.testing.assert_allclose(one.params["out"]["kernel"], many.params["out"]["kernel"], atol=1e-6)
    np.testing.assert_allclose(seen["loss"][0], seen_many["loss"][0], rtol=1e-5)
    np.testing.assert_allclose(seen["loss"][1], seen_many["loss"][1])


def test_parts_must_divide_a_devices_rows():
    task = toys.classifier(Adam(accumulate_steps=3))
    batch = {k: v[None, :16] for k, v in task.splits["train"].resident().items()}
    state = task.init(jax.random.key(0))
    with pytest.raises(ValueError, match="16 rows of a device do not divide into 3 parts"):
        jax.vmap(task.step, (None, 0), axis_name=AXIS)(state, batch)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_parameters_stay_float32_whatever_is_computed_in(precision):
    model = create_model("deep_convnet", 3, filters=(4,), pools=(1,), batch_norm=True)
    x = jnp.asarray(V[:, None, :, None], jnp.float32).repeat(6, axis=1)
    label = jnp.array([0, 1, 2, 0])
    variables = model.init(jax.random.key(0), x, train=False)
    extra = {"batch_stats": variables["batch_stats"]}

    def loss(params, precision):
        logits, new = apply_train(model, params, extra, x, jax.random.key(0), precision=precision)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, label)
        return loss.mean(), (logits, new)

    run = jax.value_and_grad(loss, has_aux=True)
    params, losses = variables["params"], []
    for _ in range(20):
        (value, (logits, new)), grads = run(params, precision)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
        losses.append(float(value))
    assert {str(x.dtype) for x in jax.tree.leaves((grads, params, new, logits))} == {"float32"}
    assert losses[-1] < 0.5 * losses[0]
    exact = loss(params, "float32")[1][0]
    near = loss(params, precision)[1][0]
    np.testing.assert_allclose(near, exact, atol=0.05)
    assert np.array_equal(near, exact) == (precision == "float32")
