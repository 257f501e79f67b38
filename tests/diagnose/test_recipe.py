"""`jaxdl check` names faults that are planted, and says nothing of healthy configs."""

import dataclasses
import os
from pathlib import Path

import jax
import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from jaxdl.catalog import find_configs
from jaxdl.classification.task import classifier_task
from jaxdl.cli import main
from jaxdl.data.digits import load_digits
from jaxdl.data.splits.split import Split
from jaxdl.diagnose.data_checks import (
    check_data,
    coarse,
    duplicates,
    knn_baseline,
    neighbors_votes,
    normalization,
    seen_by_model,
)
from jaxdl.diagnose.init_checks import check_init, dead_units, gradients, initial_weights
from jaxdl.diagnose.recipe import verdicts_of
from jaxdl.diagnose.training_checks import (
    judge_falls,
    last_high,
    overfit,
    short,
    ten_rows,
    update_to_weight_ratio,
    updates,
)
from jaxdl.experiment import read_config
from jaxdl.training.plan import LoopConfig
from jaxdl.training.task import supervised

ROOT = Path(__file__).parents[2]
DIGITS, CLASSES = load_digits()


def config(name, *flags):
    return read_config(find_configs(ROOT)[name], list(flags))[1]


def found(tmp_path, cfg, change=lambda task: task):
    """Name -> state of every verdict on a config whose task is changed."""
    task = change(classifier_task(cfg))
    verdicts = list(verdicts_of(task, task, cfg, tmp_path / "rates.png"))
    assert (tmp_path / "rates.png").stat().st_size > 5000
    return {verdict.name: verdict for verdict in verdicts}


def states(verdicts, state):
    return {name for name, verdict in verdicts.items() if verdict.state == state}


def test_a_healthy_config_passes_and_the_command_says_so(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv=["check", "digits_mlp", "--out", str(tmp_path / "rates.png")])
    assert stop.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 13
    assert all(line.startswith("pass ") for line in lines)
    assert (tmp_path / "rates.png").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits_lenet", "mnist_mlp5", "mnist_lenet"])
def test_other_healthy_configs_pass(name, tmp_path):
    if (
        name.startswith("mnist")
        and not (Path(os.environ.get("TFDS_DATA_DIR", "")) / "mnist").exists()
    ):
        pytest.skip("mnist is not prepared")
    verdicts = found(tmp_path, config(name))
    assert {v.state for v in verdicts.values()} == {"pass"}


def test_zero_init_is_named_and_ends_with_code_1(tmp_path, capsys):
    flags = ["--model.weight_init", "zeros", "--out", str(tmp_path / "rates.png")]
    with pytest.raises(SystemExit) as stop:
        main(argv=["check", "digits_mlp", *flags])
    assert stop.value.code == 1
    out = capsys.readouterr().out
    assert "fail     initial weights   2 of 2 kernels start with one value" in out
    assert "fail     overfit 10 rows" in out


@pytest.mark.parametrize(("rate", "side"), [("0.2", "too high"), ("2e-5", "too low")])
def test_a_rate_a_hundred_times_off_is_named(rate, side, tmp_path):
    verdicts = found(tmp_path, config("digits_mlp", "--optim.lr", rate))
    assert verdicts["learning rate"].state == "fail"
    assert side in verdicts["learning rate"].words
    assert states(verdicts, "fail") <= {"learning rate", "dead units"}


@pytest.mark.parametrize(
    ("falls", "words"),
    [
        ((0.8, 0.3, 0.9), ""),
        ((0.3, 0.05, 0.9), ""),
        ((0.25, 0.05, 0.9), "too low"),
        ((-0.01, 0.0, 0.5), "too low"),  # noise is no rise
        ((-1.0, -1.0, 0.9), "too high"),
        ((0.6, 0.8, 0.8), "too high"),
        ((0.0, 0.0, 0.01), "no rate"),
    ],
)
def test_a_rate_is_judged_by_how_far_the_loss_falls(falls, words):
    state, why = judge_falls(*falls)
    assert words in why
    assert (state == "pass") == (words == "")


def test_a_rate_that_does_no_better_than_a_fraction_of_it_is_a_warning():
    assert judge_falls(0.9, 0.9, 0.9)[0] == "pass"
    assert judge_falls(0.9, 0.9, 0.9, eager=True) == ("warn", ": higher than it needs to be")
    assert judge_falls(0.2, 0.9, 0.9, eager=True) == ("fail", ": too high")


def test_no_rate_passes_where_another_is_suggested(tmp_path):
    verdicts = found(tmp_path, config("digits_mlp", "--optim.lr", "0.05"))
    for name in ("learning rate", "update / weight", "dead units"):
        assert verdicts[name].state == "warn", verdicts[name]
    assert "higher than it needs to be; try 0.0" in verdicts["learning rate"].words


