"""What is frozen stays to the last bit; a head on frozen features is a softmax regression."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from experiments.classification import finetune
from jaxdl.checks import UsageError
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.data.config import data_config
from jaxdl.data.digits import load_digits
from jaxdl.models.registry import model_options
from jaxdl.models.weights.weight_file import write_safetensors
from jaxdl.optim.config import Momentum
from jaxdl.runs.checkpoint import flatten
from jaxdl.training.freeze import freeze_task
from jaxdl.training.loop import fit
from jaxdl.training.plan import LoopConfig
from jaxdl.training.report import report_fit

NET = model_options("preact_resnet20")(blocks=(1, 1), width=4)
LOOP = LoopConfig(steps=12, devices=1)
HEAVY = Momentum(lr=0.1, weight_decay=0.1)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run folder of a small net with batch norms, of ten classes."""
    folder = tmp_path_factory.mktemp("source")
    cfg = ClassifierConfig(model=NET, loop=LOOP, optim=HEAVY)
    task = classifier_task(cfg)
    # The folder that a command would leave.
    from jaxdl.runs.run_folder import config_table, write_toml

    write_toml(folder / "config.toml", config_table("classification.train", cfg))
    report_fit(folder, cfg, task, fit(task, LOOP, folder))
    return folder


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory):
    """Zeros and ones among the digits, as one's own arrays."""
    rows = load_digits()[0]["train"]
    few = rows["label"] < 2
    path = tmp_path_factory.mktemp("own") / "two.npz"
    np.savez(path, image=rows["image"][few], label=rows["label"][few])
    return data_config("npz", path=str(path), batch_size=16)


def finetuning(source, data, **options):
    return finetune.Config(
        data=data,
        model=NET,
        loop=LOOP,
        optim=HEAVY,
        source=str(source),
        head=("head/*",),
        **options,
    )


@pytest.mark.parametrize("swa", [0.0, 0.5])  # with it, statistics are taken anew at the end
@pytest.mark.parametrize("patterns", [("stem/*", "stage1*"), ("*", "!head/*")])
def test_frozen_parameters_and_statistics_are_equal_bit_by_bit(patterns, swa, tmp_path):
    optim = dataclasses.replace(HEAVY, swa=swa)
    task = classifier_task(ClassifierConfig(model=NET, loop=LOOP, optim=optim))
    task = freeze_task(task, optim, LOOP, patterns)
    before = flatten(jax.jit(task.init)(jax.random.key(0)).variables)
    after = flatten(fit(task, LOOP, tmp_path).state.variables)
    whole = patterns[0] == "*"
    for path, value in before.items():
        part = path.split(".")[1]
        frozen = part != "head" if whole else part in ("stem", "stage1_block1")
        same = value.tobytes() == after[path].tobytes()
        assert same == frozen, path


def test_a_head_on_frozen_features_is_a_regression_of_its_own(tmp_path):
    """By hand: features of the network as it is evaluated, then momentum on a linear layer."""
    cfg = ClassifierConfig(model=NET, loop=LOOP, optim=Momentum(lr=0.1))
    task = classifier_task(cfg)
    frozen = freeze_task(task, cfg.optim, LOOP, ("*", "!head/*"))
    state = jax.jit(task.init)(jax.random.key(0))
    got = fit(frozen, LOOP, tmp_path).state.params["head"]
    split = task.splits["train"]
    head = {name: jnp.asarray(value) for name, value in state.params["head"].items()}
    moved = jax.tree.map(jnp.zeros_like, head)

    def loss(head, x, label):
        logits = x @ head["kernel"] + head["bias"][None]
        return optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()

    for rows in split.rows(0, 12):
        batch = split.batch(rows)
        image = batch["image"].astype(np.float32) / 255
        x = task.model.apply(state.variables, image, train=False, stages=True)["pooled"]
        moved = jax.tree.map(
            lambda m, g: 0.9 * m + g, moved, jax.grad(loss)(head, x, batch["label"])
        )
        head = jax.tree.map(lambda p, m: p - 0.1 * m, head, moved)
    for name, value in head.items():
        np.testing.assert_allclose(got[name], value, atol=1e-5)


