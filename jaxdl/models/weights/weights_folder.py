"""The weight files of this machine: by path, or by their names in `JAXDL_WEIGHTS_DIR`; the file
that a run has started from lies in its folder, too, so that it goes on without the original."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from jaxdl.cache import weights_dir
from jaxdl.models.weights.facts import facts_path
from jaxdl.models.weights.weight_file import READERS, WeightFileError
from jaxdl.runs.run_folder import WEIGHTS

_of_run: ContextVar[Path | None] = ContextVar("weights_of_run", default=None)


def find_weights(given: str | Path) -> Path:
    """`given` where it is a file, else the weight file of that name in `JAXDL_WEIGHTS_DIR`; inside
    of `weights_of_run` before both the one that the run keeps.

    Raises WeightFileError, with the names that there are, where there is none.
    """
    path, folder, kept = Path(given).expanduser(), weights_dir(), _of_run.get()
    names = [path.name, *(f"{path.name}{suffix}" for suffix in READERS)]
    for at in [kept / name for name in names] if kept else []:
        if at.is_file():
            return at
    if path.is_file():
        return path
    if folder is None:
        raise WeightFileError(
            f"weights {given}: there is no such file; give its path, or set JAXDL_WEIGHTS_DIR to "
            "the folder of your weight files and give its name there"
        )
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


@contextmanager
def weights_of_run(run_dir: Path) -> Iterator[None]:
    """While it is open, `find_weights` prefers the files that the run in `run_dir` keeps."""
    token = _of_run.set(run_dir / WEIGHTS)
    try:
        yield
    finally:
        _of_run.reset(token)


def keep_weights(given: str | Path, run_dir: Path) -> None:
    """Copies the weights `given`, with the JSON beside them, into the run in `run_dir`."""
    path, folder = find_weights(given), run_dir / WEIGHTS
    if path.parent == folder:
        return
    folder.mkdir(exist_ok=True)
    for source in (facts_path(path), path):  # the weights last: with them it is whole
        if source.is_file():
            part = folder / f"{source.name}.part"
            shutil.copyfile(source, part)
            part.replace(folder / source.name)
