"""Objects of turned pictures lie on what was drawn, which is found in the pixels by its color."""

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError
from jaxdl.data.files.boxed_images import AnnotatedImage, AnnotatedImages
from jaxdl.data.gather import stack_rows
from jaxdl.data.images.orientation import TURNS

SEEN = (30, 48)
BOX = (5, 8, 21, 14)
TURNING = (None, None, 0, 3, 1, 5, 2, 6, 4)  # Image.Transpose of each orientation, to store it


def picture(folder, orientation, *, stored, shape=None):
    """A red box with a blue pixel in a corner, saved turned; annotated as seen, or as stored."""
    pixels = np.full((*SEEN, 3), 90, np.uint8)
    x1, y1, x2, y2 = BOX
    pixels[y1:y2, x1:x2] = (255, 0, 0)
    pixels[y1, x1] = (0, 0, 255)
    image = Image.fromarray(pixels)
    if orientation > 1:
        image = image.transpose(Image.Transpose(TURNING[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(folder / f"{orientation}.png", exif=exif)
    drawn = np.asarray(image) if stored else pixels
    mask = drawn[..., 1] == 0
    ys, xs = np.nonzero(mask)
    (y,), (x,) = np.nonzero(drawn[..., 2] == 255)
    return AnnotatedImage(
        name=str(orientation),
        file=folder / f"{orientation}.png",
        shape=shape or drawn.shape[:2],
        boxes=np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], float),
        labels=np.zeros(1, np.int32),
        difficult=np.zeros(1, bool),
        masks=lambda chosen, shape: np.array([mask for _ in chosen]).reshape(-1, *shape),
        points={"points": np.array([[[x + 0.5, y + 0.5], [0, 0]]]),
                "visible": np.array([[True, False]])},
    )  # fmt: skip


# The size tells a picture that is annotated as stored where the turn changes it.
PAIRS = [*((k, False) for k in TURNS), *((k, True) for k in (1, 5, 6, 7, 8))]


@pytest.mark.parametrize(("orientation", "stored"), PAIRS)
def test_boxes_masks_and_points_turn_with_their_picture(tmp_path, orientation, stored):
    source = AnnotatedImages("set", [picture(tmp_path, orientation, stored=stored)], ("red",),
                             image_size=SEEN)  # fmt: skip
    row = source[0]
    np.testing.assert_array_equal(row["boxes"], [BOX])
    red = row["image"][..., 1] == 0
    np.testing.assert_array_equal(row["masks"][0], red)
    (y,), (x,) = np.nonzero(row["image"][..., 2] == 255)
    np.testing.assert_array_equal(row["points"], [[[x + 0.5, y + 0.5], [0, 0]]])
    said = "pictures annotated as stored, whose objects turn with them (EXIF): 1"
    assert source.remarks() == ([said] if stored and orientation > 4 else [])


def test_a_size_that_is_not_said_is_the_pictures_own(tmp_path):
    unsaid = picture(tmp_path, 6, stored=False)
    unsaid = AnnotatedImage(**{**vars(unsaid), "shape": None})
    source = AnnotatedImages("set", [unsaid], ("red",), image_size=SEEN)
    np.testing.assert_array_equal(source[0]["boxes"], [BOX])
    assert source.remarks() == ["pictures of no said size, which have that of their files: 1"]


def test_another_size_is_left_out_and_too_many_are_an_error(tmp_path):
    good = [picture(tmp_path, k, stored=False) for k in (1, 2)]
    wrong = picture(tmp_path, 3, stored=False, shape=(48, 30))
    source = AnnotatedImages("set", [*good, wrong], ("red",), image_size=SEEN)
    assert len(source) == 2
    why = "its annotations are for 48x30 (height x width), the picture is 30x48"
    assert source.remarks() == [f"left out 1 file: {why} (3)"]
    with pytest.raises(DataError, match="set: 2 of 4 files cannot be used.*for 48x30"):
        AnnotatedImages("set", [*good, wrong, wrong], ("red",), image_size=SEEN)


def test_of_many_objects_the_largest_stay_which_is_said(tmp_path):
    one = picture(tmp_path, 1, stored=False)
    boxes = np.array([[0, 0, n, n] for n in range(3, 9)], float)
    many = AnnotatedImage(
        "many", one.file, SEEN, boxes, np.zeros(6, np.int32), np.zeros(6, bool)
    )  # fmt: skip
    source = AnnotatedImages("set", [many], ("red",), image_size=SEEN, most=4)
    np.testing.assert_array_equal(source[0]["boxes"], boxes[2:])
    assert source.remarks() == [
        "pictures of more than 4 objects, of which the largest stay: 1 (many)"
    ]
    stacked = stack_rows(AnnotatedImages("set", [many], ("red",), image_size=SEEN, most=6))
    assert stacked["kept"].all()


def test_a_set_without_objects_is_nothing_to_learn(tmp_path):
    bare = picture(tmp_path, 1, stored=False).of(np.zeros(1, bool))
    source = AnnotatedImages("set", [bare], ("red",), image_size=SEEN)
    with pytest.raises(DataError, match="set: none of 1 pictures has an object to learn"):
        source.check_objects()
