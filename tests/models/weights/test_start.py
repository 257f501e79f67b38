"""Models that start from a file: the arrays of the file, in a model and inside of another one."""

import copy
import dataclasses

import flax.linen as nn
import flax.traverse_util
import jax
import numpy as np
import pytest

from experiments.language import caption
from jaxdl.checks import CheckpointError, UsageError
from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.data.config import data_config
from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.registry import build_model, create_model, model_options
from jaxdl.models.weights.facts import Facts, write_facts
from jaxdl.models.weights.known_files import file_sha256
from jaxdl.models.weights.preprocessing import Preprocessing
from jaxdl.models.weights.published import Weights, import_weights, save_weights, variable_shapes
from jaxdl.models.weights.rule_sets import rules_for
from jaxdl.models.weights.weight_file import write_safetensors
from jaxdl.models.weights.weight_rules import to_torch
from tests.models.weights.twins import quick_jit

THIN = {"blocks": (1, 1), "width": 4}
MOBILE = {"features": (8, 8), "expansions": (1, 2), "repeats": (1, 2), "strides": (1, 2), "last": 8}


def drawn(model, seed=0):
    rng = np.random.default_rng(seed)
    like = variable_shapes(model, 32)
    return jax.tree.map(lambda leaf: rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32), like)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def values(folder):
    """The variables in `resnet.safetensors`, of three classes, under torchvision's names."""
    model = create_model("resnet18", 3, **THIN)
    variables = drawn(model)
    write_safetensors(folder / "resnet.safetensors", to_torch(rules_for(model), variables))
    return variables


def start(model):
    x = np.zeros((2, 32, 32, 3), np.float32)
    return quick_jit(lambda key: model.init(key, x, train=False))(jax.random.key(1))


def flat(variables):
    return flax.traverse_util.flatten_dict(variables, sep="/")


def check_equal(got, want, *, but=()):
    got, want = flat(got), flat(want)
    assert got.keys() == want.keys()
    for name, value in want.items():
        same = got[name].shape == value.shape and bool(np.all(got[name] == value))
        assert same == (name not in but), name


@pytest.mark.parametrize("given", ["resnet", "resnet.safetensors", "path"])
def test_a_model_starts_from_a_file_by_its_name_or_path(values, folder, given):
    given = folder / "resnet.safetensors" if given == "path" else given
    model = create_model("resnet18", weights=given, **THIN)
    assert isinstance(model, ResNet)
    assert model.num_classes == 3
    check_equal(start(model), values)
    check_equal(start(copy.deepcopy(model)), values)
    assert len(repr(model)) < 1000


def test_other_classes_get_a_new_last_layer_and_that_is_said(values, capsys):
    model = create_model("resnet18", 5, weights="resnet", **THIN)
    got = start(model)
    assert got["params"]["head"]["kernel"].shape == (8, 5)
    head = ("params/head/kernel", "params/head/bias")
    check_equal(
        got,
        start(create_model("resnet18", 5, **THIN)) | {"params": got["params"]},
        but={name for name in flat(got) if name.startswith("batch_stats")},
    )
    check_equal({**got, "params": {**got["params"], "head": values["params"]["head"]}}, values)
    assert "head left out (3 classes there, 5 here)" in capsys.readouterr().err
    assert set(head) <= flat(got).keys()


class Inside(nn.Module):
    backbone: nn.Module

    @nn.compact
    def __call__(self, x, *, train):
        features = self.backbone(x, train=train, stages=True)["stage2"].mean((1, 2))
        return nn.Dense(2, name="mine")(features)


def test_it_starts_so_inside_of_another_model(values):
    got = start(Inside(create_model("resnet18", 0, weights="resnet", **THIN)))
    assert got["params"].keys() == {"backbone", "mine"}
    trunk = {name: value for name, value in values["params"].items() if name != "head"}
    check_equal(got["params"]["backbone"], trunk)
    check_equal(got["batch_stats"]["backbone"], values["batch_stats"])


def test_any_config_has_model_weights(values):
    options = dataclasses.replace(model_options("resnet18")(**THIN), weights="resnet")
    check_equal(start(build_model(options, num_classes=3)), values)
    cfg = ClassifierConfig(data=data_config("shapes"), model=options)
    state = quick_jit(classifier_task(cfg).init)(jax.random.key(0))
    check_equal(state.extra["batch_stats"], values["batch_stats"])
    check_equal(state.params["stage1_block1"], values["params"]["stage1_block1"])


