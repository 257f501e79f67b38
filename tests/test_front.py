"""Training from Python is that of the command line; own losses against optax and plain means."""

import re
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl
from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.front import curves_of
from jaxdl.models.named import ADDED
from jaxdl.models.registry import model_options

ROOT = Path(__file__).parents[1]
RNG = np.random.default_rng(0)
LINE = (RNG.normal(size=(40, 3)), RNG.normal(size=40))


class Linear(nn.Module):
    """One number of three."""

    @nn.compact
    def __call__(self, x, *, train):
        return nn.Dense(1)(x)[:, 0]


def squared(out, batch):
    return (out - batch["label"]) ** 2


@pytest.fixture
def own_names():
    """What is registered is taken back."""
    yield
    ADDED.clear()
    model_options.cache_clear()


@pytest.mark.usefixtures("own_names")
def test_the_page_runs_as_it_stands(capsys):
    page = (ROOT / "docs/python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)
    assert names["run"].curves["step"][-1] == 4
    assert set(names["run"].numbers) == {"loss", "right"}
    assert names["logits"].shape == (96, 2)
    assert names["maps"].shape == (2, 12, 12)
    assert np.ptp(names["maps"]) > 0
    assert "accuracy" in capsys.readouterr().out
    assert "tiny_net" in jaxdl.list_models("tiny*")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("front") / "run"
    flags = ["--loop.steps", "6", "--loop.epochs", "None", "--model.hidden", "8"]
    with pytest.raises(SystemExit) as stop:
        main(argv=["run", "digits_mlp", *flags, "--run-dir", str(folder)])
    assert stop.value.code == 0
    return folder


def test_the_steps_are_those_of_the_command_line(run_folder):
    from jaxdl.experiment import read_config

    cfg = read_config(run_folder / "config.toml", [], saved=True)[1]
    data = jaxdl.load_data("digits", batch_size=cfg.data.batch_size, val=cfg.data.val)
    model = jaxdl.create_model("mlp", num_classes=10, hidden=cfg.model.hidden)
    run = jaxdl.fit(model, data, optim=cfg.optim, loop=cfg.loop, image=cfg.image, seed=cfg.seed)
    _, variables, _, classes = jaxdl.load_run(run_folder)
    assert run.classes == classes
    jax.tree.map(np.testing.assert_array_equal, run.variables["params"], variables["params"])
    assert run.numbers == jaxdl.evaluate(run)
    assert run.numbers == pytest.approx(jaxdl.evaluate(run_folder), rel=1e-6)  # another program
    images = data["test"].read("image")
    logits = jaxdl.predict(run_folder, images, batch_size=100)
    np.testing.assert_array_equal(logits, jaxdl.predict(run, images, batch_size=100))
    right = (logits.argmax(1) == data["test"].labels).mean()
    assert run.numbers["accuracy"] == pytest.approx(right)


def test_a_loss_of_ones_own_descends_as_optax_does():
    data = jaxdl.load_data({"train": LINE, "test": LINE}, batch_size=40)
    run = jaxdl.fit(
        Linear(),
        data,
        loss=squared,
        metrics={"large": lambda out, batch: jnp.abs(out) > 0.5},
        optim=jaxdl.SGD(lr=0.1),
        loop=jaxdl.LoopConfig(steps=3, log_every=1, devices=1),
    )
    x, y = (np.asarray(a, np.float32) for a in LINE)
    init_key, _ = jax.random.split(jax.random.key(0))
    params = Linear().init(init_key, jnp.zeros((2, 3)), train=False)
    tx = optax.sgd(0.1)
    state, losses = tx.init(params), []
    for _ in range(3):
        mean = lambda p: jnp.mean((Linear().apply(p, x, train=True) - y) ** 2)  # noqa: E731
        value, gradient = jax.value_and_grad(mean)(params)
        updates, state = tx.update(gradient, state)
        params = optax.apply_updates(params, updates)
        losses.append(float(value))
    np.testing.assert_allclose(run.curves["loss"], losses, rtol=1e-5)
    out = np.asarray(Linear().apply(params, x, train=False))
    np.testing.assert_allclose(jaxdl.predict(run, x), out, rtol=1e-5)
    assert run.numbers["loss"] == pytest.approx(np.mean((out - y) ** 2), rel=1e-5)
    assert run.numbers["large"] == pytest.approx(np.mean(np.abs(out) > 0.5))


def test_curves_have_a_number_for_each_row_of_the_log():
    curves = curves_of([{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "val_loss": 3.0}])
    assert list(curves) == ["step", "loss", "val_loss"]
    np.testing.assert_array_equal(curves["step"], [1, 2])
    np.testing.assert_array_equal(curves["val_loss"], [np.nan, 3])


def test_a_run_with_a_folder_is_taken_up_again(tmp_path):
    data = jaxdl.load_data({"train": LINE}, batch_size=8)

    def fit(steps, **options):
        loop = jaxdl.LoopConfig(steps=steps, log_every=2, save_every=2, devices=1)
        return jaxdl.fit(Linear(), data, loss=squared, loop=loop, **options)

    whole = fit(4)
    fit(2, run_dir=tmp_path / "run")
    assert list(tmp_path.rglob("metrics.jsonl"))
    taken_up = fit(4, run_dir=tmp_path / "run", resume=True)
    jax.tree.map(np.testing.assert_array_equal, whole.variables, taken_up.variables)
    np.testing.assert_array_equal(whole.curves["loss"], taken_up.curves["loss"])
    assert whole.numbers == {}


@pytest.mark.parametrize(
    ("model", "options", "problem"),
    [
        (nn.Dense(3), {}, "Dense.__call__ must take train"),
        (Linear(), {}, r"labels are numbers to predict; give loss"),
        (Linear(), {"resume": True}, "run_dir; give it"),
        (Linear(), {"metrics": {"a": squared}}, "go with a loss of your own"),
        (Linear(), {"loss": lambda out, batch: out.mean()}, r"one number a row, \(8,\), got \(\)"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_compiles(model, options, problem):
    data = jaxdl.load_data({"train": LINE}, batch_size=8)
    with pytest.raises(UsageError, match=problem):
        jaxdl.fit(model, data, loop=jaxdl.LoopConfig(steps=1, devices=1), **options)


def test_wrong_logits_an_unknown_split_and_an_unknown_option_are_named():
    data = jaxdl.load_data({"train": (LINE[0], np.arange(40) % 4)}, batch_size=8)
    with pytest.raises(UsageError, match=r"gives \(2, 4\), Linear gives \(2,\)"):
        jaxdl.fit(Linear(), data)
    with pytest.raises(UsageError, match="batch_sise"):
        jaxdl.load_data("digits", batch_sise=3)
