"""Tables against scikit-learn's scaler, by the training rows alone."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from jaxdl.data.config import data_config
from jaxdl.data.load import load_splits

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)) * [1, 1000, 1e-3, 0] + [0, 5, 1, 7]
X[:, 0] = 1.7e9 + 60 * RNG.permutation(50)  # seconds: float32 has steps of 128


def write(folder, kind):
    y = np.arange(50) % 2
    if kind == "npz":
        np.savez(folder / "t.npz", X=X, y=y)
    else:
        np.savetxt(folder / "t.csv", np.column_stack([X, y]), delimiter=",", fmt="%.17g")
    return str(folder / f"t.{kind}")


@pytest.mark.parametrize("kind", ["csv", "npz"])
@pytest.mark.parametrize("placement", ["device", "stream"])
def test_training_rows_set_the_scale_of_all(tmp_path, kind, placement):
    cfg = data_config(kind, path=write(tmp_path, kind), val=8, placement=placement, batch_size=8)
    splits = load_splits(cfg)
    raw = load_splits(data_config(kind, path=cfg.path, val=8, standardize=False, batch_size=8))
    place = {tuple(row): i for i, row in enumerate(X[:, 1:3].astype(np.float32).tolist())}
    rows = {
        role: [place[tuple(row)] for row in split.read("input")[:, 1:3].tolist()]
        for role, split in raw.items()
    }
    scaler = StandardScaler().fit(X[rows["train"]])
    for role, split in splits.items():
        x = split.batch(np.arange(split.size))["input"]
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, scaler.transform(X[rows[role]]), rtol=1e-6, atol=1e-6)
    assert len(np.unique(splits["train"].batch(np.arange(32))["input"][:, 0])) == 32
    said = "\n".join(splits["train"].notes)
    assert "standardized by the 32 training rows: (x - mean) / deviation" in said
    assert "the same in all training rows: column 4" in said


def test_as_in_the_file_on_request_and_what_that_costs(tmp_path):
    cfg = data_config("csv", path=write(tmp_path, "csv"), standardize=False)
    train = load_splits(cfg)["train"]
    assert train.read("input").dtype == np.float32
    assert set(train.read("input")[:, 3]) == {7.0}
    said = "\n".join(train.notes)
    assert "not standardized" in said
    assert "become equal in float32: column 1" in said
