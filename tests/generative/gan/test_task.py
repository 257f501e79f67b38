"""GANs: networks against torch, the step against one by hand, devices and interruptions."""

import dataclasses
import re
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.splits.split import Split
from jaxdl.generative.gan.networks import (
    DCDiscriminator,
    DCGenerator,
    MLPDiscriminator,
    MLPGenerator,
)
from jaxdl.generative.gan.task import GAN, GANConfig, draw_noise, gan_task
from jaxdl.layers.norm.registry import norm_layer
from jaxdl.layers.spatial_attention import SpatialAttention
from jaxdl.optim.config import SGD, Adam
from jaxdl.runs.checkpoint import flatten, params_sha256
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.task import as_it_is

LOOP = LoopConfig(steps=6, log_every=3, save_every=3, devices=1)
OPTIM = Adam(lr=1e-2, b1=0.5, ema=0.9)


def points(rows=32):
    x = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    return Split({"real": x, "label": (x[:, 0] > 0).astype(np.int32)}, ("a", "b"), batch_size=16)


class NormedGenerator(nn.Module):
    """A generator with batch statistics."""

    @nn.compact
    def __call__(self, z, label=None, *, train):
        x = nn.relu(nn.Dense(8, name="fc")(jnp.concatenate([z, jax.nn.one_hot(label, 2)], 1)))
        return nn.Dense(3, name="out")(norm_layer("batch_sync")(train=train, name="norm")(x))


def task(optim=OPTIM, generator=None, steps=6, **rules):
    game = GAN(
        generator or NormedGenerator(),
        MLPDiscriminator((8,), classes=2),
        GANConfig(latent_dim=4, **rules),
    )
    return gan_task(game, {"train": points()}, as_it_is, optim, loop=LoopConfig(steps=steps))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return fit(task(), LOOP, tmp_path_factory.mktemp("alone"))


def test_a_resumed_game_is_the_uninterrupted_one(alone, tmp_path):
    fit(task(), dataclasses.replace(LOOP, steps=3), tmp_path)
    again = fit(task(), LOOP, tmp_path, resume=True)
    for part in ("params", "opt_state", "extra", "ema", "ema_extra"):
        assert params_sha256(getattr(again.state, part)) == params_sha256(
            getattr(alone.state, part)
        )
    last = [{k: row[k] for k in ("d_loss", "g_loss")} for row in (alone.rows[-1], again.rows[-1])]
    assert last[0] == last[1]


def test_the_averaged_generator_has_batch_statistics_of_its_own(alone):
    """Those of one layer: means over the batches of an epoch of moments, by NumPy."""
    state, split = jax.device_get(alone.state.replace(key=0)), points()
    key = jax.random.fold_in(alone.state.key, 2**31 - 2)
    moments = []
    for i, rows in enumerate(split.indices(0)):
        own = jax.random.fold_in(jax.random.fold_in(key, i), 2**31 - 1)
        own = jax.random.fold_in(own, 0)  # the only device
        keys = jax.vmap(jax.random.fold_in, (None, 0))(own, jnp.arange(16))
        z = np.asarray(draw_noise(keys, GANConfig(latent_dim=4)), np.float64)
        x = np.concatenate([z, np.eye(2)[split.batch(rows)["label"]]], axis=1)
        fc = state.ema["g"]["fc"]
        x = np.maximum(x @ np.asarray(fc["kernel"], np.float64) + fc["bias"], 0)
        moments.append((x.mean(axis=0), x.var(axis=0, ddof=1)))
    stats = state.variables["batch_stats"]["g"]["norm"]
    for got, want in zip((stats["mean"], stats["var"]), np.mean(moments, axis=0), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("way", ["pmap", "shard_map"])
def test_eight_devices_play_the_same_game(alone, tmp_path, way):
    got = fit(task(), dataclasses.replace(LOOP, parallel=way, devices=8), tmp_path)
    for name in ("d_loss", "g_loss", "real_score", "fake_score"):
        assert got.rows[-1][name] == pytest.approx(alone.rows[-1][name], abs=1e-4)
    want = flatten(alone.state.params)
    for path, value in flatten(got.state.params).items():
        np.testing.assert_allclose(value, want[path], atol=2e-3, err_msg=path)


def test_a_step_is_two_updates_of_plain_descent():
    """SGD by hand: D on real and made rows, then G through the new D on noise of its own."""
    made = task(SGD(lr=0.1), MLPGenerator((3,), (5,), 2, bounded=False))
    state = made.init(jax.random.key(1))
    batch = {k: v[:16] for k, v in made.splits["train"].resident().items()}
    step = jax.jit(jax.vmap(made.step, (None, 0), axis_name="device", axis_size=1))
    new = jax.tree.map(lambda x: x[0], step(state, jax.tree.map(lambda x: x[None], batch))[0])
    rows = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.fold_in(state.key, 0), jnp.arange(16))
    _, d_keys, g_keys = jax.vmap(lambda k: jax.random.split(k, 3), out_axes=1)(rows)
    noise_keys = jax.vmap(lambda k: jax.random.split(k, 2), out_axes=1)(d_keys)[0]
    rule = GANConfig(latent_dim=4)

    def dense(p, x, act):
        for name in ("fc1", "out"):
            x = x @ p[name]["kernel"] + p[name]["bias"][None]
            x = act(x) if name == "fc1" else x
        return x

    one_hot = np.eye(2, dtype=np.float32)[batch["label"]]
    cat = lambda x: jnp.concatenate([x, one_hot], 1)  # noqa: E731
    score = lambda d, x: dense(d, cat(x), lambda x: jnp.where(x > 0, x, 0.01 * x))[:, 0]  # noqa: E731
    make = lambda g, keys: dense(g, cat(draw_noise(keys, rule)), jax.nn.relu)  # noqa: E731
    g, d = state.params["g"], state.params["d"]
    fake = make(g, noise_keys)
    d_loss = lambda d: jnp.mean(  # noqa: E731
        -jnp.log(jax.nn.sigmoid(score(d, batch["real"])))
        - jnp.log(1 - jax.nn.sigmoid(score(d, fake)))
    )
    d = jax.tree.map(lambda p, s: p - 0.1 * s, d, jax.grad(d_loss)(d))
    g_loss = lambda g: jnp.mean(-jnp.log(jax.nn.sigmoid(score(d, make(g, g_keys)))))  # noqa: E731
    g = jax.tree.map(lambda p, s: p - 0.1 * s, g, jax.grad(g_loss)(g))
    want = flatten({"g": g, "d": d})
    for path, value in flatten(new.params).items():
        np.testing.assert_allclose(value, want[path], atol=1e-6, err_msg=path)


