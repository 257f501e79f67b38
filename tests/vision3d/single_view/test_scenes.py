"""Scenes against the ray of each pixel, finite differences and signed distances."""

import numpy as np

from jaxdl.data.config import SolidsData
from jaxdl.data.synthetic import compositions
from jaxdl.vision3d.single_view.scenes import Window, scene_splits

RNG = np.random.default_rng(0)
WINDOW = Window(np.array([20.0, 10, 60, 70]), 3.8, 96)


def test_places_in_a_window_are_where_the_eye_sees_them():
    points = RNG.uniform(-0.4, 0.4, (50, 3)) + np.array([0, 0, 4])
    places = WINDOW.enter(points)
    seen = 1.15 * 96 * points[:, :2] / points[:, 2:] + 48  # the pinhole of the renderer
    np.testing.assert_allclose(places[:, 0], (seen[:, 0] - 40) / 20)
    np.testing.assert_allclose(places[:, 1], (seen[:, 1] - 40) / 30)
    half = 30 * 3.8 / (1.15 * 96)  # of the longer side, at the center's depth
    np.testing.assert_allclose(places[:, 2], (points[:, 2] - 3.8) / (1.2 * half))
    np.testing.assert_allclose(WINDOW.leave(places), points)


def test_normals_stay_at_right_angles_to_what_they_were():
    points = RNG.uniform(-0.4, 0.4, (50, 3)) + np.array([0, 0, 4])
    normals, way = RNG.normal(size=(2, 50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    got = WINDOW.turn_normals(points, normals)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1)
    along = np.cross(normals, way)  # in the surface
    moved = (WINDOW.enter(points + 1e-6 * along) - WINDOW.enter(points - 1e-6 * along)) / 2e-6
    np.testing.assert_allclose((got * moved).sum(axis=1), 0, atol=1e-6)
    out = WINDOW.enter(points + 1e-6 * normals) - WINDOW.enter(points)
    assert ((got * out).sum(axis=1) > 0).all()


def test_boxes_hold_what_is_seen_and_voxels_and_points_are_of_the_solids(tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE_DIR", str(tmp_path))
    data = SolidsData(points=32, resolution=6, image_size=(64,), synthetic_rows=3)
    splits = scene_splits(data)
    assert {role: split.size for role, split in splits.items()} == {"train": 3, "test": 1}
    rows = {k: splits["train"].read(k, np.arange(3)) for k in splits["train"].names}
    middle = (np.arange(6) + 0.5) / 3 - 1
    cells = np.stack(np.meshgrid(middle, middle, middle, indexing="ij"), axis=-1).reshape(-1, 3)
    for i in range(3):
        seen = (rows["image"][i] != 25).any(axis=-1)
        inside = np.zeros_like(seen)
        for thing in range(2):
            box, depth = rows["boxes"][i, thing], float(rows["depth"][i, thing])
            x1, y1, x2, y2 = np.round(box).astype(int)
            inside[max(y1 - 1, 0) : y2 + 1, max(x1 - 1, 0) : x2 + 1] = True
            assert seen[y1 : y1 + 2, x1:x2].any()  # the box is as tight
            assert seen[y1:y2, x1 : x1 + 2].any()
            window = Window(box.astype(float), depth, 64)
            turn, center = rows["rotation"][i, thing], rows["center"][i, thing]
            kind = rows["label"][i, thing]
            measures = rows["solid"][i, thing][None].astype(float)
            points = (window.leave(rows["points"][i, thing].astype(float)) - center) @ turn
            away = compositions.signed_distance(kind, measures, points[None])
            np.testing.assert_allclose(away, 0, atol=1e-4)
            own = (window.leave(cells) - center) @ turn
            away = compositions.signed_distance(kind, measures, own[None])[0]
            clear = np.abs(away) > 1e-4
            np.testing.assert_array_equal(
                rows["voxels"][i, thing].ravel()[clear], (away <= 0)[clear]
            )
        assert not (seen & ~inside).any()
