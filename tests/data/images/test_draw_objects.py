"""Objects over a picture: the marks that matplotlib was given, and pixels of the picture made."""

import numpy as np
import pytest

from jaxdl.data.images.draw_objects import draw_objects, luminance, name_of, object_legend
from jaxdl.data.skeleton import Skeleton
from jaxdl.draw import Figure, class_colors

CLASSES = ("cat", "dog", "bird")
ROW = {
    "boxes": np.array([[4.0, 20, 24, 36], [30, 1, 46, 20], [0, 0, 0, 0]]),
    "labels": np.array([2, 0, 0]),
    "kept": np.array([True, True, False]),
}


def drawn(row, skeleton=None):
    figure = Figure(size=(5, 4), layout=None)
    figure.figure.subplots_adjust(0, 0, 1, 1)
    (axis,) = figure.axes
    axis.imshow(np.zeros((40, 50, 3), np.uint8))
    draw_objects(axis, row, CLASSES, skeleton)
    figure.figure.canvas.draw()
    return axis, np.asarray(figure.figure.canvas.buffer_rgba())[..., :3]


def test_boxes_have_names_that_can_be_read_and_lie_in_the_picture():
    axis, _ = drawn(ROW | {"scores": np.array([0.876, 0.5, 0.9])})
    assert [text.get_text() for text in axis.texts] == ["bird 88%", "cat 50%"]
    frames = [(p.get_xy(), p.get_width(), p.get_height()) for p in axis.patches]
    assert frames == [((3.5, 19.5), 20, 16), ((29.5, 0.5), 16, 19)]  # edges, not centers
    assert [text.get_verticalalignment() for text in axis.texts] == ["bottom", "top"]
    for text, label in zip(axis.texts, (2, 0), strict=True):
        ground = class_colors(3)[label] / 255
        np.testing.assert_allclose(text.get_bbox_patch().get_facecolor()[:3], ground)
        letters = 255.0 * (text.get_color() == "white")
        assert abs(letters - luminance(ground)) > 100  # apart from their ground
    assert name_of(ROW, 0, ()) == "2"
    assert not drawn(ROW | {"kept": np.zeros(3, bool)})[0].texts


def test_masks_have_the_color_of_their_class_and_are_seen_through():
    masks = np.zeros((3, 40, 50), bool)
    masks[0, 20:36, 4:24] = True
    masks[1, 24:30, 8:14] = True  # within the other
    _, pixels = drawn(ROW | {"masks": masks})
    scale = pixels.shape[0] / 40

    def color(x, y):
        return pixels[int((y + 0.5) * scale), int((x + 0.5) * scale)] / 255

    bird, cat = 0.45 * class_colors(3)[[2, 0]] / 255
    np.testing.assert_allclose(color(18, 32), bird, atol=0.02)
    np.testing.assert_allclose(color(11, 27), cat, atol=0.02)  # the small one is not covered
    np.testing.assert_allclose(color(40, 36), 0, atol=0.02)
    rim = pixels[int(27.5 * scale), int(13 * scale) : int(15 * scale), 0]
    assert rim.max() > 1.4 * 255 * cat[0]  # the outline is not seen through


def test_points_are_dots_hollow_where_unseen_joined_where_both_are_seen():
    points = np.zeros((3, 4, 2))
    points[0] = [[6, 22], [12, 22], [12, 30], [0, 0]]
    visible = np.array([[True, True, False, False], [False] * 4, [True] * 4])
    skeleton = Skeleton(("a", "b", "c", "d"), ((0, 1), (1, 2), (2, 3)))
    axis, _ = drawn(ROW | {"points": points, "visible": visible}, skeleton)
    (line,) = axis.lines
    np.testing.assert_array_equal(line.get_xydata(), [[5.5, 21.5], [11.5, 21.5]])
    points[0, 1] = [90, -20]  # beyond the picture, which stays as large
    far, _ = drawn(ROW | {"points": points, "visible": visible}, skeleton)
    assert far.get_xlim() == axis.get_xlim() == (-0.5, 49.5)
    seen, unseen, *others = axis.collections
    np.testing.assert_array_equal(seen.get_offsets(), [[5.5, 21.5], [11.5, 21.5]])
    np.testing.assert_array_equal(unseen.get_offsets(), [[11.5, 29.5]])
    assert not len(unseen.get_facecolors())
    assert sum(len(other.get_offsets()) for other in others) == 0


@pytest.mark.parametrize("count", [3, 40])
def test_the_legend_has_the_classes_that_occur(count):
    names = tuple(f"class {i}" for i in range(count))
    legend = object_legend(
        [ROW, {"labels": np.arange(count), "kept": np.arange(count) != 1}], names
    )
    assert len(legend) == min(count - 1, 30)
    np.testing.assert_array_equal(legend["class 2"], class_colors(count)[2])
    assert "class 1" not in legend
