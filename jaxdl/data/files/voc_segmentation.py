"""Pictures with a class for every pixel, in the layout of PASCAL VOC."""

from collections.abc import Sequence
from typing import Any

from jaxdl.data.files.voc import CLASSES
from jaxdl.data.files.voc_folder import VocFolder
from jaxdl.data.masks.label_map import ClassNumbers
from jaxdl.data.masks.masked_images import MaskedImages


class SegmentedImages(MaskedImages):
    """Pictures of a VOC folder with `SegmentationClass/*.png`; 255 is the rim of an object."""

    def __init__(
        self,
        folder: VocFolder,
        names: Sequence[str],
        *,
        who: str = "",
        classes: tuple[str, ...] = ("background", *CLASSES),
        **options: Any,
    ):
        """`names`: of the pictures; `who`: what messages call it; `options`: `MaskedImages`'."""
        masks = folder.root / "SegmentationClass"
        pairs = {name: (folder.picture(name), masks / f"{name}.png") for name in names}
        super().__init__(who or str(folder.root), pairs, ClassNumbers(classes), **options)
