"""What a config says of its data."""

from dataclasses import dataclass

from jaxdl.checks import UsageError, check_one_of

ROADS = ("auto", "resident", "stream")
ANNOTATIONS = ("", "boxes", "masks", "keypoints", "segments", "captions")


@dataclass(frozen=True)
class DataConfig:
    """Which data, and how it is cut into batches."""

    name: str = "digits"
    """digits (embedded), a set of tensorflow-datasets (mnist, coco/2017, ...), a synthetic set
    (shapes, ...), or one's own: folder, csv, npz, coco_json, voc_folder, text."""
    batch_size: int = 64
    """Rows in a step, over all devices."""
    dir: str = ""
    """The folder of prepared sets (default: TFDS_DATA_DIR)."""
    path: str = ""
    """One's own folder, archive of one (.tar, .zip), or file; also below JAXDL_DATA_DIR."""
    images: str = ""
    """Of coco_json: the folder of its images (default: the folder of the file)."""
    annotations: str = ""
    """Of coco_json: boxes, masks, keypoints (both with boxes) or captions (default: captions where
    the file has them, else boxes). Of voc_folder: boxes (default), masks, or segments, a class a
    pixel."""
    train: str = "train"
    """The split to train on; slices as in tensorflow-datasets: train[:90%], train[1000:]."""
    test: str = "test"
    """The split of the report's test numbers; where there is none, validation, else a fifth of
    train."""
    val: int = 0
    """Rows of the training split that are set apart for validation, stratified by label."""
    seed: int = 0
    """Of the order of rows and of the validation rows."""
    classes: tuple[str, ...] = ()
    """Keep the rows of these classes alone, numbered in this order (default: all)."""
    rows: int = 0
    """Of a synthetic set: rows of its training split (default: 10,000)."""
    image_size: tuple[int, ...] = ()
    """Height and width that images are brought to, one number or two (default: the set's own)."""
    boxes: int = 64
    """Most boxes an image; of more, the largest stay."""
    objects: int = 0
    """Of shapes: most of them in a picture (default: 6)."""
    length: int = 17
    """Of captions and texts: tokens a row."""
    frames: int = 16
    """Of videos: frames a clip, evenly spaced."""
    label: str = "class"
    """Of a csv table: class or number, what its last column is."""
    road: str = "auto"
    """resident (all on the device), stream (read ahead), or auto: resident within the budget."""
    budget: int = 2_000_000_000
    """Bytes that a resident split may take."""
    workers: int = 0
    """Processes that read a streamed split (0: threads of this one)."""
    download: bool = False
    """Prepare a set of tensorflow-datasets that is not there yet; needs a network."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"data.batch_size must be at least 1, got {self.batch_size}")
        if self.val < 0 or self.seed < 0:
            raise UsageError(f"data.val and data.seed must be >= 0, got {self.val} and {self.seed}")
        for name in ("boxes", "length", "frames", "budget"):
            if getattr(self, name) < 1:
                raise UsageError(f"data.{name} must be at least 1, got {getattr(self, name)}")
        for name in ("rows", "workers", "objects"):
            if getattr(self, name) < 0:
                raise UsageError(f"data.{name} must be >= 0, got {getattr(self, name)}")
        if len(self.image_size) > 2 or any(side < 1 for side in self.image_size):
            raise UsageError(f"data.image_size must be one or two sizes, got {self.image_size}")
        check_one_of("data.road", self.road, ROADS)
        check_one_of("data.annotations", self.annotations, ANNOTATIONS)

    def size(self, default: int) -> tuple[int, int]:
        """Height and width of images, `default` where the config does not say."""
        size = self.image_size or (default,)
        return size[0], size[-1]
