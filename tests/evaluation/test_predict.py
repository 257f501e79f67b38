"""Likeliest classes of image files against the softmax of their mean, worked by hand."""

from types import SimpleNamespace

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.splits.split import Split
from jaxdl.evaluation.predict import predict_paths


class Mean(nn.Module):
    """Logits 0, m and 2 m of an image whose mean is m."""

    @nn.compact
    def __call__(self, x, *, train):
        return x.mean(axis=(1, 2)) * jnp.arange(3.0)[None]


def test_three_likeliest_classes_a_file(tmp_path):
    for name, value in (("dark", 0), ("bright", 255)):
        Image.fromarray(np.full((6, 9), value, np.uint8)).save(tmp_path / f"{name}.png")
    images = np.zeros((2, 4, 4, 1), np.uint8)
    split = Split({"image": images, "label": np.arange(2)}, ("a", "b", "c"), batch_size=1)
    prepare = lambda keys, batch, *, train: {"image": batch["image"] / 255}  # noqa: E731
    task = SimpleNamespace(splits={"train": split}, model=Mean(), prepare=prepare)
    run = SimpleNamespace(task=task, state=SimpleNamespace(variables={}))
    lines = predict_paths(run, [tmp_path / "bright.png", tmp_path / "dark.png"]).splitlines()
    shares = np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum()
    want = "  ".join(f"{c} {s:.1%}" for c, s in zip("cba", shares, strict=True))
    assert lines[0] == f"{tmp_path / 'bright.png'}  {want}"
    assert lines[1].endswith("a 33.3%") or lines[1].count("33.3%") == 3
    (tmp_path / "no.png").write_text("none")
    with pytest.raises(DataError, match=r"no\.png"):
        predict_paths(run, [tmp_path / "no.png"])
