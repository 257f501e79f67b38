"""Files of named arrays: safetensors, and PyTorch's .pth where PyTorch is installed.

Nothing in a file is ever run: a pickle is read with `weights_only=True`, or not at all.
"""

import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.typing import Host

NESTED = ("state_dict", "model")  # where training scripts put the weights in a larger dict
PICKLES = (".pth", ".pt", ".bin")


def read_weights(path: Path) -> dict[str, Host]:
    """Name -> array of a PyTorch file (a zip file, .pth, .pt, .bin), else of a safetensors file.

    Raises CheckpointError for a file that is absent, damaged, or holds anything but arrays.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    is_pickle = start == b"PK" or path.suffix in PICKLES
    return _read_pickle(path) if is_pickle else _read_safetensors(path)


def read_metadata(path: Path) -> dict[str, str]:
    """The words in the header of a `.safetensors` file; empty for another kind of file."""
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (safetensors.SafetensorError, OSError):
        return {}


def write_safetensors(
    path: Path, arrays: Mapping[str, Host], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes `arrays`, whole or not at all."""
    from safetensors.numpy import save

    ordered = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    _write(path, save(ordered, dict(metadata or {})))


def write_pickle(path: Path, arrays: Mapping[str, Host]) -> None:
    """Writes `arrays` as a state dict that `torch.load` reads; needs PyTorch."""
    import io

    torch = _torch(path)
    buffer = io.BytesIO()
    torch.save({name: torch.tensor(np.asarray(value)) for name, value in arrays.items()}, buffer)
    _write(path, buffer.getvalue())


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CheckpointError(f"{path}: cannot be written ({error.strerror})") from None


def _read_safetensors(path: Path) -> dict[str, Host]:
    import ml_dtypes  # noqa: F401  makes NumPy know bfloat16
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: not a whole safetensors file ({error})") from None


def _read_pickle(path: Path) -> dict[str, Host]:
    import pickle

    torch = _torch(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # about the pickle's protocol
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise CheckpointError(
            f"{path}: refused, it is damaged or holds more than arrays, and a pickle can run code; "
            "ask for a .safetensors file"
        ) from None
    except (RuntimeError, EOFError, zipfile.BadZipFile, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: not a whole PyTorch file ({reason})") from None
    for name in NESTED:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    return {name: _array(path, name, value) for name, value in _entries(path, found)}


def _entries(path: Path, found: Any) -> list[tuple[str, Any]]:
    if not isinstance(found, dict) or not found:
        raise CheckpointError(f"{path}: must hold a dict of arrays, got {type(found).__name__}")
    prefix = "module."  # of a model that was wrapped for several devices
    cut = len(prefix) if all(str(name).startswith(prefix) for name in found) else 0
    return [(str(name)[cut:], value) for name, value in found.items()]


def _array(path: Path, name: str, value: Any) -> Host:
    torch = _torch(path)
    if not isinstance(value, torch.Tensor):
        raise CheckpointError(
            f"{path}: {name} must be an array, got {type(value).__name__}; give a state dict"
        )
    if value.dtype == torch.bfloat16:
        import ml_dtypes

        return value.view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
    return value.detach().numpy()


def _torch(path: Path) -> Any:
    try:
        import torch
    except ImportError:
        raise UsageError(
            f'{path}: PyTorch reads and writes this kind of file: pip install "jaxdl[torch]", '
            "or give a .safetensors file"
        ) from None
    return torch
