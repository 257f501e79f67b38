"""A run without labels: its probes against scikit-learn's, its backbone in a fine-tuning."""

from dataclasses import replace

import flax.traverse_util
import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from experiments.classification import finetune
from experiments.selfsup import two_views
from jaxdl.catalog import find_config
from jaxdl.checks import UsageError
from jaxdl.cli import main
from jaxdl.data.config import DataConfig
from jaxdl.experiment import load_run, read_config
from jaxdl.models.registry import model_options
from jaxdl.selfsup.two_view_methods import BYOL, METHODS
from jaxdl.selfsup.views import ViewConfig
from jaxdl.training.plan import LoopConfig

BACKBONE = {"blocks": (1,), "width": 4, "small": True, "stem_stride": 2, "norm": "batch_sync"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "byol"
    flags = [
        *("--method.name", "byol", "--method.projector", "8", "4", "--method.predictor", "4"),
        *("--model.blocks", "1", "--model.width", "4", "--model.stem_stride", "2"),
        *("--loop.steps", "2", "--loop.epochs", "None", "--loop.devices", "1"),
        *("--probe.rows", "300"),
    ]
    with pytest.raises(SystemExit, match="0"):
        main(argv=["run", "digits_simclr", "--run-dir", str(folder), *flags])
    return folder


def test_pictures_are_there_and_a_run_is_restored_with_its_target(run):
    for name in ("views.png", "map.png", "neighbors.png"):
        assert (run / name).stat().st_size > 5000
    _, variables, _, classes = load_run(run)
    assert set(variables) == {"params", "batch_stats", "target"}
    assert len(classes) == 10


def test_a_fine_tuning_starts_from_the_backbone_and_a_new_head(run):
    cfg = finetune.Config(
        data=DataConfig(train="train[:100]", batch_size=50),
        model=model_options("resnet18")(**BACKBONE),
        source=str(run),
        source_part="backbone",
        head=("head/*",),
        loop=LoopConfig(steps=2),
    )
    state = finetune.build(cfg).init(jax.random.key(5))
    variables = load_run(run)[1]
    for kind, tree in {"params": state.params, **state.extra}.items():
        source = flax.traverse_util.flatten_dict(variables[kind]["backbone"], sep="/")
        for name, value in flax.traverse_util.flatten_dict(tree, sep="/").items():
            if not name.startswith("head/"):
                np.testing.assert_array_equal(value, source.pop(name))
        assert not source
    with pytest.raises(
        UsageError, match=r"source_part: .* has no 'encoder', but backbone, predict"
    ):
        finetune.build(replace(cfg, source_part="encoder"))


@pytest.mark.parametrize("name", METHODS)
def test_views_of_photographs_change_colors_and_sides(name):
    views = read_config(find_config(f"cifar10_{name}"), [])[1].views
    assert (views.flip, views.jitter, views.gray) == (0.5, 0.5, 0.2)  # SimCLR's, for CIFAR-10


def test_probes_are_scikit_learns():
    cfg = two_views.Config(
        data=DataConfig(train="train[:400]", batch_size=64),
        model=model_options("resnet18")(**BACKBONE),
        method=BYOL(),
        views=ViewConfig(flip=0.0, jitter=0.0, gray=0.0),  # of digits
        loop=LoopConfig(steps=2),
    )
    task = two_views.build(cfg)
    state = task.init(jax.random.key(0))
    got = task.measure(state, task.splits["test"])
    rows = {role: np.arange(split.size) for role, split in task.splits.items()}
    made = {}
    for role, split in task.splits.items():
        image = split.read("image", rows[role]) / np.float32(255)
        made[role] = np.asarray(
            task.model.apply(state.variables, image, train=False, method="features")
        )
    center, spread = made["train"].mean(axis=0), made["train"].std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1)
    x, y = ((made[role] - center) / spread for role in ("train", "test"))
    labels = {role: split.read("label") for role, split in task.splits.items()}
    judge = LogisticRegression(C=1.0, max_iter=100).fit(x, labels["train"])
    assert got["probe_accuracy"] == pytest.approx(judge.score(y, labels["test"]), abs=0.02)
