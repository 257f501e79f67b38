"""Pictures read back: pixels by Pillow, curves and bars by what matplotlib holds of them."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.draw import (
    class_colors,
    class_legend,
    draw_bars,
    draw_confusion,
    draw_curves,
    draw_grid,
    paint_classes,
    save_image,
    tile_images,
)
from jaxdl.training.report import curve_groups


@pytest.mark.parametrize("border", [0, 2])
def test_tiles_stand_row_by_row_and_missing_ones_are_black(border):
    images = np.random.default_rng(0).integers(1, 256, (5, 3, 4, 3), np.uint8)
    got = tile_images(images, 2, border=border)
    assert got.shape == (3 * (3 + border) + border, 2 * (4 + border) + border, 3)
    for i in range(6):
        top, left = border + i // 2 * (3 + border), border + i % 2 * (4 + border)
        want = images[i] if i < 5 else 0
        np.testing.assert_array_equal(got[top : top + 3, left : left + 4], want)
    assert border == 0 or (got[:border] == 128).all()


def test_floats_are_cut_rounded_and_never_nan():
    row = np.array([-1.0, 0, 0.5, 1, 2, np.nan]).reshape(1, 1, 6, 1)
    assert tile_images(row, 1, border=0).ravel().tolist() == [0, 0, 128, 255, 255, 0]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_saved_picture_is_read_back_enlarged(tmp_path, channels):
    picture = np.random.default_rng(0).integers(0, 256, (2, 3, channels), np.uint8)
    path = save_image(picture, tmp_path / "new" / "a.png", scale=2)
    got = np.asarray(Image.open(path)).reshape(4, 6, channels)
    np.testing.assert_array_equal(got[::2, ::2], picture)
    np.testing.assert_array_equal(got[1::2, 1::2], picture)


def test_a_grid_shows_every_image_with_its_title(tmp_path):
    images = [np.full((2, 2, 1), i / 4) for i in range(5)]
    figure = draw_grid(images, ["a", "b"], title="five")
    assert len(figure.axes) == 6  # 3 columns, 2 rows
    shown = [axis.images[0].get_array().mean() for axis in figure.axes[:5]]
    assert shown == [i / 4 for i in range(5)]
    assert [axis.get_title() for axis in figure.axes[:3]] == ["a", "b", ""]
    assert Image.open(figure.save(tmp_path / "grid.png", dpi=50)).width > 50


def test_curves_hold_the_rows_that_have_their_number():
    rows = [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0, "val_loss": 4.0}]
    (axis,) = draw_curves(rows, {"loss": ["loss", "val_loss", "absent"]}).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert lines == {"loss": [[1, 3], [2, 2]], "val_loss": [[2, 4]]}


def test_a_number_with_its_deviation_has_a_band():
    rows = [{"step": 1, "a": 3.0, "a_std": 1.0}, {"step": 2, "a": 5.0, "a_std": 0.5}, {"step": 3}]
    (axis,) = draw_curves(rows, curve_groups(rows)).axes
    assert axis.get_title() == "a"
    (band,) = axis.collections
    corners = {tuple(point) for point in band.get_paths()[0].vertices}
    assert {(1, 2), (1, 4), (2, 4.5), (2, 5.5)} <= corners


def test_many_panels_stand_in_rows_of_four():
    names = [f"loss{i}" for i in range(6)]
    figure = draw_curves([{"step": 1, **dict.fromkeys(names, 0.5)}], {n: [n] for n in names})
    assert [axis.get_title() for axis in figure.axes] == [*names, "", ""]
    assert [axis.axison for axis in figure.axes] == [True] * 6 + [False] * 2
    assert [axis.get_subplotspec().rowspan.start for axis in figure.axes] == [0] * 4 + [1] * 4


def test_bars_and_confusions_show_their_numbers():
    figure = draw_bars({"one": [1, 2], "two": [3, 4]}, ["a", "b"])
    assert [[bar.get_height() for bar in axis.patches] for axis in figure.axes] == [[1, 2], [3, 4]]
    matrix = np.array([[5, 9], [2, 7]])
    (axis,) = draw_confusion(matrix, ["a", "b"], title="test: rows").axes
    assert axis.images[0].get_array().tolist() == [[0, 9], [2, 0]]  # mistakes alone have a color
    inks = {text.get_text(): text.get_color() for text in axis.texts}
    assert inks == {"5": "black", "9": "white", "2": "black", "7": "black"}  # light on dark
    assert axis.get_title().startswith("test: rows\n")


def test_each_class_keeps_its_color_and_void_is_left_as_it_is():
    colors = class_colors(255)
    assert len(np.unique(colors, axis=0)) == 255
    np.testing.assert_array_equal(class_colors(7), colors[:7])
    np.testing.assert_array_equal(colors[:3], [[128, 0, 0], [0, 128, 0], [128, 128, 0]])  # VOC's
    image = np.full((2, 3, 1), 100, np.uint8)
    segments = np.array([[0, 1, 255], [254, 255, 2]], np.uint8)
    got = paint_classes(image, segments, strength=0.5)
    for place in np.ndindex(segments.shape):
        own = segments[place]
        want = [100] * 3 if own == 255 else (100 + colors[own].astype(int)) // 2
        np.testing.assert_array_equal(got[place], want)


def test_the_legend_names_the_classes_that_occur(tmp_path):
    maps = np.array([[0, 2, 2, 255]]), np.array([[2, 2, 0, 3]])
    legend = class_legend(("sky", "car", "road", "tree"), *maps, most=2)
    assert list(legend) == ["sky", "road"]
    np.testing.assert_array_equal(legend["road"], class_colors(4)[2])
    figure = draw_grid([np.zeros((8, 8, 3), np.uint8)] * 4, legend=legend)
    (box,) = figure.figure.legends
    assert [text.get_text() for text in box.get_texts()] == ["sky", "road"]
    below = figure.axes[-1].get_position().y0 * figure.figure.get_figheight()
    figure.save(tmp_path / "grid.png")
    assert box.get_window_extent().height / figure.figure.dpi < below
