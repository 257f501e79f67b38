"""Checkpoints that are whole or not there: the only file that knows Orbax.

Beside each step stands a manifest, written last, with the sha256 of every file of the step, the
shape and dtype of every array, versions, and the host's own numbers. A step without a manifest
that verifies is not used. Arrays are saved from host memory by path, so the number of devices may
change in between.
"""

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import CheckpointError, DivergedError, UsageError
from jaxdl.config import differences, rename_table
from jaxdl.runs.lock import FolderLostError, check_held
from jaxdl.runs.manifest import (
    SUFFIX,
    Arrays,
    CheckpointCorruptError,
    check_arrays,
    manifest_path,
    shown,
    verify,
    write_manifest,
    writer,
)
from jaxdl.typing import Host, Tree


def flatten(tree: Tree) -> dict[str, Host]:
    """Path -> array on the host; random keys as their words."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    flat = {_name(path): np.asarray(_words(x)) for path, x in leaves}
    if len(flat) < len(leaves):
        names = [_name(path) for path, _ in leaves]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"state: two arrays have the path {twice!r}; rename one of them")
    return flat


def params_sha256(tree: Tree) -> str:
    """One hash over all arrays in path order: paths, shapes, dtypes and bytes."""
    digest = hashlib.sha256()
    for path, value in sorted(flatten(tree).items()):
        digest.update(f"{path} {value.shape} {value.dtype}\n".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


TRIES = 20  # to delete what a failed save left


class Checkpoints:
    """The checkpoints of one run, newest `keep` of them (0: all).

    With `fresh`, a folder that already has some is refused: nothing is overwritten. `config`, the
    run's table, is kept with each and compared where a checkpoint does not fit.
    """

    def __init__(
        self, folder: Path, *, keep: int = 2, fresh: bool = False, config: Any = None
    ) -> None:
        self.folder, self.keep, self.config = folder.absolute(), keep, config
        self.made = False
        if fresh and self.steps():
            raise UsageError(
                f"{self.folder} already holds checkpoints; resume, or use another folder"
            )

    def steps(self) -> list[int]:
        """Steps that were saved to the end, oldest first."""
        names = [p.name.removesuffix(SUFFIX) for p in self.folder.glob("*" + SUFFIX)]
        return sorted(int(name) for name in names if name.isdigit() and self._root(name).is_dir())

    def save(self, step: int, state: Tree, host: dict[str, Any]) -> None:
        """Saves `state` and the plain values `host` as `step`, then drops the oldest.

        Later steps (after going back to an older one) are moved aside first. Raises
        CheckpointError, with earlier steps intact, where the disk refuses, DivergedError where an
        array holds a NaN.
        """
        arrays = {path: value for path, value in flatten(state).items() if value.size}
        check_finite(arrays, step)
        check_held(self.folder)
        try:
            self._make_room(step)
            try:
                self._save_arrays(step, arrays)
                check_held(self.folder)
                write_manifest(self._root(step), describe(state), self.config, host)
            except FolderLostError:
                raise  # what lies there now is not this run's to delete
            except Exception:
                self._remove(step)
                raise
            if self.keep:
                self.drop(self.steps()[: -self.keep])
        except FolderLostError:
            raise
        except Exception as error:  # Orbax lets through whatever its parts raise
            raise self._refused(step, arrays, error) from error

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
            root = self._root(candidate)
            try:
                manifest = verify(root)
                check_arrays(root, manifest, self._stored(candidate))
            except CheckpointCorruptError as error:
                problems.append(str(error))
                continue
            for problem in problems:
                warnings.warn(f"{problem}; using step {candidate}", RuntimeWarning, stacklevel=2)
            check_fit(like, manifest, root, cast=cast, config=self.config)
            arrays = self._load_arrays(candidate)
            return unflatten(like, arrays), candidate, manifest["host"]
        raise CheckpointCorruptError("; ".join(problems) or f"no checkpoint in {self.folder}")

    def verify(self, step: int) -> dict[str, Any]:
        """The manifest of `step`. Raises CheckpointCorruptError naming the file that is wrong."""
        return verify(self._root(step))

    def drop(self, steps: Iterable[int]) -> None:
        """Deletes these steps; one that is half deleted is never taken for a whole one."""
        for step in steps:
            old = self._root(step).replace(self.folder / f"{step}.old-tmp")
            manifest_path(self._root(step)).unlink(missing_ok=True)
            shutil.rmtree(old, ignore_errors=True)

    def clean(self) -> list[Path]:
        """Makes the folder, and deals with what a killed process left there; returns what it was.

        To be called under the run's lock. Half-written files are deleted. A folder whose manifest
        never came may be whole: it is moved aside.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.made = True
        whole = set(self.steps())
        left = leftovers(self.folder)
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        odd = [step for step in self._found() if step not in whole]
        self._move_aside(odd)
        return left + [self._root(step) for step in odd]

    def move_aside_after(self, step: int) -> None:
        """Moves the steps after `step` aside: they belong to a course that is not taken again."""
        self._move_aside([s for s in self._found() if s > step])

    def _root(self, step: int | str) -> Path:
        return self.folder / str(step)

    def _found(self) -> list[int]:
        return [int(p.name) for p in self.folder.glob("*") if p.name.isdigit()]

    def _manager(self, **options: Any) -> Any:
        import logging

        import orbax.checkpoint as ocp

        logging.getLogger("absl").setLevel(logging.CRITICAL)  # errors are raised, too
        # Of several processes only this one is here: none is to be waited for.
        alone = ocp.options.MultiprocessingOptions(
            primary_host=jax.process_index(), active_processes={jax.process_index()}
        )
        # Asynchronous saves fail in silence.
        made = ocp.CheckpointManagerOptions(
            enable_async_checkpointing=False,
            create=False,
            save_root_metadata=False,
            multiprocessing_options=alone,
            **options,
        )
        return ocp.CheckpointManager(self.folder, options=made)

    def _save_arrays(self, step: int, arrays: dict[str, Host]) -> None:
        import orbax.checkpoint as ocp

        with _quiet_threads(), self._manager() as manager:
            if not manager.save(step, args=ocp.args.StandardSave(arrays)):
                raise RuntimeError("Orbax declined to save")

    def _stored(self, step: int) -> Arrays:
        """The arrays as the files themselves describe them, which nothing but these is read for."""
        import orbax.checkpoint as ocp

        read: Any = ocp.StandardCheckpointHandler().metadata
        try:
            found = read(self._root(step) / "default")
            return {name: [list(array.shape), str(array.dtype)] for name, array in found.items()}
        except Exception as error:  # Orbax lets through whatever its parts raise
            first = (str(error) or type(error).__name__).splitlines()[0]
            raise CheckpointCorruptError(
                f"checkpoint {self._root(step)}: its arrays cannot be read ({first})"
            ) from None

    def _load_arrays(self, step: int) -> dict[str, Host]:
        import orbax.checkpoint as ocp

        with self._manager(read_only=True) as manager, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would rather restore onto the devices that saved
            return manager.restore(step, args=ocp.args.StandardRestore())

    def _make_room(self, step: int) -> None:
        if self.made and not self.folder.is_dir():
            raise FileNotFoundError("the folder has been removed")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.made = True
        self._move_aside([s for s in self._found() if s >= step])

    def _move_aside(self, steps: list[int]) -> None:
        if not steps:
            return
        asides = (self.folder / f"aside-{n}" for n in itertools.count(1))
        aside = next(path for path in asides if not path.exists())
        aside.mkdir()
        for step in steps:
            for path in (manifest_path(self._root(step)), self._root(step)):
                if path.exists():
                    path.replace(aside / path.name)

    def _remove(self, step: int) -> None:
        with contextlib.suppress(OSError):
            manifest_path(self._root(step)).unlink()
        for _ in range(TRIES):  # a thread of Orbax may still be writing there
            left = [p for p in (self._root(step), *self.folder.glob(f"{step}.*tmp*")) if p.exists()]
            for path in left:
                shutil.rmtree(path, ignore_errors=True)
            if not left:
                break
            time.sleep(0.1)

    def _refused(self, step: int, arrays: dict[str, Host], error: Exception) -> CheckpointError:
        need = sum(value.nbytes for value in arrays.values())
        try:
            free = f"{shutil.disk_usage(self.folder).free / 1e6:.1f} MB are free"
        except OSError:
            free = "the folder is gone"
        code = re.search(r"os_error_code=\W*(\d+)", str(error))  # as TensorStore writes it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = os.strerror(int(code[1])) if code else reason
        return CheckpointError(
            f"checkpoint of step {step} cannot be written to {self.folder}: it needs about "
            f"{need / 1e6:.1f} MB, {free} ({reason}); earlier checkpoints are intact"
        )


