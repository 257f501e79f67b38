"""What the experiments of the last lecture report, on small data with planted truths."""

import jax
import numpy as np
import pytest

from experiments.classic import double_descent
from experiments.classification import pruning, random_labels
from jaxdl.catalog import find_config
from jaxdl.checks import UsageError
from jaxdl.classification.pruned import masks_of
from jaxdl.data.load import load_splits
from jaxdl.experiment import read_config
from jaxdl.optim.config import Adam
from jaxdl.training.plan import LoopConfig


def test_random_labels_are_by_lot_for_training_and_true_for_the_test():
    flags = ["--data.name", "digits", "--rows", "500", "--model.hidden", "8"]
    _, cfg = read_config(find_config("cifar10_random_labels"), flags)
    made, true = random_labels.build(cfg).splits, load_splits(cfg.data)
    images, labels = made["train"].read("image"), made["train"].read("label")
    np.testing.assert_array_equal(images, true["train"].read("image", np.arange(500)))
    agree = np.mean(labels == true["train"].read("label", np.arange(500)))
    assert agree == pytest.approx(0.1, abs=0.05)  # ten classes
    assert np.bincount(labels, minlength=10).min() > 25
    np.testing.assert_array_equal(made["test"].read("label"), true["test"].read("label"))
    _, plain = read_config(
        find_config("cifar10_random_labels"), [*flags, "--random_labels", "False"]
    )
    kept = random_labels.build(plain).splits["train"].read("label")
    np.testing.assert_array_equal(kept, true["train"].read("label", np.arange(500)))
    _, many = read_config(find_config("cifar10_random_labels"), [*flags[:2], "--rows", "9999"])
    with pytest.raises(UsageError, match="rows must be at most"):
        random_labels.build(many)


def test_the_peak_is_where_the_test_is_worst_and_the_descents_beside_it():
    errors = np.array([[0.9, 0.95], [0.3, 0.4], [0.0, 0.8], [0.0, 0.5], [0.0, 0.3]])
    assert double_descent.describe((1, 5, 10, 20, 40), errors) == {
        "peak_error": 0.8,
        "peak_width": 10.0,
        "first_least_error": 0.4,
        "last_error": 0.3,
        "last_train_error": 0.0,
    }


def test_the_test_error_peaks_where_features_are_as_many_as_rows(tmp_path):
    cfg = double_descent.Config(rows=100, noise=0.2, widths=(5, 30, 100, 400, 1500), draws=2)
    numbers = double_descent.run(cfg, tmp_path)["metrics"]
    assert numbers["peak_width"] == 100
    assert numbers["last_error"] < numbers["peak_error"] - 0.2
    assert numbers["last_train_error"] == 0
    with pytest.raises(UsageError, match="widths must rise"):
        double_descent.Config(widths=(5, 5))


def test_pruning_reports_every_way_and_what_is_out_stays_out(tmp_path):
    cfg = pruning.Config(
        sparsities=(0.5, 0.9),
        optim=Adam(lr=5e-3),
        loop=LoopConfig(epochs=6, devices=1),
        model=read_config(find_config("digits_mlp"), ["--model.hidden", "24"])[1].model,
    )
    kept = {}
    original = pruning.step_by_step

    def watched(cfg, first, again, whole, train, accuracy):
        def seen(name, params, masks):
            kept[name] = train(name, params, masks)
            return kept[name]

        return original(cfg, first, again, whole, seen, accuracy)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruning, "step_by_step", watched)
        numbers = pruning.run(cfg, tmp_path)["metrics"]
    ways = {f"{way}_at_{s}_percent" for way in pruning.WAYS for s in (50, 90)}
    assert numbers.keys() == {"accuracy", "accuracy_at_90_percent", *ways}
    assert numbers["accuracy_at_90_percent"] == numbers["iterative_at_90_percent"]
    assert numbers["one_shot_at_90_percent"] < numbers["tuned_at_90_percent"]
    for name, state in kept.items():
        share = 0.5 if name.endswith("50") else 0.1
        for mask, leaf in zip(
            jax.tree.leaves(masks_of(state)), jax.tree.leaves(state.params), strict=True
        ):
            if leaf.ndim > 1:
                assert np.mean(np.asarray(mask)) == pytest.approx(share, abs=0.01)
            assert not np.any(np.asarray(leaf)[np.asarray(mask) == 0])
    same = zip(
        *(jax.tree.leaves(masks_of(kept[f"{way}_90"])) for way in ("ticket", "redrawn")),
        strict=True,
    )
    assert all(np.array_equal(a, b) for a, b in same)
