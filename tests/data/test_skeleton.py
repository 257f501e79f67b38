"""Left and right of COCO's keypoints by hand, there and back through JSON."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from jaxdl.data.skeleton import PERSON, Skeleton

COCO = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "Left_Hip", "Right_Hip", "left_x")


def test_left_and_right_change_places_and_nothing_else():
    assert Skeleton(COCO).mirrored == (0, 2, 1, 4, 3, 6, 5, 7)
    assert Skeleton(("top", "right", "bottom", "left")).mirrored == (0, 3, 2, 1)
    assert Skeleton(()).mirrored == ()


def test_json_gives_the_same_back():
    skeleton = Skeleton(COCO, ((0, 1), (1, 2)))
    assert Skeleton.restored(**json.loads(json.dumps(asdict(skeleton)))) == skeleton


def test_a_person_is_cocos():
    path = Path(os.environ.get("JAXDL_DATA_DIR", "")) / "coco_extra/person_keypoints_val.json"
    if not path.exists():
        pytest.skip("coco_extra is not here")
    (category,) = json.loads(path.read_text())["categories"]
    assert list(PERSON.names) == category["keypoints"]
    assert [[a + 1, b + 1] for a, b in PERSON.bones] == category["skeleton"]
