"""Checkpoints that are whole or not there: the only file that knows Orbax.

Beside each step stands a manifest, written last, with the sha256 of every file of the step, the
shape and dtype of every array, versions, and the host's own numbers. A step without a manifest
that verifies is not used. Arrays are saved from host memory by path, so the number of devices may
change in between.
"""

import hashlib
import json
import os
import shutil
import time
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.training.environment import versions
from jaxdl.typing import Host, Tree


class CheckpointCorruptError(CheckpointError):
    """A file of a checkpoint is missing or is not what was written."""


def flatten(tree: Tree) -> dict[str, Host]:
    """Path -> array on the host; random keys as their words."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {_name(path): np.asarray(_words(x)) for path, x in leaves}


def params_sha256(tree: Tree) -> str:
    """One hash over all arrays in path order: paths, shapes, dtypes and bytes."""
    digest = hashlib.sha256()
    for path, value in sorted(flatten(tree).items()):
        digest.update(f"{path} {value.shape} {value.dtype}\n".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


class Checkpoints:
    """The checkpoints of one run, newest `keep` of them.

    With `fresh`, a folder that already has some is refused: nothing is overwritten.
    """

    def __init__(self, folder: Path, *, keep: int = 2, fresh: bool = False) -> None:
        self.folder, self.keep = folder.absolute(), keep
        if fresh and self.steps():
            raise UsageError(
                f"{self.folder} already holds checkpoints; resume, or use another folder"
            )

    def steps(self) -> list[int]:
        """Steps that were saved to the end, oldest first."""
        found = [int(p.name.split(".")[0]) for p in self.folder.glob("*.manifest.json")]
        return sorted(step for step in found if (self.folder / str(step)).is_dir())

    def save(self, step: int, state: Tree, host: dict[str, Any]) -> None:
        """Saves `state` and the plain values `host` as `step`, then drops the oldest.

        Later steps (after going back to an older one) are moved aside first. Raises
        CheckpointError, with earlier steps intact, where the disk refuses.
        """
        self._clear(step)
        arrays = {path: value for path, value in flatten(state).items() if value.size}
        try:
            self._save_arrays(step, arrays)
            self._write_manifest(step, state, host)
        except (OSError, ValueError, RuntimeError) as error:
            self._remove(step)
            raise self._refused(step, arrays, error) from error
        for old in self.steps()[: -self.keep]:
            self._remove(old)

    def restore(
        self, like: Tree, step: int | None = None, *, cast: bool = False
    ) -> tuple[Tree, int, dict]:
        """(state of the structure of `like`, step, host values) of the newest step that verifies.

        Falls back to an earlier step with a warning. Raises CheckpointError where none is left or
        where it does not fit `like`: it names the paths that differ. Dtypes are only changed with
        `cast`.
        """
        wanted = self.steps() if step is None else [step]
        problems = []
        for candidate in reversed(wanted):
            try:
                manifest = self.verify(candidate)
            except CheckpointCorruptError as error:
                problems.append(str(error))
                continue
            for problem in problems:
                warnings.warn(f"{problem}; using step {candidate}", RuntimeWarning, stacklevel=2)
            check_fit(like, manifest["arrays"], self.folder / str(candidate), cast)
            arrays = self._load_arrays(candidate)
            return _unflatten(like, arrays), candidate, manifest["host"]
        raise CheckpointCorruptError("; ".join(problems) or f"no checkpoint in {self.folder}")

    def verify(self, step: int) -> dict[str, Any]:
        """The manifest of `step`. Raises CheckpointCorruptError naming the file that is wrong."""
        path = self._manifest(step)
        try:
            manifest = json.loads(path.read_text())
            files = manifest["files"]
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointCorruptError(f"checkpoint {path} cannot be read ({error})") from None
        for name, digest in files.items():
            file = self.folder / str(step) / name
            if not file.is_file():
                raise CheckpointCorruptError(f"checkpoint file {file} is missing")
            if _sha256(file) != digest:
                raise CheckpointCorruptError(f"checkpoint file {file} is damaged (sha256 differs)")
        return manifest

    def clean(self) -> list[Path]:
        """Removes what a killed process left half-written; to be called under the run's lock."""
        whole = {str(step) for step in self.steps()}
        left = [p for p in self.folder.glob("*") if p.is_dir() and p.name not in whole]
        left = [p for p in left if not p.name.startswith("aside-")]
        left += [p for p in self.folder.glob("*.json*") if p.name.split(".")[0] not in whole]
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return left

    def _manager(self) -> Any:
        import logging

        import orbax.checkpoint as ocp

        logging.getLogger("absl").setLevel(logging.ERROR)
        options = ocp.CheckpointManagerOptions(
            enable_async_checkpointing=False, create=True, save_root_metadata=False
        )
        return ocp.CheckpointManager(self.folder, options=options)

    def _save_arrays(self, step: int, arrays: dict[str, Host]) -> None:
        import orbax.checkpoint as ocp

        with self._manager() as manager:
            if not manager.save(step, args=ocp.args.StandardSave(arrays)):
                raise RuntimeError("Orbax declined to save")

    def _load_arrays(self, step: int) -> dict[str, Host]:
        import orbax.checkpoint as ocp

        with self._manager() as manager, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would rather restore onto the devices that saved
            return manager.restore(step, args=ocp.args.StandardRestore())

    def _write_manifest(self, step: int, state: Tree, host: dict[str, Any]) -> None:
        root = self.folder / str(step)
        files = sorted(p for p in root.rglob("*") if p.is_file())
        for file in files:
            _sync(file)
        manifest = {
            "step": step,
            "files": {str(p.relative_to(root)): _sha256(p) for p in files},
            "arrays": describe(state),
            "versions": versions(),
            "host": host,
        }
        path = self._manifest(step)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(manifest))
        _sync(part)
        part.replace(path)
        _sync(self.folder)

    def _manifest(self, step: int) -> Path:
        return self.folder / f"{step}.manifest.json"

    def _clear(self, step: int) -> None:
        later = [s for s in self.steps() if s >= step]
        if later:
            aside = self.folder / f"aside-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
            aside.mkdir(exist_ok=True)
            for old in later:
                (self.folder / str(old)).replace(aside / str(old))
                self._manifest(old).replace(aside / self._manifest(old).name)
        if (self.folder / str(step)).exists():  # saved, but its manifest never came
            shutil.rmtree(self.folder / str(step))

    def _remove(self, step: int) -> None:
        self._manifest(step).unlink(missing_ok=True)
        for path in [self.folder / str(step), *self.folder.glob(f"{step}.*tmp*")]:
            shutil.rmtree(path, ignore_errors=True)
        self._manifest(step).with_suffix(".part").unlink(missing_ok=True)

    def _refused(self, step: int, arrays: dict[str, Host], error: Exception) -> CheckpointError:
        need = sum(value.nbytes for value in arrays.values())
        try:
            free = f"{shutil.disk_usage(self.folder).free / 1e6:.1f} MB free"
        except OSError:
            free = "the folder is gone"
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return CheckpointError(
            f"checkpoint of step {step} cannot be written to {self.folder}: it needs about "
            f"{need / 1e6:.1f} MB, {free} ({reason}); earlier checkpoints are intact"
        )


