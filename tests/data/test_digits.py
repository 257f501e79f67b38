"""The embedded digits are scikit-learn's, whether its package is imported or only found."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from sklearn import datasets

from jaxdl.data.digits import load_digits


@pytest.mark.parametrize("found", [True, False])
def test_rows_are_scikit_learns(found, monkeypatch):
    if not found:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    parts, classes = load_digits()
    pixels, labels = datasets.load_digits(return_X_y=True)
    key = lambda rows: sorted(map(bytes, rows))  # noqa: E731
    want = np.round(pixels * (255 / 16)).astype(np.uint8)
    images = np.concatenate([part["image"] for part in parts.values()]).reshape(-1, 64)
    assert key(images) == key(want)
    assert [len(part["label"]) for part in parts.values()] == [1437, 360]
    named = {bytes(row): label for row, label in zip(want, labels, strict=True)}
    own = np.concatenate([part["label"] for part in parts.values()])
    assert all(named[bytes(row)] == label for row, label in zip(images, own, strict=True))
    assert classes == tuple("0123456789")


def test_they_come_without_the_import_of_scikit_learn():
    code = "import sys; from jaxdl.data.digits import load_digits; load_digits(); "
    code += "print('sklearn' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