@pytest.mark.parametrize("task", ["classifier", "captioner"])
def test_norms_that_a_file_has_folded_are_not_computed_anew(folder, task):
    model = create_model("mobilenet_v2", 3, **MOBILE)
    variables = drawn(model)
    variables["batch_stats"] = jax.tree_util.tree_map_with_path(
        lambda path, value: value * 0 if path[-1].key == "mean" else value,
        variables["batch_stats"],
    )
    write_safetensors(folder / "m.safetensors", to_torch(rules_for(model), variables))
    options = dataclasses.replace(model_options("mobilenet_v2")(**MOBILE), weights="m")
    data = data_config("shapes", synthetic_rows=4, batch_size=2, image_size=(32,))
    if task == "classifier":
        built = classifier_task(ClassifierConfig(data=data, model=options))
    else:
        small = caption.DecoderConfig(width=4, hidden=4)
        built = caption.build(caption.Config(data=data, model=options, decoder=small))
    state = quick_jit(built.init)(jax.random.key(0))
    split = built.splits["train"]
    keys = jax.random.split(jax.random.key(0), 2)
    batch = built.prepare(keys, split.batch(np.arange(2)), train=True)
    loss = jax.vmap(built.loss_fn, (None, None, 0, None), axis_name="device")
    batch = jax.tree.map(lambda x: x[None], batch)
    _, (extra, _) = quick_jit(loss)(state.params, state.extra, batch, keys[0])
    stats = extra["batch_stats"] if task == "classifier" else extra["batch_stats"]["backbone"]
    check_equal(jax.tree.map(lambda x: x[0], stats), variables["batch_stats"])


def test_our_own_file_will_do(folder):
    options = {"hidden": (5,)}
    variables = drawn(create_model("mlp", 4, **options))
    small = Preprocessing(size=32, resize=32)
    save_weights(folder / "a.safetensors", Weights("mlp", 4, variables, small, "jaxdl", options))
    check_equal(start(create_model("mlp", weights="a", **options)), variables)
    with pytest.raises(UsageError, match=r"mlp with hidden = \(5,\), got \(6,\); give the same"):
        create_model("mlp", weights="a", hidden=(6,))
    with pytest.raises(UsageError, match="they are of mlp, not of lenet"):
        create_model("lenet", weights="a")
    model = create_model("mlp", weights="a", **options)
    with pytest.raises(CheckpointError, match=r"params/dense1/kernel is \(3072, 5\) there and"):
        model.init(jax.random.key(0), np.zeros((2, 8, 8, 3), np.float32), train=False)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: create_model("resnet18"), UsageError, "needs num_classes, or weights"),
        (lambda: create_model("resnet18", weights="x"), CheckpointError, "which has resnet"),
        (lambda: create_model("resnet18", weights="resnet"), CheckpointError, "missing .*layer4"),
        (lambda: create_model("mlp", weights="resnet"), UsageError, "has no names for MLP"),
    ],
)
def test_what_cannot_be_started_from_is_one_message(values, call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_without_a_folder_the_message_says_how_to_name_one(monkeypatch):
    monkeypatch.delenv("JAXDL_WEIGHTS_DIR")
    with pytest.raises(CheckpointError, match="set JAXDL_WEIGHTS_DIR to the folder"):
        create_model("resnet18", 3, weights="resnet")


def test_what_the_file_was_trained_with_is_followed_where_the_model_says_auto(folder, capsys):
    model = create_model("mobilenet_v2", 3, **MOBILE)
    path = folder / "m.safetensors"
    write_safetensors(path, to_torch(rules_for(model), drawn(model)))
    assert create_model("mobilenet_v2", weights="m", **MOBILE).padding == "auto"
    facts = Facts("mobilenet_v2", "torchvision", Preprocessing(), file_sha256(path), "here", "mine")
    same = dataclasses.replace(facts, options={"padding": "same"}, classes=("a", "b", "c"))
    write_facts(path, same)
    assert create_model("mobilenet_v2", weights="m", **MOBILE).padding == "same"
    assert "padding = same, as it was trained" in capsys.readouterr().err
    chosen = create_model("mobilenet_v2", weights="m", padding="symmetric", **MOBILE)
    assert chosen.padding == "symmetric"
    assert import_weights(path, "mobilenet_v2", **MOBILE).classes == ("a", "b", "c")
    write_facts(path, dataclasses.replace(facts, model="resnet18"))
    with pytest.raises(UsageError, match="they are of resnet18, not of mobilenet_v2"):
        create_model("mobilenet_v2", weights="m", **MOBILE)
