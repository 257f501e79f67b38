"""A folder of one's own films, a class a sub-folder."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import DataError, check_at_least, check_one_of
from jaxdl.data.clips.film import ANIMATED, VIDEO, Film, check_even, open_film
from jaxdl.data.clips.sampling import WAYS, at_rate, clip_places, raw_bytes
from jaxdl.data.config import ClipsData
from jaxdl.data.files.folder_splits import find_splits
from jaxdl.data.files.folder_walk import known_classes, own_entries, sub_folders, suffix_of
from jaxdl.data.files.own_path import own_path
from jaxdl.data.images.decode import BadFileBudget
from jaxdl.data.images.letterbox import resize_and_center_crop
from jaxdl.data.notes import Notes
from jaxdl.data.source import Dataset, Source
from jaxdl.data.splits.philox import uniforms
from jaxdl.typing import Host


class ClipFolder(Source):
    """Films `root/<class>/<film>`, a folder of pictures, an animated picture or a video. A row:

    `video` `(T, H, W, 3)` uint8, or `(V, T, H, W, 3)` for V > 1 clips of each film; `label` int32.

    Films whose heads show that they cannot be used are left out and stand in `skipped`, up to a
    thousandth of them (at least one), then DataError names the first five. One that turns out so
    when its frames are read is an error that names it.
    """

    def __init__(self, root: Path, cfg: ClipsData, classes: tuple[str, ...] = ()):
        """`classes`: those of another split, so that both number them alike."""
        check_one_of("data.sampling", cfg.sampling, WAYS)
        check_at_least("data.rate", cfg.rate, 0)
        self.root, self.cfg, self.size = root, cfg, cfg.size(112)
        self.notes = Notes()
        self.classes, paths, labels = list_films(root, classes, self.notes)
        self.skipped = BadFileBudget(f"folder {root}", len(paths))
        self.films: list[Film] = []
        kept = []
        for path, label in zip(paths, labels, strict=True):
            try:
                film = open_film(path)
                if not cfg.rate:
                    check_even(film)
            except DataError as error:
                why = str(error).removeprefix(f"{path}: ")
                self.skipped.rows.append((path.relative_to(root).as_posix(), why))
                continue
            self.films.append(film)
            kept.append(label)
        self.skipped.check()
        if not kept:
            raise DataError(f"ClipFolder: {root} has no film that can be read")
        self.labels = self.numbers = np.array(kept, np.int32)
        self.notes.taken.append(self.describe())

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        film, cfg = self.films[index], self.cfg
        shown = at_rate(film.times, cfg.rate) if cfg.rate else np.arange(len(film))
        starts = uniforms(cfg.seed, "clips.start", np.array([index]), cfg.clips)[0]
        places = clip_places(
            len(shown), cfg.clip_frames, way=cfg.sampling, clips=cfg.clips, starts=starts
        )
        wanted, where = np.unique(shown[places], return_inverse=True)
        small = [resize_and_center_crop(frame, self.size) for frame in film.frames(wanted.tolist())]
        video = np.stack(small)[where.reshape(places.shape)]
        return {"video": video if cfg.clips > 1 else video[0], "label": self.numbers[index]}

    def faults(self, index: int) -> list[str]:
        """A film of fewer frames than a clip."""
        film, cfg = self.films[index], self.cfg
        count = len(at_rate(film.times, cfg.rate)) if cfg.rate else len(film)
        name = film.path.relative_to(self.root).as_posix()
        few = count < cfg.clip_frames
        return [f"{name} has {count} frames, a clip {cfg.clip_frames}"] if few else []

    def describe(self) -> str:
        """How many films there are, and what they and their clips take as pixels."""
        films = sum(raw_bytes(*film.shape, 1, len(film)) for film in self.films)
        clips = len(self) * self.cfg.clips
        small = clips * raw_bytes(*self.size, 1, self.cfg.clip_frames)
        return (
            f"{len(self)} films of {films / 1e6:,.1f} MB as pixels, {clips} clips of them of "
            f"{small / 1e6:,.1f} MB"
        )


def list_films(
    root: Path, classes: tuple[str, ...], notes: Notes
) -> tuple[tuple[str, ...], list[Path], Host]:
    """Classes, films and their labels `(n,)`, in the order of their names.

    What is neither a folder nor of a film's suffix is said in `notes`.
    """
    found = {unicodedata.normalize("NFC", folder.name): folder for folder in sub_folders(root)}
    if not found:
        raise DataError(
            f"ClipFolder: {root} has no sub-folders; put the films of each class into a folder of "
            f"its name: {root}/wave/1.mp4, {root}/wave/2/frame1.jpg, {root}/jump/1.gif"
        )
    classes = known_classes("ClipFolder", root, found, classes)
    films, labels = [], []
    for label, name in enumerate(classes):
        entries = own_entries(found[name]) if name in found else []
        own = [p for p in entries if p.is_dir() or suffix_of(p) in (*ANIMATED, *VIDEO)]
        for path in entries:
            if path not in own:
                notes.leave_out(path.relative_to(root).as_posix(), "it is no film")
        if not own and name in found:
            raise DataError(
                f"ClipFolder: class folder {found[name]} has no films: folders of pictures, "
                f"{', '.join((*ANIMATED, *VIDEO))}; remove it, or name the folder of the classes "
                "in data.path"
            )
        films += own
        labels += [label] * len(own)
    return classes, films, np.array(labels, np.int32)


def open_clips(cfg: ClipsData) -> Dataset:
    """One class for each sub-folder, in `train`, `val`, `test` or all in one."""
    layout = find_splits(own_path(cfg))
    train = ClipFolder(layout.folders["train"], cfg)
    splits = {
        split: train if split == "train" else ClipFolder(folder, cfg, train.classes)
        for split, folder in layout.folders.items()
    }
    for source in splits.values():
        source.notes.taken += layout.said
        source.notes.doubts += layout.doubts
    return Dataset(splits, train.classes)
