"""Files of weights, read without running what is in them.

`.safetensors` and NumPy files need nothing but this package; torch's own files need torch, and are
opened with `weights_only=True`. There is no second attempt in a laxer way.
"""

import contextlib
import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from jaxdl.checks import CheckpointError, require
from jaxdl.typing import Host

SAFETENSORS = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}

PICKLES = (".pt", ".pth", ".bin")
LARGEST = 2**35  # bytes of a file of weights
MODEST = 2**28  # bytes that any file may expand to
RATIO = 4  # and how many times its own size: compressed weights lose a tenth, sparse ones more


class WeightFileError(CheckpointError):
    """A file of weights that is missing, damaged or of no known kind."""


class UntrustedWeightsError(WeightFileError):
    """A file that would have to run code to be read, or is not the one that was expected."""


def read_weights(path: str | Path, *, sha256: str = "") -> dict[str, Host]:
    """Name -> array of a `.safetensors`, `.pt`, `.pth`, `.bin`, `.npz` or `.npy` file.

    Nested dictionaries of torch files are joined with dots, and what is no array in them is left
    out; `unwrap` finds the weights among such names. A single array is named after its file. With
    `sha256` (hexadecimal) any other file is refused.

    Raises WeightFileError where the file cannot be read, UntrustedWeightsError where that would
    take more than reading.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightFileError(f"weights {path}: there is no such file")
    if path.suffix not in READERS:
        raise UntrustedWeightsError(
            f"weights {path}: {path.suffix or 'such'} files are not read; convert it to "
            f".safetensors where you trust it (known: {', '.join(READERS)})"
        )
    if sha256:
        _check_sha256(path, sha256)
    if path.stat().st_size > LARGEST:
        raise WeightFileError(f"weights {path}: must be at most {LARGEST:,} bytes")
    try:
        return READERS[path.suffix](path)
    except OSError as error:
        raise WeightFileError(f"weights {path}: {error.strerror or error}") from None
    except MemoryError as error:
        raise WeightFileError(f"weights {path}: claims more than fits into memory") from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """The words in the header of a `.safetensors` file; empty for another kind of file."""
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (safetensors.SafetensorError, OSError):
        return {}


def write_safetensors(
    path: str | Path, arrays: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes name -> array, whole or not at all; `read_weights` gives the same arrays."""
    from safetensors.numpy import save

    ordered = {name: np.asarray(host_array(arrays[name]), order="C") for name in sorted(arrays)}
    try:
        data = save(ordered, dict(metadata or {}))
    except Exception as error:  # the writer is not Python: its errors are of kinds of its own
        raise WeightFileError(f"weights {path}: cannot be written ({_first(error)})") from None
    _write(Path(path), data)


def write_pickle(path: str | Path, arrays: Mapping[str, Any]) -> None:
    """Writes `arrays` as a state dict that `torch.load` reads; needs PyTorch."""
    import io

    torch = require("torch", "jaxdl[torch]", f"weights {path}")
    buffer = io.BytesIO()
    torch.save({name: torch.tensor(host_array(value)) for name, value in arrays.items()}, buffer)
    _write(Path(path), buffer.getvalue())


def host_array(value: Any) -> Host:
    """Anything array-like as NumPy; a tensor of torch, too, which may require a gradient."""
    if not hasattr(value, "detach"):
        return np.asarray(value)
    value = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
    if str(value.dtype) != "torch.bfloat16":
        return value.numpy()
    torch = require("torch", "jaxdl[torch]", "weights")
    return value.view(torch.int16).numpy().view(ml_dtypes.bfloat16)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise WeightFileError(f"weights {path}: cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _check_sha256(path: Path, want: str) -> None:
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != want.lower():
        raise UntrustedWeightsError(f"weights {path}: sha256 must be {want}, got {got}")


def _read_safetensors(path: Path) -> dict[str, Host]:
    from safetensors import SafetensorError, deserialize

    try:
        parts = deserialize(path.read_bytes())
    except SafetensorError as error:
        raise _damaged(path, error) from None
    arrays = {}
    for name, part in parts:
        dtype = SAFETENSORS.get(part["dtype"])
        if dtype is None:
            raise WeightFileError(f"weights {path}: {name!r} has the type {part['dtype']}")
        try:
            arrays[name] = np.frombuffer(part["data"], dtype).reshape(part["shape"])
        except (ValueError, OverflowError) as error:
            raise _damaged(path, error) from None
    return arrays


def _read_torch(path: Path) -> dict[str, Host]:
    torch = require("torch", "jaxdl[torch]", f"weights {path}")
    check_members(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file raises what the damage happens to meet
        if "weights_only" not in str(error) and "Weights only" not in str(error):
            raise _damaged(path, error) from None
        raise UntrustedWeightsError(
            f"weights {path}: it holds more than arrays, or no weights at all, and reading that "
            "would run its code; ask for a .safetensors file"
        ) from None
    leaves = [(name or path.stem, x) for name, x in _leaves(loaded)]
    check_expansion(path, sum(x.numel() * x.element_size() for _, x in leaves))
    return {name: _from_torch(torch, path, name, x) for name, x in leaves}


def _leaves(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from _leaves(value, f"{prefix}.{name}" if prefix else str(name))
    elif hasattr(tree, "detach"):
        yield prefix, tree


def _from_torch(torch: Any, path: Path, name: str, x: Any) -> Host:
    if x.layout != torch.strided or x.is_quantized:
        raise WeightFileError(f"weights {path}: {name!r} is sparse or quantized")
    return host_array(x)


def _read_numpy(path: Path) -> dict[str, Host]:
    check_members(path)
    try:
        # A mapped file cannot claim more than it has.
        mode = "r" if path.suffix == ".npy" else None
        loaded = np.load(path, allow_pickle=False, mmap_mode=mode)
        if isinstance(loaded, np.ndarray):
            return {path.stem: np.array(loaded)}
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
        for name, array in arrays.items():
            if not isinstance(array, np.ndarray):
                raise ValueError(f"{name!r} is no array")
        return arrays
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        if "pickle" not in str(error) and "Python objects" not in str(error):
            raise _damaged(path, error) from None
        raise UntrustedWeightsError(
            f"weights {path}: it holds Python objects, and reading those would run their code"
        ) from None


def check_members(path: Path) -> None:
    """Raises UntrustedWeightsError for a zip archive that would expand beyond all measure."""
    try:
        with zipfile.ZipFile(path) as file:
            check_expansion(path, sum(member.file_size for member in file.infolist()))
    except (zipfile.BadZipFile, OSError):
        return  # no archive, or a damaged one: its reader says so


def check_expansion(path: Path, claimed: int) -> None:
    """Raises UntrustedWeightsError where `claimed` bytes are far more than the file can hold."""
    size = path.stat().st_size
    allowed = max(MODEST, RATIO * size)
    if claimed > allowed:
        raise UntrustedWeightsError(
            f"weights {path}: {size:,} bytes that claim to be {claimed:,} (at most {allowed:,} are "
            "taken); it is damaged, or made to fill the memory"
        )


def _damaged(path: Path, error: Exception) -> WeightFileError:
    return WeightFileError(f"weights {path}: damaged, or no {path.suffix} file ({_first(error)})")


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


READERS: dict[str, Callable[[Path], dict[str, Host]]] = {
    ".safetensors": _read_safetensors,
    **dict.fromkeys(PICKLES, _read_torch),
    ".npz": _read_numpy,
    ".npy": _read_numpy,
}
