"""Every listed model by its name and its own options; wrong names get the nearest."""

import dataclasses
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

from jaxdl.checks import UsageError
from jaxdl.models import named, registry
from jaxdl.models.named import snake_case
from jaxdl.models.register import register
from jaxdl.models.registry import (
    ModelConfig,
    build_model,
    create_model,
    list_models,
    model_options,
    register_model,
)


def test_every_listed_model_can_be_made_from_its_own_options():
    assert {"mlp", "lenet"} <= set(list_models())
    for name in list_models():
        options = model_options(name)()
        assert dataclasses.fields(options)[0].name == "name"
        model = create_model(num_classes=7, **dataclasses.asdict(options))
        assert model.num_classes == 7


def test_patterns():
    assert list_models("ml*") == ["mlp"]
    assert list_models("no*") == []


def test_options_are_the_plain_fields_with_their_comments():
    cls = model_options("mlp")
    kinds = {field.name: (field.type, field.default) for field in dataclasses.fields(cls)}
    assert kinds == {
        "name": (str, "mlp"),
        "weights": (str, ""),
        "hidden": (tuple[int, ...], (256,)),
        "dropout": (tuple[float, ...], (0.0,)),
        "drop_connect": (float, 0.0),
        "act": (str, "relu"),
        "norm": (str, ""),
        "weight_init": (str, ""),
        "bias_init": (float, 0.0),
    }
    assert "  hidden: widths of the hidden layers" in str(cls.__doc__)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cls().dropout = 0.5


def test_options_can_be_sent_to_another_process():
    for config in (ModelConfig("mlp"), model_options("mlp")(hidden=(3,), act="tanh")):
        again = pickle.loads(pickle.dumps(config))
        assert again == config
        assert type(again) is type(config)


def test_options_reach_the_model():
    model = create_model("mlp", 3, hidden=(5, 4), dropout=(0.5,), act="tanh")
    assert (model.hidden, model.dropout, model.act) == ((5, 4), (0.5,), "tanh")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: create_model("lenett", 10), "no 'lenett'; did you mean lenet"),
        (lambda: model_options("mpl"), "no 'mpl'; did you mean mlp"),
        (lambda: create_model("mlp", 10, hiden=(3,)), "no 'hiden'; did you mean hidden"),
    ],
)
def test_a_wrong_name_gets_the_nearest(call, message):
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("MLP", "mlp"),
        ("DenseNet", "dense_net"),
        ("VGGNet16", "vgg_net16"),
        ("resnet18", "resnet18"),
    ],
)
def test_snake_case(name, want):
    assert snake_case(name) == want


def test_names_of_functions_and_classes_are_read_from_the_text(tmp_path, monkeypatch):
    source = (
        "@register\nclass TinyNet: ...\n@register('tiny18')\ndef tiny(): ...\nclass Other: ...\n"
    )
    (tmp_path / "tiny.py").write_text(source)
    monkeypatch.setattr(named, "HERE", tmp_path)
    named.model_table.cache_clear()
    try:
        assert list_models() == ["tiny18", "tiny_net"]
    finally:
        named.model_table.cache_clear()


def test_the_mark_of_a_model_changes_nothing():
    assert register(len) is len
    assert register("long")(len) is len


def test_listing_imports_no_jax():
    code = (
        "import sys; from jaxdl.models.registry import list_models;"
        "assert 'mlp' in list_models(); assert not {'jax', 'flax', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("act", "norm"), [("tanh", "group"), ("prelu", "none")])
def test_activation_and_norm_are_chosen_by_name(act, norm):
    options = {f.name: f.default for f in dataclasses.fields(model_options("preact_resnet20"))}
    assert (options["act"], options["norm"]) == ("relu", "batch")
    config = model_options("preact_resnet20")(blocks=(1,), width=8, act=act, norm=norm)
    model = build_model(config, num_classes=3)
    x = jnp.ones((2, 8, 8, 1))
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))
    assert "batch_stats" not in shapes
    names = {jax.tree_util.keystr(k) for k, _ in jax.tree_util.tree_leaves_with_path(shapes)}
    assert any("PReLU" in name for name in names) == (act == "prelu")


def test_an_unknown_activation_or_norm_is_refused():
    with pytest.raises(UsageError, match="norm: there is no 'bach'; did you mean batch"):
        create_model("preact_resnet20", 3, norm="bach")
    with pytest.raises(UsageError, match="maxout halves the channels"):
        create_model("preact_resnet20", 3, act="maxout")


def test_a_model_of_ones_own_is_found_by_name_and_a_later_one_takes_its_place(monkeypatch):
    monkeypatch.setattr(named, "ADDED", {})
    monkeypatch.setattr(registry, "ADDED", named.ADDED)

    def add(default):
        @register_model("own_net")
        def own_net(num_classes: int, width: int = default):
            return num_classes, width

        return own_net

    assert add(3)(2) == (2, 3)
    assert list_models("own*") == ["own_net"]
    assert model_options("own_net")().width == 3
    assert create_model("own_net", 5, width=9) == (5, 9)
    add(4)
    assert build_model(ModelConfig.choose("own_net")(), 5) == (5, 4)
    with pytest.raises(UsageError, match="'lenet' is a model of jaxdl"):
        register_model("lenet")(add(1))
    with pytest.raises(UsageError, match="needs a field num_classes"):
        register_model("other")(lambda width: width)
    with pytest.raises(UsageError, match="own_net"):
        create_model("own_met", 5)
    model_options.cache_clear()
