"""The diabetes net against PyTorch: mean BCE, its gradient, the accuracy."""

import jax
import numpy as np
import pytest

from jaxdl.catalog import find_config
from jaxdl.checks import DataError
from jaxdl.classification.binary import binary_task as build
from jaxdl.experiment import read_config
from jaxdl.typing import AXIS
from tests.data.tables.made_table import write_table


@pytest.mark.parametrize("act", ["sigmoid", "relu"])
def test_loss_gradient_and_accuracy_are_torchs(act, tmp_path):
    torch = pytest.importorskip("torch")
    write_table(tmp_path / "table.csv.gz")
    flags = ["--data.path", str(tmp_path / "table.csv.gz")]
    _, cfg = read_config(find_config(f"diabetes_{act}"), flags)
    task = build(cfg)
    state = task.init(jax.random.key(0))
    rows = task.splits["train"].batch(np.arange(32))
    keys = jax.random.split(jax.random.key(1), 32)
    batch = task.prepare(keys, rows, train=True)
    alone = jax.vmap(jax.grad(task.loss_fn, has_aux=True), (None, None, 0, None), axis_name=AXIS)
    one = jax.tree.map(lambda leaf: leaf[None], batch)
    slopes, (_, metrics) = jax.tree.map(lambda leaf: leaf[0], alone(state.params, {}, one, keys[0]))
    layers, names = [], ("dense1", "dense2", "head")
    for name in names:
        kernel, bias = (np.array(state.params[name][part]) for part in ("kernel", "bias"))
        layer = torch.nn.Linear(*kernel.shape)
        layer.weight.data, layer.bias.data = torch.tensor(kernel.T.copy()), torch.tensor(bias)
        layers += [layer, {"sigmoid": torch.nn.Sigmoid, "relu": torch.nn.ReLU}[act]()]
    layers[-1] = torch.nn.Sigmoid()
    chance = torch.nn.Sequential(*layers)(torch.tensor(np.array(batch["image"])))[:, 0]
    label = torch.tensor(np.array(batch["label"]), dtype=torch.float32)
    want = torch.nn.BCELoss()(chance, label)
    want.backward()
    got = {name: float(total / count) for name, (total, count) in metrics.items()}
    assert got["loss"] == pytest.approx(want.item(), rel=1e-5)
    assert got["accuracy"] == np.mean((chance.detach().numpy() > 0.5) == label.numpy())
    for name, layer in zip(names, layers[::2], strict=True):
        np.testing.assert_allclose(slopes[name]["kernel"], layer.weight.grad.T, atol=1e-6)


def test_the_larger_class_stands_beside_the_accuracy_and_three_classes_are_refused(tmp_path):
    paths = [tmp_path / f"{classes}.csv.gz" for classes in (2, 3)]
    for path in paths:
        write_table(path, classes=int(path.name[0]))
    two, three = (
        read_config(find_config("diabetes_relu"), ["--data.path", str(path)])[1] for path in paths
    )
    task = build(two)
    numbers = task.measure(task.init(jax.random.key(0)), task.splits["test"], tmp_path)
    share = np.mean(task.splits["test"].read("label"))
    assert numbers["larger_class"] == pytest.approx(max(share, 1 - share))
    assert (tmp_path / "chances.png").exists()
    with pytest.raises(DataError, match="two classes, got 3"):
        build(three)
