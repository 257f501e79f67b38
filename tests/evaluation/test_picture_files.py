"""Pictures of files and folders, in groups; a sheet of them, measured in its pixels."""

import numpy as np
from PIL import Image

from jaxdl.evaluation import picture_files
from jaxdl.evaluation.picture_files import PictureFiles, Sheet


def test_folders_are_looked_through_and_bad_files_named(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "GROUP", 2)
    (tmp_path / "sub" / "deeper").mkdir(parents=True)
    (tmp_path / "none").mkdir()
    for i in range(5):
        place = tmp_path / ("sub/deeper" if i == 4 else "sub") / f"{i}.png"
        Image.fromarray(np.full((3, 4), i, np.uint8)).save(place)
    (tmp_path / "sub" / "bad.png").write_bytes(b"")
    pictures = PictureFiles([tmp_path / "sub", tmp_path / "none"], channels=1)
    groups = list(pictures)
    assert [file.name for files, _ in groups for file in files] == [f"{i}.png" for i in range(5)]
    assert [int(image[0, 0, 0]) for _, images in groups for image in images] == [0, 1, 2, 3, 4]
    assert max(len(files) for files, _ in groups) == 2
    assert sorted(fault.partition(": ")[2] for fault in pictures.faults) == [
        "the file is empty",
        "there is no picture in this folder",
    ]


def test_a_sheet_holds_the_first_pictures_and_says_how_many_there_were(tmp_path):
    sheet = Sheet(most=2)
    assert sheet.save(tmp_path / "sheet.png") == []
    for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255)):
        sheet.add(np.full((20, 30, 3), color, np.uint8), "\n".join("abc"))
    path = tmp_path / "sheet.png"
    assert sheet.save(path) == [f"sheet of pictures: {path} (the first 2 of 3)"]
    with Image.open(path) as picture:
        seen = np.asarray(picture.convert("RGB"), int)
    assert (seen == [255, 0, 0]).all(-1).sum() > 150**2
    assert (seen == [0, 255, 0]).all(-1).sum() > 150**2
    assert not (seen == [0, 0, 255]).all(-1).any()
