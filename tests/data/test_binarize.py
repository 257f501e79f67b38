"""Bits against the gray levels that they are drawn from, the same at every placement."""

import numpy as np
import pytest

from jaxdl.checks import UsageError
from jaxdl.data.binarize import binarize
from jaxdl.data.source import ArraySource
from jaxdl.data.splits.split import Split
from jaxdl.data.splits.stream import StreamSplit

GRAY = np.arange(0, 256, 5, dtype=np.uint8)[:, None, None, None].repeat(20, 1).repeat(20, 2)


def test_a_pixel_is_white_as_often_as_its_gray_level_says():
    bits = binarize(Split({"image": GRAY})).read("image")
    assert set(np.unique(bits)) == {0, 255}
    share = (bits == 255).mean(axis=(1, 2, 3))
    level = GRAY[:, 0, 0, 0] / 255
    assert np.abs(share - level).max() < 4 * 0.5 / 20  # four deviations of 400 draws
    assert not np.array_equal(bits, binarize(Split({"image": GRAY}), seed=1).read("image"))


def test_streamed_bits_are_those_of_the_device():
    label = np.arange(len(GRAY), dtype=np.int32)
    arrays = {"image": GRAY, "label": label}
    want = binarize(Split(arrays)).read("image")
    got = binarize(StreamSplit(ArraySource(arrays)))
    np.testing.assert_array_equal(got.read("image"), want)
    np.testing.assert_array_equal(got.read("label"), label)


@pytest.mark.parametrize("arrays", [{"x": np.zeros(3)}, {"image": np.zeros((3, 2, 2, 1))}])
def test_other_rows_are_refused(arrays):
    with pytest.raises(UsageError, match="needs a split with uint8 images"):
        binarize(Split(arrays))