NOISY = (  # all that draws or works against fitting, in a run that is shorter than a trial
    *("--model.drop_connect", "0.3", "--model.dropout", "0.3", "--label_smoothing", "0.3"),
    *("--image.cutmix", "1.0", "--optim.l1", "1e-5", "--optim.ema", "0.9"),
    *("--optim.schedule", "cosine", "--optim.warmup", "5", "--loop.epochs", "2"),
)


def test_a_short_run_with_every_kind_of_noise_is_healthy(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(argv=["check", "digits_mlp", *NOISY, "--out", str(tmp_path / "rates.png")])
    out = capsys.readouterr().out
    assert stop.value.code == 0, out
    for name in ("initial loss", "overfit 10 rows", "frozen layers", "update / weight"):
        assert f"pass     {name}" in out, out


def test_inputs_by_any_name_are_looked_at():
    image = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    for batch in ({"image": image}, {"inputs": image}, {"inputs": {"image": image, "noise": None}}):
        verdict = normalization(seen_by_model(batch, "image"))
        assert (verdict.state, "deviation 0.9" in verdict.words) == ("pass", True)
    assert normalization(seen_by_model({"other": image}, "image")).state == "unknown"


def test_a_run_that_ends_at_once_is_looked_at_where_it_moves():
    assert last_high(None, 5) == 4
    assert last_high(lambda step: [0, 1, 2, 2, 1, 0.1][step], 6) == 4  # warm-up, then decay
    cfg = config("digits_mlp", "--loop.steps", "3", "--optim.schedule", "linear")
    task = classifier_task(cfg)
    moved, ratio = updates(short(task), 3, task.rate)[0]
    assert (moved.state, ratio.state) == ("pass", "pass")
    frozen = dataclasses.replace(task, step=lambda state, batch: (state, {"loss": (1.0, 1)}))
    assert updates(short(frozen), 3)[0][0].state == "unknown"
    assert updates(short(frozen), 5)[0][0].state == "fail"


def test_a_dead_network_is_named():
    task = classifier_task(config("digits_mlp"))

    def init(key):
        state = task.init(key)
        dead = {**state.params["dense1"], "bias": state.params["dense1"]["bias"] - 100}
        return state.replace(params={**state.params, "dense1": dead})

    dead = dataclasses.replace(task, init=init)
    state = init(jax.random.key(0))
    rows = task.splits["train"].batch(np.arange(64))
    batch = task.prepare(jax.random.split(jax.random.key(0), 64), rows, train=False)
    verdicts = [*check_init(dead, dead, state, batch), overfit(dead)]
    verdicts.append(dead_units(dead, state.variables, batch["image"]))
    by_name = {verdict.name: verdict for verdict in verdicts}
    assert {"gradient norms", "overfit 10 rows", "dead units"} <= states(by_name, "fail")


def test_an_input_that_is_not_normalized_is_named(tmp_path):
    verdicts = found(tmp_path, config("digits_mlp", "--image.std", str(1 / 255)))
    assert {"normalization", "initial loss"} <= states(verdicts, "fail")
    assert "mean 77." in verdicts["normalization"].words


def test_a_frozen_layer_is_named_unless_it_is_meant(tmp_path):
    cfg = config("digits_mlp")

    def freeze(task):
        def loss_fn(params, *rest):
            kept = {**params, "dense1": jax.lax.stop_gradient(params["dense1"])}
            return task.loss_fn(kept, *rest)

        loop = LoopConfig(steps=100)
        parts = task.model, task.splits, task.prepare
        step = supervised(*parts, loss_fn, cfg.optim, loop=loop).step
        return dataclasses.replace(task, loss_fn=loss_fn, step=step)

    cfg = config("digits_mlp", "--optim.weight_decay", "0")
    verdicts = found(tmp_path, cfg, freeze)
    assert verdicts["frozen layers"].state == "fail"
    assert "dense1.bias, dense1.kernel" in verdicts["frozen layers"].words


def shuffled(seed=0):
    rows = DIGITS["train"]
    label = np.random.default_rng(seed).permutation(rows["label"])
    return Split({"image": rows["image"], "label": label}, CLASSES)


def test_shuffled_labels_are_named():
    batch = {"image": np.float32(DIGITS["train"]["image"][:200]) / 255}
    for split, state in ((shuffled(), "fail"), (Split(DIGITS["train"], CLASSES), "pass")):
        verdicts = {v.name: v for v in check_data(split, None, batch)}
        assert verdicts["labels"].state == state
        assert states(verdicts, "fail") == ({"labels"} if state == "fail" else set())


def test_the_simple_learner_is_scikit_learns():
    image, label = (DIGITS["train"][name] for name in ("image", "label"))
    cut = PredefinedSplit(np.arange(len(image)) % 3)
    flat = image.reshape(len(image), -1)
    score = cross_val_score(KNeighborsClassifier(5), flat, label, cv=cut).mean()
    words = knn_baseline(image, label).words
    assert float(words.split("get ")[1].split("%")[0]) / 100 == pytest.approx(score, abs=0.003)
    few = knn_baseline(image[:60], np.random.default_rng(0).permutation(label[:60]))
    assert few.state == "warn"
    assert "too few to tell" in few.words


def test_chance_is_beaten_by_three_deviations_only():
    """Of 200 sets of labels that mean nothing, hardly any passes."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(500, 4))
    passed = sum(knn_baseline(x, draw.integers(0, 5, 500)).state == "pass" for _ in range(200))
    assert passed <= scipy.stats.binom.ppf(0.999, 200, 0.01)


def test_labels_of_unequal_classes_that_a_simple_learner_half_finds_pass():
    """scikit-learn's kappa is .28, though always naming one class is right almost as often."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(600, 8))
    label = (x[:, 0] + draw.normal(size=600) > 0.6).astype(int)
    named = neighbors_votes(coarse(x), label)
    most = 1 - label.mean()
    assert (named == label).mean() < most + 3 * np.sqrt(most * (1 - most) / 600)
    assert cohen_kappa_score(label, named) == pytest.approx(0.28, abs=0.01)
    got = knn_baseline(x, label)
    assert got.state == "pass"
    right, chance = (float(word.strip("%,")) / 100 for word in got.words.split() if "%" in word)
    assert (right - chance) / (1 - chance) == pytest.approx(0.28, abs=0.01)
    assert knn_baseline(x, draw.permutation(label)).state == "fail"


def test_large_images_are_averaged_down():
    image = np.random.default_rng(0).integers(0, 256, (3, 40, 33, 2), np.uint8)
    got = coarse(image)
    want = image[:, :39, :33].reshape(3, 13, 3, 11, 3, 2).mean(axis=(2, 4)).reshape(3, -1)
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize(("copies", "state"), [(0, "pass"), (5, "warn"), (40, "fail")])
def test_equal_rows_are_counted(copies, state):
    image = np.random.default_rng(0).integers(0, 256, (100, 4, 4, 1), np.uint8)
    image[100 - copies :] = image[:copies]
    label = np.arange(100) % 10
    label[100 - copies :] = label[:copies]
    verdict = duplicates(Split({"image": image, "label": label}), None, "image")
    assert verdict.state == state
    assert f"{copies / 100:.2%} twice, 0.00% of two labels" in verdict.words
    test = Split({"image": image[:10], "label": label[:10]})
    assert "100.00% of the test in train" in duplicates(test, test, "image").words


def test_a_missing_class_constant_inputs_and_a_scaled_range_are_named():
    image = np.random.default_rng(0).integers(0, 2, (60, 4, 4, 1), np.uint8)
    split = Split({"image": image, "label": np.arange(60) % 2}, ("a", "b", "c"))
    verdicts = {v.name: v for v in check_data(split, None, {"image": np.float32(image)})}
    assert {"value range", "class balance"} <= states(verdicts, "fail")
    assert "class 2 has no row" in verdicts["class balance"].words
    flat = Split({"image": np.full_like(image, 7), "label": np.arange(60) % 2}, ("a", "b"))
    verdicts = {v.name: v for v in check_data(flat, None, {"image": np.zeros((60, 4, 4, 1))})}
    assert {"value range", "normalization", "equal rows"} <= states(verdicts, "fail")


def test_gradients_that_vanish_explode_or_are_absent_are_named():
    one = np.ones((2, 2), np.float32)
    layers = {"a.kernel": one, "b.kernel": one, "b.bias": one[0]}
    assert gradients(layers).state == "pass"
    assert "vanishing" in gradients({**layers, "a.kernel": 1e-8 * one}).words
    assert "exploding" in gradients({**layers, "b.kernel": 1e6 * one}).words
    assert gradients({**layers, "b.kernel": np.nan * one}).state == "fail"
    none = gradients({"a.kernel": 0 * one, "b.kernel": 0 * one})
    assert none.words == "none in a.kernel, b.kernel"
    assert initial_weights({"head": {"kernel": 0 * one}}).state == "pass"  # softmax regression


@pytest.mark.parametrize(
    ("rate", "state"), [(1e-3, "pass"), (1e-5, "warn"), (1.4e-2, "warn"), (2.0, "fail")]
)
def test_the_update_ratio_is_that_of_the_norms(rate, state):
    before = {"k": np.random.default_rng(0).normal(size=(4, 4)), "bias": np.zeros(4)}
    verdict = update_to_weight_ratio(before, {"k": before["k"] * (1 - rate), "bias": np.ones(4)})
    assert verdict.state == state
    assert f"{rate:.1e} a step" in verdict.words


def test_ten_rows_are_of_as_many_classes_as_there_are():
    rows = ten_rows(Split(DIGITS["train"], CLASSES))
    assert sorted(DIGITS["train"]["label"][rows]) == list(range(10))
    two = Split({"label": np.arange(30) % 2, "x": np.arange(30)}, ("a", "b"))
    assert np.bincount(np.arange(30)[ten_rows(two)] % 2).tolist() == [5, 5]