@contextlib.contextmanager
def _quiet_threads() -> Iterator[None]:
    """Orbax's threads hand their errors on; they need not print tracebacks as well.

    After a failure the stragglers among them stay quiet too.
    """
    hooks = threading.excepthook, sys.unraisablehook
    threading.excepthook, sys.unraisablehook = lambda args: None, lambda args: None
    yield
    threading.excepthook, sys.unraisablehook = hooks


def leftovers(folder: Path) -> list[Path]:
    """What a killed process may leave in a folder of checkpoints, half-written or half-deleted."""
    left = [p for p in folder.glob("*tmp*") if p.is_dir()]
    left += folder.glob("*.part")
    manifests = folder.glob("*" + SUFFIX)
    left += [p for p in manifests if not (folder / p.name.removesuffix(SUFFIX)).is_dir()]
    return sorted(left)


def describe(tree: Tree) -> dict[str, list[Any]]:
    """Path -> [shape, dtype] of every array."""
    shapes = jax.eval_shape(lambda t: jax.tree.map(_words, t), tree)
    leaves = jax.tree_util.tree_flatten_with_path(shapes)[0]
    return {_name(path): [list(x.shape), str(x.dtype)] for path, x in leaves}


def check_finite(arrays: dict[str, Host], step: int) -> None:
    """Raises DivergedError where an array holds a NaN, or one of the model's an infinity."""
    for path, value in arrays.items():
        if not jnp.issubdtype(value.dtype, jnp.floating):
            continue
        model = path.split(".")[0] in ("params", "extra", "ema", "ema_extra")
        if not np.isfinite(value).all() if model else np.isnan(value).any():
            raise DivergedError(
                f"{path} holds a NaN or an infinity at step {step}, though the losses were finite; "
                "it is not saved, earlier checkpoints stand. Lower optim.lr or set optim.clip_norm"
            )


