"""The picture of decision regions: a row where its own class is predicted lies on its color."""

import numpy as np
from matplotlib.colors import to_rgb

from experiments.classic.boundaries import COLORS, Contestant, draw_regions
from jaxdl.classic.knn import KNearest

RNG = np.random.default_rng(0)


def test_a_region_has_the_color_of_its_rows():
    y = np.arange(30) % 3
    x = (np.array([[0, 0], [4, 0], [0, 4]])[y] + RNG.normal(0, 0.3, (30, 2))).astype(np.float32)
    nearest = KNearest(k=1)
    nearest.fit(x, y)
    metrics = {"test_accuracy_1_nearest": 1.0}
    figure = draw_regions({"1_nearest": Contestant(nearest)}, x, y, metrics, 20)
    regions, rows = figure.axes[0].collections
    bands = [tuple(color[:3]) for color in regions.get_facecolor()]
    points = [tuple(color[:3]) for color in rows.get_facecolor()]
    assert [bands[label] for label in y] == points
    assert len({to_rgb(color) for color in COLORS}) == len(COLORS)
    assert "100% right (test)" in figure.axes[0].get_title()
