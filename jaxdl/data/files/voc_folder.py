"""A folder in the layout of PASCAL VOC, or of annotations beside their pictures: files by name."""

from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path, PurePosixPath

from jaxdl.checks import DataError
from jaxdl.data.files.folder_splits import split_of
from jaxdl.data.files.folder_walk import Found, own_entries, sub_folders, suffix_of, walk
from jaxdl.data.images.decode import SUFFIXES
from jaxdl.data.notes import Notes, name_some

PICTURES = ("jpegimages", "images")


class VocFolder:
    """`root/Annotations/**.xml` and `root/JPEGImages/**`, or all of it in `root` itself.

    Names are those of files without their suffix. Folders may be written in other capitals.
    `notes`: what was found beside, and what was left out.
    """

    def __init__(self, root: Path | str):
        self.root = Path(root)
        self.notes = Notes()
        if not self.root.is_dir():
            raise DataError(f"there is no folder {self.root}")
        folders = {path.name.lower(): path for path in sub_folders(self.root)}
        self.flat = "annotations" not in folders and has_xml(self.root)
        self.annotation_folder = self.root if self.flat else folders.get("annotations")
        found = next((folders[name] for name in PICTURES if name in folders), None)
        self.picture_folder = self.root if self.flat else found
        self.list_folder = folders.get("imagesets", self.root / "ImageSets")

    @cached_property
    def annotations(self) -> dict[str, Path]:
        """Name -> its .xml file. Raises DataError where there are none, or two of one name."""
        if self.annotation_folder is None:
            inner = [p.name for p in sub_folders(self.root) if VocFolder(p).annotation_folder]
            hint = f"; give {self.root / inner[0]}" if inner else ""
            raise DataError(
                f"{self.root} has no folder Annotations, and no .xml files beside pictures{hint}"
            )
        found: dict[str, Path] = {}
        others = []
        for path, fault in walk(self.annotation_folder):
            if fault:
                self.notes.leave_out(self.short(path), fault)
            elif suffix_of(path) == ".xml":
                other = found.setdefault(path.stem, path)
                if other != path:
                    raise DataError(f"two annotations are called {path.stem!r}: {other} and {path}")
            elif not self.flat:
                others.append(self.short(path))
        if not found:
            raise DataError(f"{self.annotation_folder} lists no pictures: it has no .xml files")
        if others:
            self.notes.taken.append(f"files that are no .xml: {len(others)} {name_some(others)}")
        return dict(sorted(found.items()))

    @cached_property
    def pictures(self) -> dict[str, list[Path]]:
        """Name -> its files, those with a suffix of pictures first."""
        if self.picture_folder is None:
            raise DataError(f"{self.root} has no folder JPEGImages for its pictures")
        found: dict[str, list[Path]] = {}
        for path, fault in sorted(walk(self.picture_folder), key=not_a_picture):
            if fault:
                self.notes.leave_out(self.short(path), fault)
            elif suffix_of(path) != ".xml":
                found.setdefault(name_of(path.name), []).append(path)
        return found

    def picture(self, name: str, written: str = "") -> Path:
        """The picture of an annotation, which may name another one in `written`, its <filename>.

        The picture of the annotation's own name is taken, as VOC has it: names in there are often
        those of before a copy or a renaming. Where there is none, the written one.
        """
        given = PurePosixPath(written.replace("\\", "/").strip()).name
        own = self.pictures.get(name) or self.pictures.get(name_of(given), [])
        exact = [path for path in own if path.name == given]
        for path in (*exact, *own):
            return path
        folder = self.picture_folder or self.root
        return folder / (given or f"{name}.jpg")

    def stale(self, name: str, written: str) -> str:
        """What an annotation names in place of the picture that is taken, if that is there, too."""
        given = PurePosixPath(written.replace("\\", "/").strip()).name
        other = name_of(given) != name_of(self.picture(name, written).name)
        return f"{name} names {given}" if other and name_of(given) in self.pictures else ""

    def note_unused(self, used: AbstractSet[Path]) -> None:
        """Leaves out pictures that no annotation has; a doubt where several have one name."""
        for name, files in self.pictures.items():
            images = [path for path in files if suffix_of(path) in SUFFIXES]
            if len(images) > 1:
                shown = ", ".join(path.name for path in images)
                self.notes.doubts.append(f"several pictures have one name: {shown}")
            if (
                name not in self.annotations
                and used.isdisjoint(files)
                and (images or not self.flat)
            ):
                self.notes.leave_out(files[0].name, "it has no annotation")

    def short(self, path: Path) -> str:
        """A file's name within the folder."""
        return path.relative_to(self.root).as_posix()


def split_folders(root: Path) -> dict[str, VocFolder]:
    """The splits that are folders with annotations of their own, such as Roboflow's."""
    found: dict[str, VocFolder] = {}
    for path in sub_folders(root) if root.is_dir() else ():
        split = split_of(path.name)
        if split and VocFolder(path).annotation_folder is not None:
            if split in found:
                raise DataError(
                    f"{root}: {found[split].root.name} and {path.name} are both {split}"
                )
            found[split] = VocFolder(path)
    return found if "train" in found else {}


def has_xml(folder: Path) -> bool:
    """Whether .xml files lie in the folder itself."""
    return any(suffix_of(path) == ".xml" for path in own_entries(folder))


def name_of(file_name: str) -> str:
    """A picture's name without its suffix, if that is one: `a.b` of `a.b.jpg` and of `a.b`."""
    suffix = suffix_of(Path(file_name))
    return file_name[: -len(suffix)] if suffix in SUFFIXES else file_name


def not_a_picture(found: Found) -> tuple[bool, Path]:
    """The order of files: those with a picture's suffix first."""
    return suffix_of(found.path) not in SUFFIXES, found.path
