"""Objects of COCO-json as one class for each pixel, against masks painted one by one."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from jaxdl.data.config import data_config
from jaxdl.data.masks.coco_segments import SegmentedObjects
from jaxdl.data.registry import open_dataset

SIZE = (24, 30)


def runs(mask):
    """Lengths of runs down the columns, zeros first."""
    flat = np.concatenate([[0], mask.T.ravel().astype(int)])
    change = np.flatnonzero(np.diff(flat))
    return np.diff([0, *change, mask.size]).tolist()


@pytest.fixture
def file(tmp_path):
    """A picture with a large object, a small one in it, a crowd over both."""
    masks = np.zeros((3, *SIZE), bool)
    masks[0, 3:20, 4:25] = True
    masks[1, 8:14, 10:18] = True
    masks[2, 12:18, 15:22] = True
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / "a.png")
    annotations = []
    for i, (mask, category) in enumerate(zip(masks, (7, 3, 7), strict=True)):
        rows, columns = ndimage.find_objects(mask.astype(int))[0]
        box = [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]
        annotations.append(
            {"id": i, "image_id": 1, "category_id": category, "bbox": box, "iscrowd": int(i == 2)}
            | {"segmentation": {"size": list(SIZE), "counts": runs(mask)}}
        )
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": SIZE[0], "width": SIZE[1]}],
        "categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "ant"}],
        "annotations": annotations,
    }
    (tmp_path / "set.json").write_text(json.dumps(content))
    return tmp_path / "set.json", masks


def test_smaller_objects_are_in_front_and_crowds_are_void(file):
    path, masks = file
    size = (30, 30)  # as wide as the picture, and higher
    cfg = data_config("coco_json", path=str(path), annotations="segments", image_size=size)
    opened = open_dataset(cfg)
    assert opened.classes == ("background", "ant", "cat")
    assert isinstance(opened.splits["train"], SegmentedObjects)
    want = np.zeros(size, int)
    inner = want[: SIZE[0]]
    order = sorted(range(3), key=lambda i: -masks[i].sum())
    assert order == [0, 1, 2]
    inner[masks[0]] = 2
    inner[masks[1]] = 1
    inner[masks[2]] = 255
    want[SIZE[0] :] = 255
    np.testing.assert_array_equal(opened.splits["train"][0]["segments"], want)