def check_fit(
    like: Tree, manifest: dict[str, Any], who: Path, *, cast: bool = False, config: Any = None
) -> None:
    """Raises CheckpointError naming up to ten paths at which the checkpoint is not what `like` is.

    With both configs known it also says what differs between them.
    """
    want, saved = describe(like), manifest["arrays"]
    wrong = []
    for path in sorted(want.keys() | saved.keys()):
        need, have = want.get(path), saved.get(path)
        if need is None:
            wrong.append(f"{path}: not in the model, {shown(have)} in the checkpoint")
        elif have is None:
            wrong.append(f"{path}: {shown(need)} in the model, not in the checkpoint")
        elif need[0] != have[0] or (need[1] != have[1] and not cast):
            wrong.append(f"{path}: {shown(need)} in the model, {shown(have)} in the checkpoint")
    if not wrong:
        return
    lines = wrong[:10]
    if len(wrong) > 10:
        lines.append(f"and {len(wrong) - 10} more")
    before = rename_table(manifest["config"] or {}, f"checkpoint {who}")
    changed = differences(before, config) if config else {}
    lines += [f"config {name}: {old} when saved, {new} now" for name, (old, new) in changed.items()]
    if "ema_extra" in {path.split(".")[0] for path in want.keys() - saved.keys()}:
        lines.append(
            "it is of a version that averaged parameters alone, without their batch statistics "
            "(ema_extra): end that run with that version, or start anew in another folder"
        )
    by = f"(written by jaxdl {writer(manifest)})"
    raise CheckpointError(f"checkpoint {who} {by} does not fit the model:\n  " + "\n  ".join(lines))


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def is_key(x: Any) -> bool:
    """Whether an array holds random keys."""
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def _words(x: Any) -> Any:
    return jax.random.key_data(x) if hasattr(x, "dtype") and is_key(x) else x


def unflatten(like: Tree, arrays: dict[str, Host]) -> Tree:
    """The tree of the structure of `like` from what `flatten` gave."""

    def back(path: Any, leaf: Any) -> Any:
        name = _name(path)
        if name not in arrays:  # nothing to save: no elements
            return np.zeros(leaf.shape, leaf.dtype)
        value = np.asarray(arrays[name])
        if is_key(leaf):
            return jax.random.wrap_key_data(jnp.asarray(value))
        return value.astype(leaf.dtype, copy=False)

    return jax.tree_util.tree_map_with_path(back, like)
