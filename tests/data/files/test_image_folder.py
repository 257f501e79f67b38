"""A folder written by Pillow comes back pixel by pixel; sizes against torchvision."""

import io
import tarfile
import unicodedata

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import DataError, UsageError
from jaxdl.data.files.folder_splits import find_splits
from jaxdl.data.files.image_folder import ImageFolder
from jaxdl.data.gather import stack_rows

RNG = np.random.default_rng(0)


def add(path, shape=(20, 30, 3), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels if shape[-1] == 3 else pixels[..., 0]).save(path, **options)
    return pixels


@pytest.fixture
def root(tmp_path):
    for i in range(6):
        add(tmp_path / "cat" / f"{i}.png", (20 + i, 30, 3))
    for i in range(4):
        add(tmp_path / "ant" / "deep" / f"{i}.png", (31, 17 + i, 3))
    add(tmp_path / "ant" / "gray.jpg", (9, 9, 1), quality=90)
    (tmp_path / "ant" / "notes.txt").write_text("not an image")
    (tmp_path / "ant" / ".hidden.png").write_text("not looked at")
    (tmp_path / ".cache").mkdir()
    return tmp_path


def test_classes_are_the_sub_folders_and_pixels_the_files(root):
    folder = ImageFolder(root)
    assert folder.classes == ("ant", "cat")
    assert len(folder) == 11
    np.testing.assert_array_equal(folder.labels, [0] * 5 + [1] * 6)
    names = [folder.short(f) for f in folder.files]
    assert names == [
        *(f"ant/deep/{i}.png" for i in range(4)),
        "ant/gray.jpg",
        *(f"cat/{i}.png" for i in range(6)),
    ]
    for i in range(11):
        row = folder[i]
        with Image.open(folder.files[i]) as image:
            np.testing.assert_array_equal(row["image"], np.asarray(image.convert("RGB")))
        assert row["label"] == folder.numbers[i]
        assert row["label"].dtype == np.int32
    with pytest.raises(IndexError):
        folder[11]


