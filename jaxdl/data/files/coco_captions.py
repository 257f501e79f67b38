"""COCO-json with its images: captions."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxdl.checks import DataError
from jaxdl.data.captions import build_vocabulary, encode_captions, split_words
from jaxdl.data.files.coco_schema import (
    CocoFile,
    Id,
    ImageEntry,
    number_rows,
    show_value,
)
from jaxdl.data.files.picture_paths import find_pictures
from jaxdl.data.images.decode import BadFileBudget, UnreadableImage, decode_image, quick_faults
from jaxdl.data.images.letterbox import letterbox
from jaxdl.data.notes import Notes
from jaxdl.data.source import Source
from jaxdl.typing import Host

FEW_WORDS = 1.5  # in a caption, on average: the script may not use spaces


def read_texts(coco: CocoFile, images: Mapping[Id, ImageEntry]) -> dict[Id, list[str]]:
    """The captions of each image that has some, in the order of the images."""
    texts: dict[Id, list[str]] = defaultdict(list)
    for annotation in coco.annotations(images):
        text = annotation.fields.get("caption")
        if not isinstance(text, str):
            raise DataError(
                f"{coco.path}: {annotation.name}: caption must be a text, got {show_value(text)}"
            )
        texts[annotation.image].append(text)
    if not texts:
        raise DataError(f"{coco.path} has no captions of its images")
    return {key: texts[key] for key in images if key in texts}


class CaptionedImages(Source):
    """The captions of a COCO-json file, C a picture at most. A row:

    `image` `(*image_size, 3)` uint8, upper left; `captions` `(C, L)` int32 ids of `vocabulary`:
    <START>, words, <END>, then <NULL>; `kept` `(C,)` bool, False is padding; `image_id` int32.
    `cut` counts captions that were too long.
    """

    def __init__(
        self,
        coco: CocoFile,
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
        who, entries = str(coco.path), coco.images()
        texts, self.notes = read_texts(coco, entries), Notes()
        names = {key: entries[key].file_name for key in texts}
        self.files = find_pictures(who, Path(images), names, self.notes)
        self.skipped = BadFileBudget(who, len(names), fraction=budget)
        for key, why in zip(self.files, quick_faults(self.files.values()), strict=True):
            if why:
                self.skipped.rows.append((str(entries[key]), why))
                del texts[key]
        self.skipped.check()
        for key in [key for key in entries if key not in names]:
            self.notes.leave_out(str(entries[key]), "it has no caption")
        if not texts:
            raise DataError(f"{who}: no pictures are left")
        self.texts = [(entries[key], own) for key, own in texts.items()]
        self.numbers = number_rows(entries, self.notes)
        self.vocabulary = vocabulary or build_vocabulary(
            (text for _, own in self.texts for text in own), least=least
        )
        self.image_size, self.keep_shape, self.length = image_size, keep_shape, length
        self.most = max(len(own) for _, own in self.texts)
        self.ids = [encode_captions(own, self.vocabulary, length) for _, own in self.texts]
        self.cut = sum(cut for _, cut in self.ids)
        self.note_lengths()

    def note_lengths(self) -> None:
        """Says how many captions were cut, and where they seem to be of one word each."""
        lengths = [len(split_words(text)) for _, own in self.texts for text in own]
        count, mean = len(lengths), sum(lengths) / len(lengths)
        if self.cut:
            self.notes.taken.append(
                f"{self.cut} of {count} captions are longer than {self.length} tokens and are cut"
            )
        if mean < FEW_WORDS:
            self.notes.taken.append(
                f"captions have {mean:.1f} words on average: words are what spaces divide"
            )

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int) -> Mapping[str, Host]:
        start = range(len(self.texts))[index]
        for i in range(len(self.texts)):
            place = (start + i) % len(self.texts)
            entry = self.texts[place][0]
            try:
                image = decode_image(self.files[entry.id])
            except UnreadableImage as error:
                why = str(error).removeprefix(f"{self.files[entry.id]}: ")
                self.skipped.add(str(entry), why)
                continue
            ids, _ = self.ids[place]
            captions = np.zeros((self.most, self.length), np.int32)
            captions[: len(ids)] = ids
            return {
                "image": letterbox(image, self.image_size, keep_shape=self.keep_shape),
                "captions": captions,
                "kept": np.arange(self.most) < len(ids),
                "image_id": np.asarray(self.numbers[entry.id], np.int32),
            }
        raise DataError("no picture can be read")