@pytest.mark.parametrize("critic_steps", [1, 4])
def test_a_penalized_critic_takes_its_parts_of_the_batch(critic_steps):
    made = task(
        loss="wgan", latent_distribution="normal", critic_steps=critic_steps, gradient_penalty=10.0
    )
    state = jax.eval_shape(made.init, jax.eval_shape(jax.random.key, 0))
    batch = {
        k: jax.ShapeDtypeStruct((1, 16, *v.shape[1:]), v.dtype)
        for k, v in made.splits["train"].resident().items()
    }
    step = jax.vmap(made.step, (None, 0), axis_name="device", axis_size=1)
    new, metrics = jax.eval_shape(step, state, batch)
    assert jax.tree.structure(new) == jax.tree.structure(state)
    assert "slope_penalty" in metrics
    text = str(
        jax.make_jaxpr(step)(
            jax.tree.map(
                lambda s: (
                    jnp.zeros(s.shape, s.dtype)
                    if not jnp.issubdtype(s.dtype, jax.dtypes.prng_key)
                    else jax.random.key(0)
                ),
                state,
            ),
            jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), batch),
        )
    )
    assert (f"length={critic_steps}" in text) == (critic_steps > 1)


def test_the_penalty_pulls_slopes_to_one(tmp_path):
    """Of a linear critic the slope is its weight: the penalty alone takes it to length 1."""
    optim = SGD(lr=0.05)
    game = GAN(
        MLPGenerator((3,), (4,), bounded=False),
        MLPDiscriminator(()),
        GANConfig(latent_dim=4, loss="wgan", gradient_penalty=10.0, critic_steps=1),
    )
    split = Split({"real": np.zeros((16, 3), np.float32)}, batch_size=16)
    frozen = gan_task(game, {"train": split}, as_it_is, optim, loop=LoopConfig(steps=30))
    got = fit(frozen, LoopConfig(steps=30, devices=1), tmp_path)
    slope = np.linalg.norm(got.state.params["d"]["out"]["kernel"])
    assert slope == pytest.approx(1, abs=0.15)  # the scores pull, too, with a tenth of the weight


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_noise_is_what_its_name_says(kind):
    z = np.asarray(
        draw_noise(
            jax.random.split(jax.random.key(0), 500),
            GANConfig(latent_dim=8, latent_distribution=kind),
        )
    )
    assert z.shape == (500, 8)
    assert (np.abs(z).max() <= 1) == (kind == "uniform")
    assert z.std() == pytest.approx(1 / np.sqrt(3) if kind == "uniform" else 1, rel=0.05)


def test_dcgan_has_the_courses_layers():
    generator, discriminator = DCGenerator((28, 28, 1)), DCDiscriminator()
    z, x = jnp.zeros((2, 96)), jnp.zeros((2, 28, 28, 1))
    init = lambda model, x: jax.eval_shape(partial(model.init, train=False), jax.random.key(0), x)  # noqa: E731
    g, d = init(generator, z)["params"], init(discriminator, x)["params"]
    kernels = {k: v["kernel"].shape for k, v in {**g, **d}.items() if "kernel" in v}
    assert kernels == {
        "fc1": (96, 1024),
        "fc2": (1024, 6272),
        "up1": (4, 4, 128, 64),
        "up2": (4, 4, 64, 1),
        "conv1": (5, 5, 1, 32),
        "conv2": (5, 5, 32, 64),
        "fc": (1024, 1024),
        "out": (1024, 1),
    }


