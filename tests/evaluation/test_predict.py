"""Likeliest classes of image files against the softmax of their mean, worked by hand."""

from types import SimpleNamespace

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.predict import above_half, predict_classes


class Mean(nn.Module):
    """Logits 0, m and 2 m of an image whose mean is m."""

    @nn.compact
    def __call__(self, x, *, train):
        return x.mean(axis=(1, 2)) * jnp.arange(3.0)[None]


def a_run(split, prepare):
    task = SimpleNamespace(splits={"train": split}, model=Mean(), prepare=prepare)
    return SimpleNamespace(task=task, state=SimpleNamespace(variables={}), folder="run")


def test_three_likeliest_classes_a_file(tmp_path):
    for name, value in (("dark", 0), ("bright", 255)):
        Image.fromarray(np.full((6, 9), value, np.uint8)).save(tmp_path / f"{name}.png")
    images = np.zeros((2, 4, 4, 1), np.uint8)
    split = Split({"image": images, "label": np.arange(2)}, ("a", "b", "c"), batch_size=1)
    prepare = lambda keys, batch, *, train: {"image": batch["image"] / 255}  # noqa: E731
    run = a_run(split, prepare)
    files = [tmp_path / "bright.png", tmp_path / "dark.png", tmp_path / "no.png"]
    (tmp_path / "no.png").write_text("none")
    lines, faults, rows = predict_classes(run, files, tmp_path / "out")
    shares = np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum()
    want = "  ".join(f"{c} {s:.1%}" for c, s in zip("cba", shares, strict=True))
    assert lines[0] == f"{tmp_path / 'bright.png'}  {want}"
    assert lines[1].count("33.3%") == 3
    assert [row["file"] for row in rows] == [str(file) for file in files[:2]]
    assert [one["class"] for one in rows[0]["classes"]] == ["c", "b", "a"]
    np.testing.assert_allclose([one["score"] for one in rows[0]["classes"]], shares, rtol=1e-5)
    assert lines[2] == f"sheet of pictures: {tmp_path / 'out' / 'sheet.png'}"
    assert [fault.split(": ")[0] for fault in faults] == [str(tmp_path / "no.png")]


def test_labels_above_one_half_by_the_logistic_function():
    scores = np.array([0.2, 0.9, 0.6])
    assert above_half(scores, "abc") == ["b 90.0%", "c 60.0%"]
    assert above_half(scores / 2, "abc") == ["none above 50% (nearest: b 45.0%)"]


@pytest.mark.parametrize("label", ["", ",yes"])
def test_rows_of_a_table_with_or_without_a_label(tmp_path, label):
    table = tmp_path / "mine.csv"
    text = ["width,height" + ",kind" * bool(label), f"0,0{label}", f"3,1{label}"]
    table.write_text("\n".join(text))
    split = Split({"input": np.zeros((2, 2), np.float32)}, ("a", "b", "c"), batch_size=1)
    run = a_run(split, lambda keys, batch, *, train: {"image": batch["input"][:, None, None, :1]})
    lines, faults, rows = predict_classes(run, [table], tmp_path)
    shares = np.exp([6, 3, 0]) / np.exp([6, 3, 0]).sum()
    want = "  ".join(f"{c} {s:.1%}" for c, s in zip("cba", shares, strict=True))
    assert [row["line"] for row in rows] == [2, 3]
    assert rows[1]["classes"][0]["class"] == "c"
    assert (lines[1], faults) == (f"{table}:3  {want}", [])
    assert lines[0].startswith(f"{table}:2  a 33.3%")
    table.write_text("1,2,3,4\n")
    with pytest.raises(DataError, match="4 columns, but the run was trained on 2 numbers"):
        predict_classes(run, [table], tmp_path)
    with pytest.raises(DataError, match=r"none\.csv: there is no such table"):
        predict_classes(run, [tmp_path / "none.csv"], tmp_path)


def test_scores_that_are_not_finite_are_an_error(tmp_path):
    (tmp_path / "mine.csv").write_text("1,1\n")
    split = Split({"input": np.zeros((2, 2), np.float32)}, ("a", "b", "c"), batch_size=1)
    bad = lambda keys, batch, *, train: {"image": batch["input"][:, None, None, :1] / 0}  # noqa: E731
    with pytest.raises(DataError, match="scores that are not finite"):
        predict_classes(a_run(split, bad), [tmp_path / "mine.csv"], tmp_path)
