"""COCO-json with its images: captions."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.captions import build_vocabulary, encode_captions
from jaxdl.data.files.coco import load_coco
from jaxdl.data.images.decode import BadFileBudget, UnreadableImage, decode_image, quick_faults
from jaxdl.data.images.letterbox import letterbox
from jaxdl.data.source import Source
from jaxdl.typing import Host


class CaptionedImages(Source):
    """The captions of a COCO-json file, C a picture at most. A row:

    `image` `(*image_size, 3)` uint8, upper left; `captions` `(C, L)` int32 ids of `vocabulary`:
    <START>, words, <END>, then <NULL>; `kept` `(C,)` bool, False is padding; `image_id` int32.
    `cut` counts captions that were too long.
    """

    def __init__(
        self,
        annotations: Path | str,
        images: Path | str,
        *,
        image_size: tuple[int, int],
        length: int = 17,
        vocabulary: tuple[str, ...] = (),
        least: int = 1,
        keep_shape: bool = True,
        budget: float = 0.001,
    ):
        """`length` L with <START> and <END>; `vocabulary` of the training split, else from these.

        `least`: a word that occurs less often is <UNK>.
        """
        content, named = load_coco(Path(annotations), Path(images))
        texts: dict[int, list[str]] = defaultdict(list)
        for annotation in content.get("annotations", []):
            if annotation.get("image_id") in named and "caption" in annotation:
                texts[annotation["image_id"]].append(annotation["caption"])
        if not texts:
            raise DataError(f"{annotations} has no captions of its images")
        files = {number: Path(images) / named[number]["file_name"] for number in texts}
        self.skipped = BadFileBudget(str(annotations), len(files), fraction=budget)
        for number, why in zip(files, quick_faults(files.values()), strict=True):
            if why:
                self.skipped.rows.append((str(number), why))
                del texts[number]
        self.skipped.check()
        self.files, self.texts = files, [(n, texts[n]) for n in sorted(texts)]
        self.vocabulary = vocabulary or build_vocabulary(
            (text for _, own in self.texts for text in own), least=least
        )
        self.image_size, self.keep_shape, self.length = image_size, keep_shape, length
        self.most = max(len(own) for _, own in self.texts)
        self.ids = [encode_captions(own, self.vocabulary, length) for _, own in self.texts]
        self.cut = sum(cut for _, cut in self.ids)

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        start = range(len(self.texts))[index]
        for i in range(len(self.texts)):
            place = (start + i) % len(self.texts)
            number = self.texts[place][0]
            try:
                image = decode_image(self.files[number])
            except UnreadableImage as error:
                why = str(error).removeprefix(f"{self.files[number]}: ")
                self.skipped.add(str(number), why)
                continue
            ids, _ = self.ids[place]
            captions = np.zeros((self.most, self.length), np.int32)
            captions[: len(ids)] = ids
            return {
                "image": letterbox(image, self.image_size, keep_shape=self.keep_shape),
                "captions": captions,
                "kept": np.arange(self.most) < len(ids),
                "image_id": np.asarray(number, np.int32),
            }
        raise DataError("no picture can be read")
