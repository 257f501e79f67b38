"""The weight files of this machine: by path, or by their names in `JAXDL_WEIGHTS_DIR`."""

from pathlib import Path

from jaxdl.cache import weights_dir
from jaxdl.models.weights.weight_file import READERS, WeightFileError


def find_weights(given: str | Path) -> Path:
    """`given` where it is a file, else the weight file of that name in `JAXDL_WEIGHTS_DIR`.

    Raises WeightFileError, with the names that there are, where there is none.
    """
    path, folder = Path(given).expanduser(), weights_dir()
    if path.is_file():
        return path
    if folder is None:
        raise WeightFileError(
            f"weights {given}: there is no such file; give its path, or set JAXDL_WEIGHTS_DIR to "
            "the folder of your weight files and give its name there"
        )
    names = [str(given), *(f"{given}{suffix}" for suffix in READERS)]
    for name in names if path.name == str(given) else []:
        if (folder / name).is_file():
            return folder / name
    there = ", ".join(p.stem for p in weight_files(folder)) or "no weight file"
    raise WeightFileError(
        f"weights {given}: no such file, nor one of that name in {folder}, which has {there}"
    )


def weight_files(folder: Path) -> list[Path]:
    """The weight files that lie in a folder, by name."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in READERS and path.is_file())
