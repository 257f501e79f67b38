"""What a config says of its data: `name` chooses the dataclass of that source's own options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxdl.checks import UsageError, check_at_least, check_one_of
from jaxdl.data.annotations import CaptionWords, MaskFiles, ObjectParts, PixelClasses
from jaxdl.data.made_names import LANGUAGES, POINTS, TOYS

PLACEMENTS = ("auto", "device", "stream")


@dataclass(frozen=True)
class DataConfig:
    """Which data, and how it is cut into batches."""

    positive: ClassVar[tuple[str, ...]] = ()  # fields that must be 1 or more
    name: str = "digits"
    """digits (embedded); a set of tensorflow-datasets: mnist, coco/2017, ...; a synthetic one:
    shapes, moving, moving_digits, scenes, actions, solids, copy, reverse, rings, ...; one's own:
    folder, clips, csv, npz, coco_json, voc_folder, mask_folder, text, meshes, shapenet, pix3d."""
    batch_size: int = 64
    """Rows in a step, over all devices."""
    train: str = "train"
    """The split to train on; slices as in tensorflow-datasets: train[:90%], train[1000:]."""
    test: str = "test"
    """The split of the report's test numbers; where there is none, validation, else a fifth of
    train."""
    val: int = 0
    """Rows of the training split that are set apart for validation, stratified by label (-1: a
    tenth of them, where the set has no validation split)."""
    seed: int = 0
    """Of the order of rows and of the validation rows."""
    classes: tuple[str, ...] = ()
    """Keep the rows of these classes alone, numbered in this order (default: all)."""
    placement: str = "auto"
    """device (all rows are kept on it), stream (read ahead), or auto: device within
    `max_device_bytes`."""
    max_device_bytes: int = 2_000_000_000
    """Bytes that a split on the device may take."""
    workers: int = 0
    """Processes that read a streamed split (0: threads of this one)."""

    @staticmethod
    def choose(name: str) -> type["DataConfig"]:
        """The dataclass with the options of the source `name`."""
        return VARIANTS.get(name, TfdsData)

    @staticmethod
    def known_by(option: str) -> list[str]:
        """The names of the sources that have an option."""
        kinds = {**VARIANTS, "any set of tensorflow-datasets": TfdsData}
        return [name for name, kind in kinds.items() if option in kind.__dataclass_fields__]

    def __post_init__(self) -> None:
        variant = self.choose(self.name)
        if type(self) is not variant:
            raise UsageError(
                f"data.name = {self.name!r} belongs to {variant.__name__}, not to "
                f"{type(self).__name__}; use data_config({self.name!r}, ...)"
            )
        self._at_least(1, "batch_size", "max_device_bytes", *self.positive)
        self._at_least(0, "seed", "workers")
        self._at_least(-1, "val")
        check_one_of("data.placement", self.placement, PLACEMENTS)

    def _at_least(self, least: float, *names: str) -> None:
        for name in names:
            check_at_least(f"data.{name}", getattr(self, name), least)


@dataclass(frozen=True)
class SizedImages(DataConfig):
    """A source of images that are brought to one size."""

    image_size: tuple[int, ...] = ()
    """Height and width that images are brought to, one number or two (default: the set's own)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.image_size) > 2 or any(side < 1 for side in self.image_size):
            raise UsageError(f"data.image_size must be one or two sizes, got {self.image_size}")

    def size(self, default: int) -> tuple[int, int]:
        """Height and width of images, `default` where the config does not say."""
        size = self.image_size or (default,)
        return size[0], size[-1]


@dataclass(frozen=True)
class SyntheticData(DataConfig):
    """A source with known answers, made from its seed."""

    positive = ("synthetic_rows",)
    synthetic_rows: int = 10_000
    """Rows of its training split."""


@dataclass(frozen=True)
class OwnData(DataConfig):
    """One's own files."""

    path: str = ""
    """The folder, the archive of one (.tar, .zip), or the file; also below JAXDL_DATA_DIR."""


@dataclass(frozen=True)
class OwnTable(OwnData):
    """One's own rows of numbers."""

    label_type: str = "class"
    """class or number, what the label is."""
    standardize: bool = True
    """Bring every column of a table to mean 0 and deviation 1, by the training rows."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("data.label_type", self.label_type, ("class", "number"))


@dataclass(frozen=True)
class TfdsData(SizedImages, PixelClasses, CaptionWords):
    """A set of tensorflow-datasets."""

    positive = ("max_boxes", "max_length", "min_count", "clip_frames")
    name: str = "mnist"
    dir: str = ""
    """The folder of prepared sets (default: TFDS_DATA_DIR)."""
    download: bool = False
    """Prepare a set that is not there yet; needs a network."""
    max_boxes: int = 64
    """Of sets with boxes: most of them in an image; of more, the largest stay."""
    clip_frames: int = 16
    """Of sets of videos: frames in a clip, evenly spaced."""


@dataclass(frozen=True)
class ShapesData(SyntheticData, SizedImages, ObjectParts):
    """Colored shapes with boxes, masks, keypoints and captions."""

    name: str = "shapes"
    max_objects: int = 6
    """Most shapes in a picture, 1 to 6."""
    anywhere: bool = False
    """The one shape may stand at any place of its picture (default: in a cell of a grid)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("data.max_objects", self.max_objects, range(1, 2 if self.anywhere else 7))


@dataclass(frozen=True)
class MovingData(SyntheticData, SizedImages):
    """Clips of one moving shape."""

    name: str = "moving"


@dataclass(frozen=True)
class SolidsData(SyntheticData, SizedImages):
    """Solids with points, voxels, meshes and views."""

    name: str = "solids"
    frame: str = "view"
    """What points, voxels and meshes stand in: view (turned at random) or canonical (upright)."""
    points: int = 1024
    """Points on the surface of each."""
    resolution: int = 32
    """Voxels along a side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("data.frame", self.frame, ("view", "canonical"))
        self._at_least(1, "points", "resolution")


@dataclass(frozen=True)
class LanguageData(SyntheticData):
    """Pairs of texts with one right answer each."""

    name: str = "reverse"


@dataclass(frozen=True)
class DensityData(SyntheticData):
    """Points in the plane whose density is known."""

    name: str = "eight_gaussians"


@dataclass(frozen=True)
class ToyData(SyntheticData):
    """Small tables: points in the plane with classes, curves, wide rows; the test is a new draw."""

    name: str = "rings"
    synthetic_rows: int = 200
    """Rows of each split."""
    noise: float = 0.1
    """Standard deviation of what is added."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(0, "noise")


@dataclass(frozen=True)
class LineData(SyntheticData):
    """Evenly spaced numbers."""

    name: str = "line"
    synthetic_rows: int = 601
    """How many."""
    axis_range: float = 3.0
    """From minus to plus so much."""


@dataclass(frozen=True)
class FolderData(OwnData, SizedImages):
    """A folder of images, one sub-folder for each class."""

    name: str = "folder"


@dataclass(frozen=True)
class ClipsData(OwnData, SizedImages):
    """A folder of films, one sub-folder for each class."""

    positive = ("clip_frames", "clips")
    name: str = "clips"
    clip_frames: int = 16
    """Frames in a clip."""
    rate: float = 0.0
    """Frames per second that films are brought to (0: their own, which then must not vary)."""
    sampling: str = "uniform"
    """Frames of a clip: uniform (evenly spaced over the film), dense or random (consecutive)."""
    clips: int = 1
    """Clips of each film: one of them is trained on at a time, all are averaged at the test."""


@dataclass(frozen=True)
class CsvData(OwnTable):
    """A table of numbers and a label."""

    name: str = "csv"
    label_column: str = ""
    """The label's column, by name or number from 1 (default: the one called label, class or target,
    else the last)."""
    ignore: tuple[str, ...] = ()
    """Columns that are left out, by name or number."""


@dataclass(frozen=True)
class NpzData(OwnTable):
    """NumPy arrays `image` (or `X`, a table) and `label`, or the layout of Keras."""

    name: str = "npz"


@dataclass(frozen=True)
class MeshesData(OwnData):
    """A mesh (.obj, .off, .ply, .npz), or a folder of them, one sub-folder for each class."""

    positive = ("points",)
    name: str = "meshes"
    points: int = 1024
    """Points on the surface of each."""


@dataclass(frozen=True)
class ShapeNetData(MeshesData):
    """The folder of ShapeNetCore, version 1 or 2, one sub-folder for each synset."""

    name: str = "shapenet"


@dataclass(frozen=True)
class Pix3dData(MeshesData, SizedImages):
    """The folder of Pix3D, or its pix3d.json: photographs and the meshes of what they show."""

    name: str = "pix3d"
    frame: str = "view"
    """What points stand in: view (before the camera) or canonical (as modeled)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("data.frame", self.frame, ("view", "canonical"))


@dataclass(frozen=True)
class OmniglotSmallData(OwnData):
    """The part of Omniglot that fits anywhere: eight alphabets and the official one-shot runs."""

    name: str = "omniglot_small"
    path: str = "omniglot"
    """The folder of the part's two .npz files; also below JAXDL_DATA_DIR."""
    forms: int = 8
    """Classes of each training character: 1, it alone; 4, its quarter turns; 8, their mirror images
    too."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_one_of("data.forms", self.forms, (1, 4, 8))


@dataclass(frozen=True)
class TextData(OwnData):
    """The characters of a text file."""

    positive = ("max_length",)
    name: str = "text"
    max_length: int = 64
    """Characters in a row."""


@dataclass(frozen=True)
class VocFolderData(OwnData, SizedImages):
    """A folder in the layout of PASCAL VOC."""

    name: str = "voc_folder"
    annotations: str = "boxes"
    """boxes, masks (with boxes), or segments, one class for each pixel."""
    max_boxes: int = 64
    """Most boxes in an image; of more, the largest stay."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, "max_boxes")
        check_one_of("data.annotations", self.annotations, ("boxes", "masks", "segments"))


@dataclass(frozen=True)
class MaskFolderData(OwnData, SizedImages, MaskFiles):
    """A folder of pictures and one of masks, PNGs of numbers."""

    name: str = "mask_folder"


@dataclass(frozen=True)
class CocoJsonData(OwnData, SizedImages, CaptionWords):
    """A COCO-json file and its images."""

    name: str = "coco_json"
    images: str = ""
    """The folder of the images (default: the folder of the file)."""
    annotations: str = ""
    """boxes, masks, keypoints (both with boxes), segments, one class for each pixel, or captions
    (default: captions where the file has them, else boxes)."""
    max_boxes: int = 64
    """Most boxes in an image; of more, the largest stay."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._at_least(1, "max_boxes", "max_length", "min_count")
        kinds = ("", "boxes", "masks", "keypoints", "segments", "captions")
        check_one_of("data.annotations", self.annotations, kinds)


@dataclass(frozen=True)
class RunData(DataConfig):
    """The one example that a trained run keeps of its data."""

    name: str = "run"
    dir: str = ""
    """The run folder."""


VARIANTS: Mapping[str, type[DataConfig]] = {
    "digits": DataConfig,
    "folder": FolderData,
    "clips": ClipsData,
    "csv": CsvData,
    "npz": NpzData,
    "meshes": MeshesData,
    "shapenet": ShapeNetData,
    "pix3d": Pix3dData,
    "coco_json": CocoJsonData,
    "voc_folder": VocFolderData,
    "mask_folder": MaskFolderData,
    "text": TextData,
    "omniglot_small": OmniglotSmallData,
    "shapes": ShapesData,
    "actions": SyntheticData,
    **dict.fromkeys(("moving", "moving_digits", "scenes"), MovingData),
    "solids": SolidsData,
    **dict.fromkeys(LANGUAGES, LanguageData),
    **dict.fromkeys(POINTS, DensityData),
    **dict.fromkeys(TOYS, ToyData),
    "line": LineData,
    "run": RunData,
}


def data_config(name: str, **options: Any) -> DataConfig:
    """The config of the source `name` with its own and the shared options."""
    return DataConfig.choose(name)(name=name, **options)