def describe(tree: Tree) -> dict[str, list[Any]]:
    """Path -> [shape, dtype] of every array."""
    shapes = jax.eval_shape(lambda t: jax.tree.map(_words, t), tree)
    leaves = jax.tree_util.tree_flatten_with_path(shapes)[0]
    return {_name(path): [list(x.shape), str(x.dtype)] for path, x in leaves}


def check_fit(like: Tree, saved: dict[str, list[Any]], who: Path, cast: bool) -> None:
    """Raises CheckpointError naming up to ten paths at which `saved` is not what `like` needs."""
    want = describe(like)
    wrong = []
    for path in sorted(want.keys() | saved.keys()):
        need, have = want.get(path), saved.get(path)
        if need is None:
            wrong.append(f"{path}: not in the model, {_shown(have)} in the checkpoint")
        elif have is None:
            wrong.append(f"{path}: {_shown(need)} in the model, not in the checkpoint")
        elif need[0] != have[0] or (need[1] != have[1] and not cast):
            wrong.append(f"{path}: {_shown(need)} in the model, {_shown(have)} in the checkpoint")
    if wrong:
        more = f"\n  and {len(wrong) - 10} more" if len(wrong) > 10 else ""
        shown = "\n  ".join(wrong[:10])
        raise CheckpointError(f"checkpoint {who} does not fit the model:\n  {shown}{more}")


def _shown(entry: list[Any] | None) -> str:
    return "" if entry is None else f"{entry[1]}{tuple(entry[0])}"


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _is_key(x: Any) -> bool:
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def _words(x: Any) -> Any:
    return jax.random.key_data(x) if hasattr(x, "dtype") and _is_key(x) else x


def _unflatten(like: Tree, arrays: dict[str, Host]) -> Tree:
    def back(path: Any, leaf: Any) -> Any:
        name = _name(path)
        if name not in arrays:  # nothing to save: no elements
            return np.zeros(leaf.shape, leaf.dtype)
        value = np.asarray(arrays[name])
        if _is_key(leaf):
            return jax.random.wrap_key_data(jnp.asarray(value))
        return value.astype(leaf.dtype, copy=False)

    return jax.tree_util.tree_map_with_path(back, like)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