def test_dcgan_is_torchs_with_its_weights():
    """Both networks in training mode: norm of the batch after ReLU, as the course has it."""
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    generator = DCGenerator((16, 16, 1), 6, (4, 3))
    discriminator = DCDiscriminator((2, 3))
    z = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    x = np.random.default_rng(1).normal(size=(5, 16, 16, 1)).astype(np.float32)
    g, d = (
        jax.jit(partial(m.init, train=False))(jax.random.key(0), v)
        for m, v in ((generator, z), (discriminator, x))
    )
    t = lambda array: torch.tensor(np.array(array))  # noqa: E731

    def dense(p, y):
        return y @ t(p["kernel"]) + t(p["bias"])

    p = g["params"]
    y = f.batch_norm(torch.relu(dense(p["fc1"], t(z))), None, None, training=True)
    y = f.batch_norm(torch.relu(dense(p["fc2"], y)), None, None, training=True)
    y = y.reshape(5, 4, 4, 4).permute(0, 3, 1, 2)
    for name in ("up1", "up2"):
        kernel = t(p[name]["kernel"]).permute(2, 3, 0, 1)
        y = f.conv_transpose2d(y, kernel, t(p[name]["bias"]), stride=2, padding=1)
        if name == "up1":
            y = f.batch_norm(torch.relu(y), None, None, training=True)
    made, _ = generator.apply(g, z, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(made, torch.tanh(y).permute(0, 2, 3, 1), atol=1e-4)
    p, y = d["params"], t(x).permute(0, 3, 1, 2)
    for name in ("conv1", "conv2"):
        y = f.conv2d(y, t(p[name]["kernel"]).permute(3, 2, 0, 1), t(p[name]["bias"]))
        y = f.max_pool2d(f.leaky_relu(y, 0.01), 2)
    y = f.leaky_relu(dense(p["fc"], y.permute(0, 2, 3, 1).flatten(1)), 0.01)
    want = dense(p["out"], y)[:, 0]
    np.testing.assert_allclose(discriminator.apply(d, x, train=True), want, atol=1e-4)


def test_a_looped_step_of_convolutions_has_the_fast_form():
    split = Split({"real": np.zeros((8, 16, 16, 1), np.float32)}, batch_size=8)
    generator = DCGenerator((16, 16, 1), 8, (4, 8), attention=True)
    game = GAN(generator, DCDiscriminator((4, 4)), GANConfig(latent_dim=4))
    made = gan_task(game, {"train": split}, as_it_is, OPTIM, loop=LoopConfig(steps=2))
    state = jax.eval_shape(made.init, jax.eval_shape(jax.random.key, 0))

    def steps(state, batch):
        one = jax.vmap(made.step, (None, 0), axis_name="device", axis_size=1)
        body = lambda _, s: jax.tree.map(lambda x: x[0], one(s, batch)[0])  # noqa: E731
        return jax.lax.fori_loop(0, 3, body, state)

    batch = {"real": jax.ShapeDtypeStruct((1, 8, 16, 16, 1), jnp.float32)}
    text = jax.jit(steps).lower(state, batch).as_text()
    forms = set(re.findall(r"dim_numbers = (\[.*?\]x\[.*?\]->\[.*?\])", text))
    assert forms == {"[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"}
    assert "select_and_scatter" not in text


@pytest.mark.parametrize("reduce", [1, 4])
def test_spatial_attention_is_torchs_and_starts_as_the_identity(reduce):
    torch = pytest.importorskip("torch")
    layer = SpatialAttention(reduce)
    x = np.random.default_rng(0).normal(size=(2, 2, 3, 4)).astype(np.float32)
    variables = layer.init(jax.random.key(0), x)
    np.testing.assert_array_equal(layer.apply(variables, x), x)
    params = {**variables["params"], "gamma": jnp.float32(0.5)}
    flat = torch.tensor(x).reshape(2, 6, 4)
    parts = {
        name: flat @ torch.tensor(np.array(params[name]["kernel"]))
        for name in ("query", "key", "value")
    }
    y = torch.nn.functional.scaled_dot_product_attention(*parts.values())
    y = (y @ torch.tensor(np.array(params["out"]["kernel"]))).reshape(2, 2, 3, 4)
    np.testing.assert_allclose(layer.apply({"params": params}, x), x + 0.5 * y.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hinge"}, "gan.loss must be one of"),
        (
            {"latent_distribution": "cauchy"},
            "gan.latent_distribution must be one of uniform, normal",
        ),
        ({"critic_steps": 0}, "gan.critic_steps must be at least 1"),
    ],
)
def test_rules_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        GANConfig(**options)


def test_what_two_players_cannot_do_is_refused():
    with pytest.raises(UsageError, match="accumulate_steps does not go with two players"):
        task(Adam(accumulate_steps=2))
