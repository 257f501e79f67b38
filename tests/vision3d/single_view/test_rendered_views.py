"""Rendered views against the ray tracer, signed distances and the projection of their points."""

import numpy as np

from jaxdl.data.config import SolidsData
from jaxdl.data.synthetic import compositions
from jaxdl.data.synthetic.ray_tracer import look
from jaxdl.vision3d.single_view.rendered_views import (
    PALETTE,
    eye_turns,
    make_arrays,
    part_colors,
    solid_mesh,
    view_splits,
)

DATA = SolidsData(points=64, resolution=8, image_size=(32,), synthetic_rows=10, frame="view")


def test_a_row_is_one_solid_in_one_frame(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path))
    splits = view_splits(DATA, views=2)
    assert splits["train"].size == 20
    assert splits["test"].size == 2  # one other solid, and one known one from elsewhere
    np.testing.assert_array_equal(splits["test"].read("known", np.arange(2)), [False, True])
    canonical = make_arrays(SolidsData(**vars(DATA) | {"frame": "canonical"}), 2, 32)["train"]
    train = {name: splits["train"].read(name, np.arange(20)) for name in splits["train"].names}
    np.testing.assert_array_equal(train["solid"][0::2], train["solid"][1::2])  # two views of each
    assert (train["rotation"][0::2] != train["rotation"][1::2]).any(axis=(1, 2)).all()
    for i in range(20):
        kind, measures = train["label"][i], train["solid"][i : i + 1].astype(float)
        turn = train["rotation"][i].astype(float)
        own = train["points"][i] @ turn
        np.testing.assert_allclose(own, canonical["points"][i], atol=1e-5)
        away = compositions.signed_distance(kind, measures, own[None].astype(float))
        np.testing.assert_allclose(away, 0, atol=1e-4)
        depth, _ = look(kind, measures, turn[None], 32)
        seen = (train["image"][i] != 25).any(axis=-1)
        assert (seen != (depth[0] > 0)).mean() < 0.03  # faces are flat, solids round
        middle = (np.arange(8) + 0.5) / 4 - 1
        cells = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), -1).reshape(1, -1, 3)
        inside = compositions.signed_distance(kind, measures, cells @ turn) <= 0
        clear = np.abs(compositions.signed_distance(kind, measures, cells @ turn)) > 1e-5
        np.testing.assert_array_equal(train["voxels"][i].ravel()[clear[0]], inside[clear])
        box = np.ptp(solid_mesh(kind, measures[0]).vertices, axis=0)
        np.testing.assert_allclose(train["longest"][i], box.max(), rtol=1e-6)


def test_eyes_are_above_and_parts_have_colors():
    for turn in eye_turns(np.random.default_rng(0).random((5, 2))):
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        up = turn @ np.array([0, 0, 1])
        assert up[1] < -0.7  # y is down in pictures
        assert up[2] < 0  # and towards the eye
    kind = compositions.CLASSES.index("table")
    measures = (compositions.LOW + compositions.HIGH)[kind] / 2
    mesh = solid_mesh(kind, measures)
    colors = part_colors(kind, measures[None], mesh)
    high = mesh.vertices[mesh.faces].mean(axis=1)[:, 2] > measures[1] + 0.01  # above the legs' ends
    np.testing.assert_array_equal(colors[high], np.broadcast_to(PALETTE[0], (high.sum(), 3)))
    assert (colors == PALETTE[1]).all(axis=1).any()