def test_a_pattern_that_fits_nothing_is_named():
    task = classifier_task(ClassifierConfig(model=NET, loop=LOOP))
    with pytest.raises(UsageError, match="freeze: no parameter fits 'stage9"):
        freeze_task(task, HEAVY, LOOP, ("stage9*",))


def test_two_trainings_take_over_all_but_the_head(source, two_classes, tmp_path):
    cfg = finetuning(
        source,
        two_classes,
        freeze=("stem/*",),
        head_epochs=1,
        finetune_lr_factor=0.5,
        train_scratch=True,
    )
    metrics = finetune.run(cfg, tmp_path)["metrics"]
    assert 0 <= metrics["test_accuracy_head_only"] <= 1
    own = finetuning(
        "", two_classes, head_epochs=1, finetune_lr_factor=0.5
    )  # the same training by itself
    alone = finetune.run(own, tmp_path / "alone")["metrics"]
    assert metrics["test_accuracy_scratch"] == alone["test_accuracy"]
    given = finetune.read_source(source)
    start = jax.jit(finetune.build(cfg).init)(jax.random.key(0))
    flat = {name.replace(".", "/"): v for name, v in flatten(start.variables).items()}
    for name, value in given.items():
        if "head" in name:
            assert flat[name].shape != value.shape
        else:
            np.testing.assert_array_equal(flat[name], value, err_msg=name)
    from jaxdl.runs.checkpoint import Checkpoints

    first = Checkpoints(tmp_path / "head" / "checkpoints").restore(start)[0]
    last = Checkpoints(tmp_path / "checkpoints").restore(start)[0]
    assert float(last.hyper["lr"]) == pytest.approx(0.05)
    assert float(first.hyper["lr"]) == pytest.approx(0.1)
    firsts, lasts = flatten(first.variables), flatten(last.variables)
    for path, value in flatten(start.variables).items():
        part = path.split(".")[1]
        assert (firsts[path] == value).all() == (part != "head"), path
        assert (lasts[path] == firsts[path]).all() == (part == "stem"), path


def test_a_source_that_does_not_fit_is_named(source, two_classes, tmp_path):
    with pytest.raises(UsageError, match=r"params/head/bias: \(2,\) in the model, \(10,\)"):
        finetune.build(
            finetune.Config(**{**vars(finetuning(source, two_classes)), "head": ("norm/*",)})
        )
    with pytest.raises(UsageError, match="no such run folder"):
        finetune.build(finetuning(tmp_path / "none", two_classes))


def test_a_weight_file_is_a_source(source, two_classes, tmp_path):
    import json

    given = finetune.read_source(source)
    facts = {"model": "preact_resnet20", "num_classes": 10, "source": "own"}
    facts |= {"options": {"blocks": [1, 1], "width": 4}, "preprocessing": {"size": 8, "resize": 8}}
    arrays = {**given, "params/stem/kernel": np.repeat(given["params/stem/kernel"], 3, axis=2)}
    path = tmp_path / "net.safetensors"
    write_safetensors(path, arrays, {"jaxdl": json.dumps(facts)})
    read = finetune.read_source(path)
    assert read.keys() == given.keys()
    np.testing.assert_array_equal(read["params/head/kernel"], given["params/head/kernel"])


def test_without_a_source_everything_is_trained_as_long():
    cfg = finetune.Config(loop=LoopConfig(epochs=3), head_epochs=2)
    assert finetune.second(cfg).loop.epochs == 5
    assert finetune.second(cfg).optim.lr == cfg.optim.lr
    cfg = finetune.Config(
        loop=LoopConfig(epochs=3), head_epochs=2, source="x", finetune_lr_factor=0.25
    )
    assert finetune.second(cfg).loop.epochs == 3
    assert finetune.second(cfg).optim.lr == 0.25 * cfg.optim.lr
