"""Contrast by NumPy's quantile; a sheet's pixels where a map is at its ends."""

import numpy as np

from jaxdl.interpret.draw_maps import Column, contrast, draw_maps

DRAW = np.random.default_rng(0)


def test_contrast_keeps_zero_and_order_and_cuts_the_highest():
    values = DRAW.normal(size=(30, 30))
    top = np.quantile(np.abs(values), 0.995)
    np.testing.assert_allclose(contrast(values, signed=True), np.clip(values / top, -1, 1))
    positive = np.where(values > 0, values, 0)
    top = np.quantile(positive, 0.995)
    np.testing.assert_allclose(contrast(values, signed=False), np.clip(positive / top, 0, 1))
    lone = np.zeros((30, 30))
    lone[3, 4] = 5  # below the quantile all is 0: the one pixel is still shown
    np.testing.assert_array_equal(contrast(lone, signed=False), lone / 5)
    np.testing.assert_array_equal(contrast(lone * 0, signed=True), lone * 0)


def test_a_sheet_has_a_row_for_each_picture_and_says_what_colors_mean(tmp_path):
    pictures = [DRAW.integers(0, 255, (8, 8, 1)).astype(np.uint8), DRAW.uniform(size=(8, 8, 3))]
    signed = np.zeros((2, 8, 8))
    signed[:, :4], signed[:, 4:] = 1, -1
    columns = [Column("a", signed, signed=True), Column("b", np.abs(signed), over=True)]
    masks = [np.eye(8, dtype=bool)] * 2
    figure = draw_maps(pictures, columns, ["x", "y"], points={(0, 1): (2, 3)}, outlines=masks)
    assert [axis.get_title() for axis in figure.axes[:6]] == ["x", "a", "b", "y", "", ""]
    bars = figure.figure.axes[6:]
    assert [text.get_text() for bar in bars for text in bar.get_xticklabels()] == [
        "nothing",
        "most, of each map by itself",
        "against the target",
        "for it, of each map by itself",
    ]
    figure.save(tmp_path / "sheet.png")
    canvas = figure.figure.canvas
    pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[attr-defined]
    box = figure.axes[1].get_window_extent()
    column = int((box.x0 + box.x1) / 2 + box.width / 4)
    tall = pixels.shape[0]
    upper = pixels[tall - int(box.y1 - box.height / 4), column, :3].astype(int)
    lower = pixels[tall - int(box.y0 + box.height / 4), column, :3].astype(int)
    assert upper[0] > upper[2] + 50  # for the target: red
    assert lower[2] > lower[0] + 50  # against it: blue
