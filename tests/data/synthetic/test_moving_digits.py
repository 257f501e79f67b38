"""Frames of moving digits against drawings that NumPy rolls; the split of MNIST they come from."""

import numpy as np
import pytest

from jaxdl.data.config import data_config
from jaxdl.data.synthetic import registry
from jaxdl.data.synthetic.moving_digits import WAYS, MovingDigits

RNG = np.random.default_rng(0)
DRAWN, DIGITS = RNG.integers(1, 256, (5, 6, 5), dtype=np.uint8), np.array([3, 1, 4, 1, 5])


def made(count=200, **options):
    return MovingDigits(count, lambda: (DRAWN, DIGITS), image_size=(9, 11), frames=4, **options)


def test_every_frame_is_the_one_before_moved_by_the_class():
    rows = made().rows(np.arange(200))
    assert rows["video"].shape == (200, 4, 9, 11, 1)
    ways = list(WAYS.values())
    speeds = set()
    for video, label, digit in zip(
        rows["video"][..., 0], rows["label"], rows["digit"], strict=True
    ):
        canvas = np.zeros((9, 11), np.uint8)
        there = [which for which in range(5) if DIGITS[which] == digit]
        canvases = []
        for which in there:
            canvas[:6, :5] = DRAWN[which]
            canvases.append(canvas.copy())
        shifts = [(y, x) for y in range(9) for x in range(11)]
        found = [
            (y, x)
            for start in canvases
            for y, x in shifts
            if (np.roll(start, (y, x), (0, 1)) == video[0]).all()
        ]
        assert len(found) == 1
        right, down = ways[label]
        fits = [
            speed
            for speed in (1, 2, 3)
            if all(
                (np.roll(video[0], (t * speed * down, t * speed * right), (0, 1)) == video[t]).all()
                for t in range(4)
            )
        ]
        assert fits
        speeds.update(fits if label else [])
    assert speeds == {1, 2, 3}
    assert set(rows["label"]) == set(range(9))


def test_a_row_does_not_depend_on_the_others_and_a_seed_changes_it():
    some = made().rows(np.array([7, 3]))
    np.testing.assert_array_equal(some["video"][1], made().rows(np.array([3]))["video"][0])
    assert (made(seed=1).rows(np.array([3]))["video"] != some["video"][1:]).any()


def test_a_picture_smaller_than_the_drawings_is_refused():
    small = MovingDigits(3, lambda: (DRAWN, DIGITS), image_size=(5, 11))
    with pytest.raises(ValueError, match=r"image_size must be at least \(6, 5\)"):
        small.rows(np.array([0]))


def test_the_test_has_drawings_of_mnists_test(monkeypatch):
    tables = {
        split: {"image": np.full((2, 28, 28, 1), value, np.uint8), "label": np.array([value] * 2)}
        for split, value in (("train", 3), ("test", 7))
    }
    monkeypatch.setattr(registry, "load_tfds", lambda name: (tables, ()))
    opened = registry.open_synthetic(data_config("moving_digits", synthetic_rows=10))
    assert opened.classes == tuple(WAYS)
    for split, size, value in (("train", 10, 3), ("test", 2, 7)):
        rows = opened.splits[split].rows(np.arange(size))
        assert rows["video"].shape == (size, 8, 48, 48, 1)
        assert set(np.unique(rows["video"])) == {0, value}
        assert set(rows["digit"]) == {value}
