"""Clusters of planted blobs: their number, and scikit-learn's agreement with the classes."""

import numpy as np

from experiments.classic.clusters import Config, draw_pairs, paint, read_rows, run
from jaxdl.data.config import data_config

BLOBS = data_config("blobs", synthetic_rows=90)


def test_the_number_of_planted_blobs_is_found_and_drawn(tmp_path):
    cfg = Config(data=BLOBS, components=2, k=3, radius=0.4, preference=-30.0, most=3)
    metrics = run(cfg, tmp_path)["metrics"]
    for name in ("kmeans", "dbscan", "affinity_propagation"):
        assert metrics[f"clusters_{name}"] == 3
        assert metrics[f"rand_{name}"] > 0.9
    assert {p.name for p in tmp_path.iterdir()} == {
        *("clusters.png", "feature_pairs.png", "component_pairs.png")
    }


def test_rows_are_standardized_and_pairs_are_all_there():
    x, label = read_rows(Config(data=BLOBS, rows=60))
    np.testing.assert_allclose([x.mean(axis=0), x.std(axis=0)], [[0, 0], [1, 1]], atol=1e-5)
    four = np.concatenate([x, x], axis=1)
    assert [a.get_title() for a in draw_pairs(four, label, "feature").axes][:3] == [
        *("feature 1, 2", "feature 1, 3", "feature 1, 4")
    ]
    assert np.all(paint(np.array([0, -1]))[1] == 200 / 255)
