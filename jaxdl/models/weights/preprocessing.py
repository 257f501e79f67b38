"""What an image must go through before a published model sees it; kept with its weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from jaxdl.checks import UsageError, check_one_of
from jaxdl.data.images.transforms import center_crop, compose, normalize, resize, to_array
from jaxdl.typing import Host

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
RESIZES = {
    "convnext_tiny": (236, "bilinear"),
    "convnext_small": (230, "bilinear"),
    "convnext_base": (232, "bilinear"),
    "swin_t": (232, "bicubic"),
}
LITE_SIZES = {f"efficientnet_lite{i}": n for i, n in enumerate((224, 240, 260, 280, 300))}


@dataclass(frozen=True)
class Preprocessing:
    """Resize the shorter side, cut the middle out, scale to [0, 1], (x - mean) / std."""

    size: int = 224
    """Height and width that the model sees."""
    resize: int = 256
    """Length of the shorter side before the cut."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bilinear"
    """bilinear or bicubic, both antialiased."""

    def __post_init__(self) -> None:
        check_one_of("preprocessing: interpolation", self.interpolation, ("bilinear", "bicubic"))
        if (
            not 0 < self.size <= self.resize
            or min(self.std) <= 0
            or len(self.mean) != len(self.std)
        ):
            raise UsageError(f"preprocessing: needs 0 < size <= resize and std > 0, got {self}")

    def __call__(self, images: Sequence[Host | Image.Image]) -> Host:
        """uint8 `(H, W, C)`, or Pillow images, of any sizes -> float32 `(B, size, size, C)`."""
        change = compose(
            partial(resize, size=self.resize, method=self.interpolation),
            partial(center_crop, size=self.size),
            to_array,
            partial(normalize, mean=self.mean, std=self.std),
        )
        return np.stack([change(self._pixels(image)) for image in images])

    def _pixels(self, image: Host | Image.Image) -> Host:
        if isinstance(image, Image.Image):
            image = image.convert("RGB" if len(self.mean) == 3 else "L")
        array = np.asarray(image)
        return array[:, :, None] if array.ndim == 2 else array


def published_preprocessing(source: str, name: str) -> Preprocessing:
    """What the library's own weights of a registered model were evaluated with.

    torchvision's first weights (IMAGENET1K_V1) and timm's usual ones; others differ in size and
    resize. torchvision's GoogLeNet rescales its normalized input to +-1, which is mean and std 0.5.
    """
    if source == "timm":
        if "vit" in name:
            return Preprocessing(resize=248, mean=HALF, std=HALF, interpolation="bicubic")
        return Preprocessing(resize=235, interpolation="bicubic")
    if name in LITE_SIZES:
        size, mean, std = LITE_SIZES[name], (127 / 255,) * 3, (128 / 255,) * 3
        return Preprocessing(size, size + 32, mean, std, "bicubic")
    if name in RESIZES:
        resize, interpolation = RESIZES[name]
        return Preprocessing(resize=resize, interpolation=interpolation)
    if name.startswith(("fcn_", "deeplabv3_", "lraspp_")):
        return Preprocessing(520, 520)
    if name.startswith("googlenet"):
        return Preprocessing(mean=HALF, std=HALF)
    return Preprocessing()
