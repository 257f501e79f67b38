"""`jaxdl compare`: every twin computes what its model does, and a planted difference is named."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from jaxdl.checks import UsageError

torch = pytest.importorskip("torch")
F = torch.nn.functional

from jaxdl.catalog import find_config  # noqa: E402
from jaxdl.cli import main  # noqa: E402
from jaxdl.compare import run as harness  # noqa: E402
from jaxdl.compare import stage_checks as stages  # noqa: E402
from jaxdl.compare.html_report import write_page  # noqa: E402
from jaxdl.experiment import read_config  # noqa: E402
from jaxdl.interop.torch_twins.registry import twin_of  # noqa: E402
from jaxdl.models.registry import create_model  # noqa: E402
from jaxdl.optim.config import Adam  # noqa: E402
from jaxdl.selfsup.joint_embedding import JointEmbedding  # noqa: E402

TOML = {
    "mlp": """experiment = "classification.train"
data = {{ name = "digits", batch_size = 32 }}
model = {{ name = "mlp", hidden = [16], dropout = [0.5] }}
optim = {{ name = "momentum", lr = 0.05, weight_decay = 1e-3, warmup = 3, ema = 0.9 }}
loop = {{ epochs = 1 }}
label_smoothing = 0.1
""",
    "preact": """experiment = "classification.train"
data = {{ name = "digits", batch_size = 32 }}
image = {{ crop = 1, flip = true, mixup = 0.2 }}
model = {{ name = "preact_resnet20", blocks = [1, 1], width = 4 }}
optim = {{ name = "sgd", lr = 0.05 }}
loop = {{ epochs = 1 }}
""",
    "text": """experiment = "language.characters"
data = {{ name = "text", path = "{folder}/text.txt", length = 8, batch_size = 4 }}
model = {{ cell = "lstm", hidden = 8 }}
optim = {{ name = "sgd", lr = 0.5, clip_norm = 1.0 }}
loop = {{ epochs = 3 }}
""",
    "game": """experiment = "generative.adversarial"
data = {{ name = "shapes", image_size = [24], rows = 200, batch_size = 8 }}
model = {{ name = "dcgan", width = 12, features = [4, 4] }}
game = {{ noise = 3 }}
optim = {{ name = "sgd", lr = 0.05 }}
loop = {{ epochs = 2 }}
judge = {{ epochs = 0 }}
""",
    "views": """experiment = "selfsup.two_views"
data = {{ name = "digits", batch_size = 32 }}
views = {{ crop = 0.5, flip = 0.0, jitter = 0.0, gray = 0.0 }}
model = {{ name = "deep_convnet", filters = [4], pools = [1], batch_norm = true, norm = "batch" }}
method = {{ name = "simclr", projector = [8, 5], temperature = 0.2 }}
optim = {{ name = "sgd", lr = 0.05 }}
loop = {{ epochs = 1 }}
""",
    "pixels": """experiment = "segmentation.train"
data = {{ name = "shapes", annotations = "segments", image_size = [24], batch_size = 8 }}
image = {{ rotate = 30.0 }}
model = {{ name = "unet", widths = [4, 6], up = "bilinear" }}
optim = {{ name = "sgd", lr = 0.05 }}
loop = {{ epochs = 2 }}
""",
    "pairs": """experiment = "selfsup.clip"
data = {{ name = "shapes", image_size = [24], max_objects = 1, batch_size = 8 }}
model = {{ name = "preact_resnet20", blocks = [1], width = 4, norm = "batch_sync" }}
text = {{ width = 8, depth = 1, heads = 2, word_width = 6 }}
optim = {{ name = "sgd", lr = 0.05 }}
loop = {{ epochs = 1 }}
""",
    "clips": """experiment = "video.classification"
data = {{ name = "moving", image_size = [8], synthetic_rows = 200, batch_size = 8 }}
model = {{ name = "c3d", stages = [1, 2], features = [3, 4], hidden = [6, 5], dropout = 0.0 }}
optim = {{ name = "sgd", lr = 0.05 }}
loop = {{ epochs = 1 }}
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    (folder / "text.txt").write_text("the quick brown fox jumps over the lazy dog. " * 30)
    for name, text in TOML.items():
        (folder / f"{name}.toml").write_text(text.format(folder=folder))
    return folder


