"""Diffusion against the papers' formulas in float64, exact Gaussians and each other."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.splits.split import Split
from jaxdl.generative.denoising import add_noise_rows, drop_labels, noise_error, sample_timesteps
from jaxdl.generative.diffusion import (
    DiffusionConfig,
    add_noise,
    alpha_bars,
    ddim_coefficients,
    guided,
    make_betas,
    posterior,
    predict_start,
    sample,
    score_from_noise,
    time_steps,
)
from jaxdl.generative.unet import MLPDenoiser, UNet
from jaxdl.layers.patches import from_patches, to_patches
from jaxdl.metrics.accumulate import weighted
from jaxdl.ops.position_encoding import sincos, sincos_table
from jaxdl.optim.config import Adam
from jaxdl.runs.checkpoint import flatten, params_sha256
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.step import apply_train, global_mean
from jaxdl.training.task import supervised

SCHEDULES = ["linear", "cosine"]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_alpha_bars_are_a_product_in_float64(schedule):
    betas = make_betas(schedule, 1000)
    want, product = [], 1.0
    for beta in betas:
        product *= 1 - beta
        want.append(product)
    np.testing.assert_allclose(alpha_bars(betas), want, rtol=1e-10)
    assert want[0] > 0.999
    assert want[-1] < 1e-4
    if schedule == "linear":
        assert (betas[0], betas[-1]) == pytest.approx((1e-4, 0.02))
    else:  # up to the bound at the end, the bars are the cosine's own
        t = (np.arange(1, 1001) / 1000 + 0.008) / 1.008 * np.pi / 2
        cosine = np.cos(t) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
        np.testing.assert_allclose(want[:990], cosine[:990], rtol=1e-8)
        assert betas.max() == 0.999


def test_noising_step_by_step_is_the_closed_form():
    """Sums of Gaussians are Gaussian: coefficients of x_0 and variances, iterated."""
    betas = make_betas("linear", 50)
    scale, variance = 1.0, 0.0
    for beta, bar in zip(betas, alpha_bars(betas), strict=True):
        scale, variance = scale * np.sqrt(1 - beta), variance * (1 - beta) + beta
        assert scale == pytest.approx(np.sqrt(bar))
        assert variance == pytest.approx(1 - bar)
    x, noise = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    bars = jnp.float32(alpha_bars(betas)[[0, 20, 49]])
    got = add_noise(x, noise, bars)
    want = np.sqrt(bars)[:, None] * x + np.sqrt(1 - bars)[:, None] * noise
    np.testing.assert_allclose(got, want, rtol=1e-5)
    np.testing.assert_allclose(predict_start(got, noise, bars), x, atol=1e-4)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("t", [0, 1, 500, 999])
def test_the_posterior_is_bayes_rule(schedule, t):
    """q(x_s | x_t, x_0) ~ N(x_t; sqrt(alpha) x_s, beta) N(x_s; sqrt(abar_s) x_0, 1 - abar_s)."""
    betas = make_betas(schedule, 1000)
    bars = np.cumprod(1 - betas)
    before = bars[t - 1] if t else 1.0
    a, b, v = posterior(betas, t)
    if t == 0:
        assert (a, b, v) == pytest.approx((1, 0, 0))
        return
    precision = (1 - betas[t]) / betas[t] + 1 / (1 - before)
    assert v == pytest.approx(1 / precision)
    assert a == pytest.approx(np.sqrt(before) / (1 - before) / precision)
    assert b == pytest.approx(np.sqrt(1 - betas[t]) / betas[t] / precision)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_ddim_with_eta_one_is_ddpm(schedule):
    betas = make_betas(schedule, 100)
    bars = alpha_bars(betas)
    before = np.append(1.0, bars[:-1])
    a, b, sigma = ddim_coefficients(bars, before, 1.0)
    for t in range(1, 100):
        want_a, want_b, v = posterior(betas, t)
        assert sigma[t] ** 2 == pytest.approx(v)
        # noise = (x_t - sqrt(abar) x_0) / sqrt(1 - abar) in a x_0 + b noise
        assert b[t] / np.sqrt(1 - bars[t]) == pytest.approx(want_b, rel=1e-6)
        by_start = a[t] - b[t] * np.sqrt(bars[t] / (1 - bars[t]))
        assert by_start == pytest.approx(want_a, rel=1e-6)
    assert not ddim_coefficients(bars, before, 0.0)[2].any()


@pytest.mark.parametrize(("eta", "count"), [(0.0, 50), (1.0, 200), (0.5, 200)])
def test_sampling_with_the_exact_noise_gives_the_data(eta, count):
    """Data N(2, 0.5^2): the expected noise is known, and samples must have its moments."""
    betas = make_betas("cosine", 200)
    bars = jnp.float32(alpha_bars(betas))

    def exact(x, time):
        bar = bars[time][:, None]
        return jnp.sqrt(1 - bar) * (x - jnp.sqrt(bar) * 2) / (bar * 0.25 + 1 - bar)

    start = jax.random.normal(jax.random.key(0), (4000, 1))
    run = jax.jit(lambda x, k: sample(exact, betas, x, k, count=count, eta=eta, kept=4))
    made, seen = run(start, jax.random.key(1))
    assert float(made.mean()) == pytest.approx(2, abs=0.05)
    assert float(made.std()) == pytest.approx(0.5, abs=0.04)
    assert seen.shape == (4, 4000, 1)
    np.testing.assert_array_equal(seen[-1], made)
    if eta == 0:  # no noise on the way
        np.testing.assert_array_equal(made, run(start, jax.random.key(2))[0])


@pytest.mark.parametrize("bound", [0.5, 1.0])
def test_a_bound_holds_for_the_samples(bound):
    betas = make_betas("cosine", 20)
    start = 3 * jax.random.normal(jax.random.key(0), (50, 2))
    wild = lambda x, time: -x  # noqa: E731
    made, _ = sample(wild, betas, start, jax.random.key(1), count=5, bound=bound)
    assert float(jnp.abs(made).max()) <= bound + 1e-5


def test_time_steps_go_from_the_last_to_the_first():
    assert time_steps(10, 10).tolist() == list(range(9, -1, -1))
    assert time_steps(1000, 3).tolist() == [999, 500, 0]
    assert time_steps(10, 1).tolist() == [9]
    with pytest.raises(ValueError, match=r"1\.\.10, got 11"):
        time_steps(10, 11)


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_guidance_leads_away_from_none(weight):
    with_class, without = (lambda x, t: x + 1), (lambda x, t: x)
    denoise = guided(with_class, without, weight)
    assert float(denoise(jnp.zeros(()), jnp.zeros(()))) == 1 + weight


def test_the_score_of_a_noised_point_is_the_gaussians():
    x, noise, bar = jnp.array([[0.3]]), jnp.array([[0.7]]), jnp.array([0.6])
    seen = add_noise(x, noise, bar)
    log_density = lambda y: (-((y - jnp.sqrt(0.6) * x) ** 2) / (2 * 0.4)).sum()  # noqa: E731
    got = score_from_noise(noise, bar)
    np.testing.assert_allclose(got, jax.grad(log_density)(seen), rtol=1e-5)


def test_rows_are_noised_as_they_say():
    betas = make_betas("cosine", 100)
    x = jnp.ones((400, 3))
    made = add_noise_rows(jax.random.split(jax.random.key(0), 400), x, betas)
    time, noise = np.asarray(made["inputs"]["time"]), np.asarray(made["noise"])
    assert (time.min(), time.max()) == (0, 99)
    assert abs(noise.std() - 1) < 0.1
    bars = alpha_bars(betas)[time][:, None]
    want = np.sqrt(bars) + np.sqrt(1 - bars) * noise
    np.testing.assert_allclose(made["inputs"]["x"], want, atol=1e-5)
    spread = sample_timesteps(x, betas)
    assert np.bincount(spread["inputs"]["time"]).tolist() == [4] * 100
    error = noise_error(made["noise"] + 2, made)
    np.testing.assert_allclose(error, 4, rtol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_labels_are_withheld_at_the_rate(share):
    label = jnp.zeros(3000, jnp.int32)
    got = drop_labels(jax.random.split(jax.random.key(0), 3000), label, 10, share)
    assert float((got == 10).mean()) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("patch", [1, 2])
def test_a_unet_sees_everything_and_starts_at_zero(patch):
    model = UNet(features=8, multipliers=(1, 2), patch=patch, classes=3, groups=4)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    inputs = {"x": x, "time": jnp.array([0, 5]), "label": jnp.array([1, 3])}
    variables = jax.jit(lambda k: model.init(k, inputs, train=False))(jax.random.key(0))
    apply = jax.jit(lambda v, i: model.apply(v, i, train=False))
    assert not np.asarray(apply(variables, inputs)).any()
    shapes = jax.tree.leaves(variables)
    random = [
        jnp.float32(np.random.default_rng(i).normal(size=s.shape) * 0.3)
        for i, s in enumerate(shapes)
    ]
    variables = jax.tree.unflatten(jax.tree.structure(variables), random)
    out = apply(variables, inputs)
    assert out.shape == x.shape
    for name, value in (
        ("x", x + np.eye(8, dtype=np.float32)[None, :, :, None]),
        ("time", jnp.array([1, 5])),
        ("label", jnp.array([0, 3])),
    ):
        assert np.abs(np.asarray(apply(variables, {**inputs, name: value}) - out)[0]).max() > 1e-4
    with pytest.raises(ValueError, match=f"multiples of {2 * patch}"):
        jax.eval_shape(
            lambda: model.init(
                jax.random.key(0), {**inputs, "x": jnp.zeros((2, 9, 8, 1))}, train=False
            )
        )


def test_patches_go_and_come_back():
    x = np.arange(2 * 4 * 6 * 3).reshape(2, 4, 6, 3)
    patches = to_patches(x, 2)
    assert patches.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(patches[0, 1, 2], x[0, 2:4, 4:6].ravel())
    np.testing.assert_array_equal(from_patches(patches, 2), x)


def test_times_have_the_sines_of_a_table():
    table = sincos_table(20, 6)
    np.testing.assert_allclose(sincos(jnp.array([0, 7, 19]), 6), table[[0, 7, 19]], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "sine"}, "diffusion.schedule must be one of linear, cosine"),
        ({"sample_steps": 2000}, r"sample_steps must lie in 1\.\.1000"),
        ({"eta": 1.5}, r"diffusion.eta must lie in \[0, 1\]"),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError if "eta" not in options else ValueError, match=message):
        DiffusionConfig(**options)


LOOP = LoopConfig(steps=6, log_every=3, save_every=3, devices=1)


def task():
    points = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    split = Split({"point": points}, batch_size=16)
    model, betas = MLPDenoiser((8, 8)), make_betas("cosine", 50)

    def prepare(keys, batch, *, train):
        return add_noise_rows(keys, batch["point"], betas)

    def loss_fn(params, extra, batch, key):
        noise, extra = apply_train(model, params, extra, batch["inputs"], key)
        loss = noise_error(noise, batch)
        return global_mean(loss), (extra, {"loss": weighted(loss)})

    optim = Adam(lr=1e-2, ema=0.9, schedule="cosine")
    splits = {"train": split}
    return supervised(model, splits, prepare, loss_fn, optim, loop=LOOP, inputs="inputs")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return fit(task(), LOOP, tmp_path_factory.mktemp("alone"))


def test_a_resumed_diffusion_is_the_uninterrupted_one(alone, tmp_path):
    fit(task(), dataclasses.replace(LOOP, steps=3), tmp_path)
    again = fit(task(), LOOP, tmp_path, resume=True)
    for part in ("params", "opt_state", "ema"):
        assert params_sha256(getattr(again.state, part)) == params_sha256(
            getattr(alone.state, part)
        )
    assert again.rows[-1]["loss"] == alone.rows[-1]["loss"]
    assert params_sha256(again.state.ema) != params_sha256(again.state.params)


@pytest.mark.parametrize("way", ["pmap", "shard_map"])
def test_eight_devices_diffuse_alike(alone, tmp_path, way):
    got = fit(task(), dataclasses.replace(LOOP, parallel=way, devices=8), tmp_path)
    assert got.rows[-1]["loss"] == pytest.approx(alone.rows[-1]["loss"], abs=1e-5)
    want = flatten(alone.state.params)
    for path, value in flatten(got.state.params).items():
        np.testing.assert_allclose(value, want[path], atol=1e-3, err_msg=path)
