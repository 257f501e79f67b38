"""Shapes: boxes, points and captions against the masks and pixels they speak of."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage, stats

from jaxdl.checks import UsageError
from jaxdl.data.synthetic.outlines import KINDS, inside_outline
from jaxdl.data.synthetic.shapes import COLORS, FIELDS, Shapes


@cache
def sample(height=48, width=64, objects=(1, 6)):
    shapes = Shapes(1000, 3, image_size=(height, width), objects=objects)
    return shapes, shapes.rows(np.arange(150))


SETTINGS = [(48, 64, (1, 6)), (64, 33, (2, 3))]


@pytest.mark.parametrize("setting", SETTINGS)
def test_boxes_are_the_tight_extents_of_the_masks(setting):
    _, rows = sample(*setting)
    for r, n in np.ndindex(rows["kept"].shape):
        if not rows["kept"][r, n]:
            assert not rows["masks"][r, n].any()
            assert not rows["boxes"][r, n].any()
            continue
        ys, xs = ndimage.find_objects(rows["masks"][r, n].astype(int))[0]
        np.testing.assert_array_equal(rows["boxes"][r, n], [xs.start, ys.start, xs.stop, ys.stop])


@pytest.mark.parametrize("setting", SETTINGS)
def test_number_of_objects_is_in_its_bounds(setting):
    _, rows = sample(*setting)
    counts = rows["kept"].sum(axis=1)
    assert set(counts) == set(range(setting[2][0], setting[2][1] + 1))
    np.testing.assert_array_equal(np.sort(~rows["kept"], axis=1), ~rows["kept"])  # real ones first


def test_one_shape_may_stand_anywhere():
    shapes = Shapes(600, 3, image_size=(48, 48), objects=(1, 1), anywhere=True)
    masks = shapes.rows(np.arange(600))["masks"][:, 0]
    assert 0.05 < masks[:, 24, 24].mean() < 0.4  # the center is on few of them
    x1, y1, x2, y2 = shapes.rows(np.arange(600))["boxes"][:, 0].T
    for low, high in ((x1, x2), (y1, y2)):
        free = low / np.maximum(low + 48 - high, 1)  # uniform, if nothing is cut off
        assert stats.kstest(free, "uniform").pvalue > 0.01
    assert (x2 - x1).max() <= 25
    with pytest.raises(ValueError, match=r"anywhere is for one object.*\(1, 6\)"):
        Shapes(anywhere=True)


def test_masks_are_apart_and_mostly_seen():
    _, rows = sample()
    assert rows["masks"].sum(axis=1).max() == 1
    areas = rows["masks"].sum(axis=(2, 3))[rows["kept"]]
    boxes = rows["boxes"][rows["kept"]]
    filled = areas / ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    assert areas.min() > 20
    for kind, name in enumerate(KINDS):
        y, x = np.mgrid[-1:1:400j, -1:1:400j]
        mask = inside_outline(name, x, y)
        ys, xs = np.nonzero(mask)
        want = mask.sum() / ((np.ptp(xs) + 1) * (np.ptp(ys) + 1))
        got = filled[rows["labels"][rows["kept"]] == kind]
        assert abs(np.median(got) - want) < 0.08, name
        assert got.min() > 0.5 * want, name


def test_pixels_have_the_colors_of_the_caption():
    shapes, rows = sample()
    palette = np.array(list(COLORS.values()))
    for r in range(60):
        order = np.lexsort((rows["boxes"][r, :, 1], rows["boxes"][r, :, 0]))
        order = [n for n in order if rows["kept"][r, n]]
        said = shapes.text(rows["caption"][r]).replace("and ", "").split()
        for n, color, kind in zip(order, said[::2], said[1::2], strict=True):
            pixels = rows["image"][r][rows["masks"][r, n]].mean(axis=0)
            assert list(COLORS)[np.abs(palette - pixels).sum(axis=1).argmin()] == color
            assert KINDS[rows["labels"][r, n]] == kind


def test_captions_begin_and_end_and_fit():
    shapes, rows = sample()
    start, end, null = (shapes.vocabulary.index(w) for w in ("<START>", "<END>", "<NULL>"))
    for ids in rows["caption"]:
        stop = list(ids).index(end)
        assert ids[0] == start
        assert (ids[1:stop] > 3).all()
        assert (ids[stop + 1 :] == null).all()
    assert rows["caption"].shape == (150, 15)
    six = rows["kept"].sum(axis=1) == 6
    assert (rows["caption"][six, -1] == end).all()
    assert " and " in shapes.text(rows["caption"][six][0])


@pytest.mark.parametrize("setting", SETTINGS)
def test_points_are_the_outermost_pixels(setting):
    _, rows = sample(*setting)
    for r, n in np.argwhere(rows["kept"])[:150]:
        mask, points = rows["masks"][r, n], rows["points"][r, n]
        ys, xs = np.nonzero(mask)
        want = [
            (xs[ys == ys.min()].mean() + 0.5, ys.min() + 0.5),
            (xs.max() + 0.5, ys[xs == xs.max()].mean() + 0.5),
            (xs[ys == ys.max()].mean() + 0.5, ys.max() + 0.5),
            (xs.min() + 0.5, ys[xs == xs.min()].mean() + 0.5),
        ]
        np.testing.assert_allclose(points, want, rtol=1e-6)
    np.testing.assert_array_equal(rows["visible"].all(axis=2), rows["kept"])
    assert not rows["points"][~rows["kept"]].any()


def test_label_is_the_class_of_the_largest():
    _, rows = sample()
    for r in range(150):
        areas = [m.sum() for m in rows["masks"][r]]
        assert rows["label"][r] == rows["labels"][r, int(np.argmax(areas))]


def test_kinds_colors_and_places_are_spread_evenly():
    rows = Shapes(10**6, 0, image_size=(24, 24), fields=("labels", "kept", "boxes")).rows(
        np.arange(0, 10**6, 1000)
    )
    labels = rows["labels"][rows["kept"]]
    counts = np.bincount(labels, minlength=6)
    assert abs(counts / counts.mean() - 1).max() < 0.15
    center = (rows["boxes"][rows["kept"]][:, :2] + rows["boxes"][rows["kept"]][:, 2:]) / 2
    np.testing.assert_allclose(center.mean(axis=0), 12, atol=0.6)


def test_a_row_depends_on_seed_and_index_alone():
    shapes = Shapes(1000, 3, image_size=(48, 64))
    _, rows = sample()
    row = shapes[77]
    assert set(row) == set(FIELDS)
    for name in FIELDS:
        np.testing.assert_array_equal(row[name], rows[name][77])
        assert row[name].dtype == rows[name].dtype
    assert (Shapes(1000, 4, image_size=(48, 64))[77]["image"] != row["image"]).mean() > 0.5
    assert len({r.tobytes() for r in rows["image"]}) == 150


def test_it_says_that_it_is_synthetic_and_refuses_what_it_cannot_do():
    shapes = Shapes(10, fields=("image", "label"))
    assert shapes.synthetic
    assert shapes.description.startswith("synthetic")
    assert set(shapes[0]) == {"image", "label"}
    with pytest.raises(IndexError, match=r"row 10 .*0\.\.9"):
        shapes[10]
    with pytest.raises(ValueError, match=r"1\.\.6.*\(0, 3\)"):
        Shapes(objects=(0, 3))
    with pytest.raises(ValueError, match="24x24"):
        Shapes(image_size=(8, 64))
    with pytest.raises(UsageError, match="'bboxes'"):
        Shapes(fields=("bboxes",))
    with pytest.raises(ValueError, match=r"size.*0"):
        Shapes(0)