def compared(folder, name, *, change=lambda side: None, steps=22):
    lines, path = [], folder / f"{name}.toml"
    experiment, _ = read_config(path, [])
    code = harness.compare(
        lambda flags: read_config(path, flags, "compare")[1],
        experiment.builder("compare"),
        experiment.name,
        [str(path)],
        folder / "out",
        steps=steps,
        speed=False,
        change=change,
        say=lines.append,
    )
    record = json.loads((folder / "out" / "compare.json").read_text())
    return code, record, lines


@pytest.mark.parametrize("name", TOML)
def test_both_sides_agree(folder, name):
    code, record, lines = compared(folder, name)
    assert code == 0, lines
    assert {v["name"] for v in record["verdicts"]} == {
        *("outputs", "loss", "gradients", "update rule", "parameters")
    }
    assert record["settings"] == []
    assert record["without"] == (["model.dropout", "optim.ema"] if name == "mlp" else [])
    ours, theirs = record["curves"]["jaxdl"], record["curves"]["torch"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    assert len(ours) == 22
    assert ours[0] > ours[-1] or name in ("game", "clips")  # it trains; motion takes longer
    if name != "mlp":  # plain SGD
        assert max(row["apart"] for row in record["parameters"]) < 1e-4
    assert len(record["parameters_at_end"]) == len(record["parameters"]) > 0
    a, b = record["test"]["jaxdl"], record["test"]["torch"]
    assert abs(a["loss"] - b["loss"]) < 1e-3
    page = (folder / "out" / "compare.html").read_text()
    assert "agree" in page
    text, pictures = re.subn(r"data:image/png;base64,[\w+/=]+", "", page)
    assert pictures == 1
    assert "http" not in text  # it needs no other file


def other_momentum(side):
    for group in side.trainer.rule.optimizer.param_groups:
        group["momentum"] = 0.89


def other_epsilon(side):
    side.module.norm.eps = 1e-3


def same_padding(side):
    conv = side.module.blocks[1].conv1
    conv.padding = (0, 0)
    conv.forward = lambda x: F.conv2d(F.pad(x, (0, 1, 0, 1)), conv.weight, None, 2)


def other_smoothing(side):
    side.trainer.smoothing = 0.2


def other_temperature(side):
    side.trainer.temperature = 0.21


@pytest.mark.parametrize(
    ("name", "change", "verdict", "words"),
    [
        ("mlp", other_momentum, "update rule", "momentum 0.9 and 0.89"),
        ("mlp", other_smoothing, "loss", "and"),
        ("views", other_temperature, "loss", "and"),
        ("preact", other_epsilon, "outputs", "norm departs first"),
        ("preact", same_padding, "outputs", "stage2_block1/conv1 departs first"),
    ],
)
def test_a_planted_difference_is_named(folder, name, change, verdict, words):
    code, record, _ = compared(folder, name, change=change, steps=2)
    assert code == 1
    failed = [v for v in record["verdicts"] if v["state"] == "fail"]
    assert failed[0]["name"] == verdict
    assert words in failed[0]["words"]
    named = {(row["where"], row["name"]) for row in record["settings"]}
    expected = {
        other_momentum: {("optimizer", "momentum")},
        other_smoothing: set(),
        other_temperature: set(),
        other_epsilon: {("norm", "eps")},
        same_padding: {("stage2_block1/conv1", "padding")},
    }
    assert named == expected[change]


def test_what_has_no_twin_is_refused():
    with pytest.raises(UsageError, match="lenet_1998|LeNet1998"):
        twin_of(create_model("lenet_1998", 10), (2, 28, 28, 1))
    with pytest.raises(UsageError, match="act = 'relu', not 'tanh'"):
        twin_of(create_model("mlp", 10, act="tanh"), (2, 8, 8, 1))
    with pytest.raises(UsageError, match="square"):
        twin_of(create_model("lenet", 10), (2, 8, 12, 1))
    with pytest.raises(UsageError, match=r"language\.hello has no torch twin"):
        harness.check_comparable("language.hello", None)
    train = "classification.train"
    with pytest.raises(UsageError, match="precision = float32, not bfloat16"):
        harness.check_comparable(train, SimpleNamespace(precision="bfloat16"))
    with pytest.raises(UsageError, match=r"optim\.l1"):
        harness.check_comparable(train, SimpleNamespace(optim=Adam(l1=0.1)))
    two = read_config(find_config("digits_simclr"), ["--method.name", "byol"])[1]
    with pytest.raises(UsageError, match="simclr alone has a twin, not byol"):
        harness.check_comparable("selfsup.two_views", two)
    with pytest.raises(UsageError, match=r"a DeepConvNet .*, not MLP"):
        twin_of(JointEmbedding(create_model("mlp", 0)), (2, 8, 8, 1))
    dense = read_config(find_config("cifar10_softmax"), ["--penalty_weight", "0.1"])[1]
    with pytest.raises(UsageError, match=r"the twin has penalty_weight = 0\.0, not 0\.1"):
        harness.check_comparable("classic.dense", dense)
    with pytest.raises(SystemExit) as end:
        main(None, ["compare", "digits_mlp", "--steps", "0"])
    assert end.value.code == 2


def test_rounding_is_no_difference():
    own, other = np.float32([1.0, 2.0]), np.float32([1.0, 2.0003])
    row = stages.apart(own, other, other + 1e-4, scale=2.0)
    assert row["apart"] == pytest.approx(1.5e-4, rel=1e-2)
    assert row["rounding"] == pytest.approx(0.5e-4, rel=1e-2)
    assert stages.near(row, 1e-5)
    assert not stages.near({**row, "rounding": 1e-6}, 1e-5)
    assert stages.near({**row, "rounding": 1e-6}, 2e-4)
    assert not stages.near(stages.apart(own * np.nan, other, other, scale=1.0), 1e9)
    assert stages.apart(own[:1], other, other, scale=1.0)["apart"] == np.inf


def test_the_page_escapes_names(tmp_path):
    record = {
        **{"command": "jaxdl compare <b>", "agree": False, "without": [], "steps": 1},
        **{"versions": {"jax": "1"}, "torch": "2", "device": "cpu", "cores": 2},
        **{"verdicts": [{"name": "outputs", "state": "fail", "words": "a < b"}]},
        **{"curves": {"jaxdl": [1.0], "torch": [1.0]}},
        "test": {"jaxdl": {"accuracy": 1.0, "loss": 0.0}, "torch": {"accuracy": 1.0, "loss": 0.0}},
        **{name: [] for name in ("settings", "layers", "gradients", "updates")},
        **{name: [] for name in ("parameters", "parameters_at_end")},
    }
    page = write_page(record, tmp_path / "compare.html").read_text()
    assert "<b>" not in page
    assert "a &lt; b" in page
    assert "<td class=fail>fail</td>" in page


@pytest.mark.parametrize("name", ["mlp", "preact", pytest.param("game", marks=pytest.mark.slow)])
def test_what_rounding_sets_apart_is_looked_at_in_float64(folder, name, monkeypatch):
    for limit in ("GRADIENTS", "PARAMETERS", "ROUNDING"):
        monkeypatch.setattr(stages, limit, -1.0)  # nothing is near in float32
    _, record, lines = compared(folder, name, steps=20)
    verdicts = {v["name"]: v for v in record["verdicts"]}
    for stage in ("gradients", "parameters"):
        assert verdicts[stage]["state"] == "pass", lines
        assert "so it is rounding" in verdicts[stage]["words"]
        apart = re.search(r"in float64 (\S+),", verdicts[stage]["words"])
        assert apart is not None
        assert float(apart[1]) < 1e-8


def test_a_planted_difference_stays_in_float64(folder, monkeypatch):
    monkeypatch.setattr(stages, "PARAMETERS", -1.0)
    _, record, _ = compared(folder, "mlp", change=other_smoothing, steps=20)
    verdicts = {v["name"]: v for v in record["verdicts"]}
    for stage in ("gradients", "parameters"):
        assert verdicts[stage]["state"] == "fail"
        assert "in float64" in verdicts[stage]["words"]
