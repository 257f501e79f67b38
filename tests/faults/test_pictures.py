"""Pictures of phones, cameras and drawing programs: trained on and predicted as one sees them."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxdl.data.config import data_config
from jaxdl.data.load import load_splits
from jaxdl.evaluation.picture_files import PictureFiles

SIDE = 12
SEEN = np.zeros((SIDE, SIDE, 3), np.uint8)
SEEN[: SIDE // 2] = (255, 255, 255)  # white above black: no shade is lost in any format


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(SEEN))).save(path, exif=exif)


def deep(path):
    Image.fromarray(SEEN[..., 0].astype(np.uint16) * 257).save(path)


def real(path):
    Image.fromarray(SEEN[..., 0].astype(np.float32) / 255).save(path, format="TIFF")


def hidden(path):
    rng = np.random.default_rng(0)
    alpha = (255 - SEEN[..., :1]).astype(np.uint8)  # all white is transparent, with other colors
    color = np.where(alpha > 0, SEEN, rng.integers(0, 256, SEEN.shape)).astype(np.uint8)
    Image.fromarray(np.concatenate([color, alpha], axis=-1)).save(path)


def palette(path):
    image = Image.fromarray((SEEN[..., 0] == 0).astype(np.uint8)).convert("P")
    image.putpalette([9, 9, 9, 0, 0, 0] + [0] * 762)
    image.save(path, transparency=b"\x00\xff")


def inks(path):
    Image.fromarray(SEEN).convert("CMYK").save(path, format="TIFF")


def moving(path):
    more = [Image.fromarray(255 - SEEN)]
    Image.fromarray(SEEN).save(path, save_all=True, append_images=more)


def filmed(path):
    Image.fromarray(SEEN).save(path)
    path.write_bytes(path.read_bytes() + b"MotionPhoto_Data" + bytes(3000))


KINDS = {
    kind.__name__: kind for kind in (turned, deep, real, hidden, palette, inks, moving, filmed)
}


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_prediction_see_what_a_viewer_shows(tmp_path, kind):
    for name in ("a", "b"):
        (tmp_path / "pics" / name).mkdir(parents=True)
        for i in range(3):
            KINDS[kind](tmp_path / "pics" / name / f"{i}.png")
    options = {"image_size": (SIDE,), "batch_size": 2, "placement": "stream"}
    folder = load_splits(data_config("folder", path=str(tmp_path / "pics"), **options))["train"]
    images = [{"id": i, "file_name": f"{i}.png", "height": SIDE, "width": SIDE} for i in range(3)]
    box = {"image_id": 0, "category_id": 1, "bbox": [0, SIDE // 2, SIDE, SIDE // 2]}
    content = {"images": images, "annotations": [box] * 3, "categories": [{"id": 1, "name": "x"}]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    options |= {"images": str(tmp_path / "pics" / "a"), "test": "train"}
    boxed = load_splits(data_config("coco_json", path=str(tmp_path / "a.json"), **options))["train"]
    ((_, predicted),) = list(PictureFiles([tmp_path / "pics" / "b"]))
    for image in (folder.example["image"], boxed.example["image"], predicted[0]):
        np.testing.assert_array_equal(image, SEEN)
    x1, y1, x2, y2 = boxed.example["boxes"][0].astype(int)
    assert not boxed.example["image"][y1:y2, x1:x2].any()  # the box lies on what is black