@pytest.mark.parametrize("size", [16, (12, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_different_sizes_become_one(root, size, channels, torchvision):
    folder = ImageFolder(root, image_size=size, channels=channels)
    arrays = stack_rows(folder)
    height, width = (size, size) if isinstance(size, int) else size
    assert arrays["image"].shape == (11, height, width, channels)
    assert arrays["image"].dtype == np.uint8
    for i in (0, 4, 10):
        with Image.open(folder.files[i]) as image:
            image = image.convert("L" if channels == 1 else "RGB")
            # By torchvision, as the notes do it; a pair is covered, then cut.
            scale = max(height / image.height, width / image.width)
            cover = [round(scale * image.height), round(scale * image.width)]
            fit = torchvision.transforms.Resize(size if size == 16 else cover)(image)
            fit = torchvision.transforms.CenterCrop(size)(fit)
            want = np.asarray(fit).reshape(height, width, channels)
            np.testing.assert_array_equal(arrays["image"][i], want)
    np.testing.assert_array_equal(arrays["label"], folder.labels)
    np.testing.assert_array_equal(stack_rows(folder, [3, 1])["image"], arrays["image"][[3, 1]])


def test_rows_of_different_shapes_do_not_stack_and_say_so(root):
    with pytest.raises(DataError, match=r"row 1: image has shape .* give the set an image_size"):
        stack_rows(ImageFolder(root))


def damage(root, name, content):
    (root / name).write_bytes(content)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", "cut"])
def test_a_corrupt_file_is_left_out_and_named(root, content):
    data = (root / "cat" / "2.png").read_bytes()
    damage(root, "cat/2.png", data[:-200] if content == "cut" else content)
    folder = ImageFolder(root, image_size=8)
    assert len(folder) == 10
    assert [name for name, _ in folder.skipped.rows] == ["cat/2.png"]
    assert len(stack_rows(folder)["label"]) == 10


def test_more_corrupt_files_than_the_budget_are_an_error_with_the_first_five(root):
    for i in range(6):
        damage(root, f"cat/{i}.png", b"")
    with pytest.raises(DataError, match="6 of 11 files cannot be used, at most 1 may be") as error:
        ImageFolder(root)
    assert all(f"cat/{i}.png" in str(error.value) for i in range(5))
    assert "cat/5.png" not in str(error.value)
    assert error.value.code == 6
    assert len(ImageFolder(root, budget=0.6)) == 5


def test_a_file_that_breaks_when_it_is_read_is_replaced_by_one_of_its_class(root):
    data = bytearray((root / "cat" / "3.png").read_bytes())
    data[60:90] = bytes(30)  # head and tail are whole
    damage(root, "cat/3.png", bytes(data))
    folder = ImageFolder(root)
    assert len(folder) == 11
    broken = [folder.short(f) for f in folder.files].index("cat/3.png")
    for _ in range(3):
        np.testing.assert_array_equal(folder[broken]["image"], folder[broken + 1]["image"])
        assert folder[broken]["label"] == 1
    assert [name for name, _ in folder.skipped.rows] == ["cat/3.png"]
    second = bytearray((root / "cat" / "5.png").read_bytes())
    second[60:90] = bytes(30)
    damage(root, "cat/5.png", bytes(second))
    with pytest.raises(DataError, match=r"2 of 11 files.*cat/3\.png.*cat/5\.png"):
        folder[broken + 2]


def test_splits_share_their_classes(root, tmp_path):
    split = tmp_path / "set"
    for name, kinds in {"train": ("a", "b", "c"), "valid": ("b",)}.items():
        for kind in kinds:
            add(split / name / kind / "1.png")
    folders = find_splits(split).folders
    assert folders == {"train": split / "train", "val": split / "valid"}
    train = ImageFolder(folders["train"])
    val = ImageFolder(folders["val"], classes=train.classes)
    assert val.classes == ("a", "b", "c")
    assert val[0]["label"] == 1
    assert find_splits(split / "train").folders == {"train": split / "train"}
    with pytest.raises(DataError, match=r"\['a', 'c'\] that training has not"):
        ImageFolder(folders["train"], classes=("b",))


def test_links_are_followed_and_broken_ones_counted(root, tmp_path):
    store = tmp_path / ".store"
    for i in range(3):
        add(store / "batch" / f"{i}.png")
    (root / "dog").symlink_to(store / "batch")
    (root / "cat" / "more").symlink_to(store / "batch")
    (root / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (root / "cat" / "loop").symlink_to(root)
    folder = ImageFolder(root)
    np.testing.assert_array_equal(np.bincount(folder.labels), [5, 6 + 3, 3])
    assert folder.notes.left_out == {
        "a link to nowhere": ["cat/gone.png"],
        "a link to a folder that it lies in": ["cat/loop"],
    }


def test_files_of_other_kinds_are_counted_and_droppings_passed(root):
    (root / "cat" / "0.png").rename(root / "cat" / "picture")  # without a suffix
    (root / "cat" / "README").write_text("no picture")
    (root / "cat" / "a.heic").write_bytes(b"ftypheic")
    (root / "cat" / "Thumbs.db").write_bytes(b"\xd0\xcf")
    (root / "cat" / "._1.png").write_bytes(b"\0\5\x16\7")
    for name in ("@eaDir", "__MACOSX", ".ipynb_checkpoints"):
        add(root / name / "1.png")
    add(root / "stray.png")
    folder = ImageFolder(root)
    assert (len(folder), folder.classes) == (11, ("ant", "cat"))
    assert not folder.skipped.rows
    assert folder.notes.left_out == {
        "pictures in .heic are not read": ["cat/a.heic"],
        "it lies beside the class folders": ["stray.png"],
    }
    assert folder.notes.taken == ["2 files are no images: .txt, README"]


def test_both_ways_to_write_an_accent_are_one_class(tmp_path):
    decomposed = unicodedata.normalize("NFD", "café")
    for split, name in (("train", "café"), ("val", decomposed)):
        add(tmp_path / split / name / "1.png")
        add(tmp_path / split / "bar" / "1.png")
    train = ImageFolder(tmp_path / "train")
    assert train.classes == ("bar", "café")
    val = ImageFolder(tmp_path / "val", classes=train.classes)
    np.testing.assert_array_equal(val.labels, [0, 1])


def test_pictures_of_hardly_any_pixels_are_a_fault(root):
    add(root / "ant" / "a.png", (1, 40, 3))
    folder = ImageFolder(root)
    faults = [folder.faults(i) for i in range(len(folder))]
    assert faults[0] == ["ant/a.png has 1 x 40 pixels"]
    assert not any(faults[1:])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "there is no folder"),
        (lambda p: p.mkdir(), "has no sub-folders; put the images"),
        (lambda p: (p / "cat").mkdir(parents=True), "cat has no image files"),
        (lambda p: add(p / "1.png"), "no sub-folders; 1 images lie in it"),
    ],
)
def test_empty_folders_are_errors_that_say_what_to_do(tmp_path, make, words):
    make(tmp_path / "x")
    with pytest.raises(DataError, match=words):
        ImageFolder(tmp_path / "x")


def test_options_are_checked(root):
    with pytest.raises(UsageError, match="channels.*2"):
        ImageFolder(root, channels=2)
    with pytest.raises(DataError, match="no rows"):
        stack_rows(ImageFolder(root), [])


def test_the_ants_and_bees_load(tmp_path):
    archive = find_real("hymenoptera.tar")
    from jaxdl.data.files.archive import unpack

    folders = find_splits(unpack(archive, tmp_path / "h") / "hymenoptera").folders
    train = ImageFolder(folders["train"], image_size=32)
    assert train.classes == ("ants", "bees")
    arrays = stack_rows(train)
    assert arrays["image"].shape == (120, 32, 32, 3)
    assert not train.skipped.rows
    np.testing.assert_array_equal(np.bincount(arrays["label"]), [60, 60])
    with tarfile.open(archive) as file:
        name = "hymenoptera/train/bees/" + train.files[-1].name
        image = Image.open(io.BytesIO(file.extractfile(name).read()))
        assert ImageFolder(folders["train"])[119]["image"].shape[:2] == image.size[::-1]


def find_real(name):
    import os
    from pathlib import Path

    path = Path(os.environ.get("JAXDL_DATA_DIR", "")) / name
    if not path.is_file():
        pytest.skip(f"needs {name} in JAXDL_DATA_DIR")
    return path
