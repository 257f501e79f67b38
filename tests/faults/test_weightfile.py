"""Weights from elsewhere: read as arrays, or refused; never run."""

import json
import os
import pickle
import resource
import sys
import zipfile

import ml_dtypes
import numpy as np
import pytest

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.models.weights.published import load_weights
from jaxdl.models.weights.unwrap import unwrap
from jaxdl.models.weights.weight_file import (
    SAFETENSORS,
    UntrustedWeightsError,
    WeightFileError,
    read_weights,
    write_safetensors,
)

ARRAYS = {
    "layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "layer.bias": np.zeros(3, np.float16),
    "half": np.array([1.5, -2], ml_dtypes.bfloat16),
    "scalar": np.array(7, np.int64),
    "nothing": np.zeros((0, 3), np.float32),
}


def check_equal(got, want):
    assert got.keys() == want.keys()
    for name, value in want.items():
        assert (got[name].dtype, got[name].shape) == (value.dtype, value.shape), name
        np.testing.assert_array_equal(got[name], value, err_msg=name)


class Bomb:
    """An object that leaves a trace where it is unpickled."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def test_safetensors_of_torch_are_read_without_torch(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    tensors = {"w": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.bfloat16)}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "a.pt")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r'needs torch .*: pip install "jaxdl\[torch\]"'):
        read_weights(tmp_path / "a.pt")
    got = read_weights(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(got["w"], tensors["w"].numpy())
    np.testing.assert_array_equal(got["b"].astype(np.float32), [1, 1])
    assert got["b"].dtype == ml_dtypes.bfloat16


def test_what_is_written_is_read_by_others(tmp_path):
    path = tmp_path / "a.safetensors"
    write_safetensors(path, ARRAYS)
    check_equal(read_weights(path), ARRAYS)
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    for name, value in load_file(path).items():
        np.testing.assert_array_equal(
            value.to(torch.float64).numpy(), ARRAYS[name].astype(np.float64)
        )
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("dtype", SAFETENSORS.values())
def test_every_type_survives(tmp_path, dtype):
    arrays = {"x": np.array([[0, 1], [1, 0]]).astype(dtype)}
    write_safetensors(tmp_path / "a.safetensors", arrays)
    check_equal(read_weights(tmp_path / "a.safetensors"), arrays)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
def test_torch_files_are_read_as_flat_names(tmp_path, suffix):
    torch = pytest.importorskip("torch")
    linear = torch.nn.Linear(3, 2)
    saved = {"epoch": 3, "state_dict": linear.state_dict(), "ema": {0: torch.ones(2)}}
    torch.save(saved, tmp_path / f"a{suffix}")
    want = {k: v.numpy() for k, v in linear.state_dict().items()}
    check_equal(unwrap(read_weights(tmp_path / f"a{suffix}"))[0], want)
    torch.save({"net": linear.state_dict(), "ema": {0: torch.ones(2)}}, tmp_path / f"b{suffix}")
    nested = {f"net.{k}": v for k, v in want.items()} | {"ema.0": np.ones(2, np.float32)}
    check_equal(read_weights(tmp_path / f"b{suffix}"), nested)
    torch.save(torch.ones(2, dtype=torch.bfloat16), tmp_path / f"one{suffix}")
    check_equal(read_weights(tmp_path / f"one{suffix}"), {"one": np.ones(2, ml_dtypes.bfloat16)})


def test_numpy_files_are_read(tmp_path):
    plain = {k: v for k, v in ARRAYS.items() if k != "half"}
    np.savez(tmp_path / "a.npz", **plain)
    check_equal(read_weights(tmp_path / "a.npz"), plain)
    np.save(tmp_path / "one.npy", ARRAYS["scalar"])
    check_equal(read_weights(tmp_path / "one.npy"), {"one": ARRAYS["scalar"]})


def untrusted(folder, trace):
    """Files that would run code if they were unpickled."""
    bomb = Bomb(trace)
    plain = folder / "plain.pt"
    plain.write_bytes(pickle.dumps({"w": bomb}))
    np.save(folder / "objects.npy", np.array([bomb], object), allow_pickle=True)
    np.savez(folder / "objects.npz", w=np.array([bomb], object))
    (folder / "pickle.npy").write_bytes(pickle.dumps(bomb))
    (folder / "model.ckpt").write_bytes(pickle.dumps(bomb))
    (folder / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (folder / "model.pkl").write_bytes(pickle.dumps(bomb))
    (folder / "noname").write_bytes(pickle.dumps(bomb))
    return sorted(folder.iterdir())


def test_no_file_runs_code(tmp_path):
    trace = tmp_path / "trace"
    folder = tmp_path / "files"
    folder.mkdir()
    files = untrusted(folder, trace)
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.ones(1), "bomb": Bomb(trace)}, folder / "zip.pt")
    for path in [*files, folder / "zip.pt"]:
        with pytest.raises(UntrustedWeightsError, match=path.name) as raised:
            read_weights(path)
        assert "\n" not in str(raised.value)
        assert isinstance(raised.value, CheckpointError)
        assert raised.value.code == 7
    assert not trace.exists()
    pickle.loads((folder / "plain.pt").read_bytes())  # the bombs do work
    assert trace.exists()


def damaged(folder):
    """Files that are not what their names say."""
    write_safetensors(folder / "whole.safetensors", ARRAYS)
    whole = (folder / "whole.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[:-1])
    (folder / "head.safetensors").write_bytes(b"\xff" * 8 + whole[8:])
    (folder / "empty.safetensors").write_bytes(b"")
    (folder / "html.pt").write_bytes(b"<html>404</html>")
    (folder / "empty.pt").write_bytes(b"")
    (folder / "renamed.pt").write_bytes(whole)
    (folder / "empty.npy").write_bytes(b"")
    np.save(folder / "cut.npy", np.ones(100))
    (folder / "cut.npy").write_bytes((folder / "cut.npy").read_bytes()[:-8])
    np.savez(folder / "cut.npz", w=np.ones(100))
    (folder / "cut.npz").write_bytes((folder / "cut.npz").read_bytes()[:-30])
    with zipfile.ZipFile(folder / "other.npz", "w") as file:
        file.writestr("readme.txt", "no arrays here")
    return [p for p in sorted(folder.iterdir()) if p.name != "whole.safetensors"]


def test_a_damaged_file_is_one_line(tmp_path):
    pytest.importorskip("torch")
    for path in [*damaged(tmp_path), tmp_path / "absent.safetensors"]:
        with pytest.raises(WeightFileError, match=path.name) as raised:
            read_weights(path)
        assert "\n" not in str(raised.value)


def test_a_file_of_another_hash_is_refused(tmp_path):
    import hashlib

    path = tmp_path / "a.safetensors"
    write_safetensors(path, ARRAYS)
    known = hashlib.sha256(path.read_bytes()).hexdigest()
    check_equal(read_weights(path, sha256=known.upper()), ARRAYS)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # in the data: safetensors itself would not notice
    path.write_bytes(content)
    read_weights(path)
    with pytest.raises(UntrustedWeightsError, match=f"must be {known}, got"):
        read_weights(path, sha256=known)


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    write_safetensors(path, ARRAYS)
    with pytest.raises(WeightFileError, match="cannot be written"):
        write_safetensors(path, {"w": np.array([None])})
    check_equal(read_weights(path), ARRAYS)
    with pytest.raises(WeightFileError, match="cannot be written"):
        write_safetensors(tmp_path / "nowhere" / "a.safetensors", ARRAYS)


def header_of(shape, size=8):
    """A safetensors file of `size` bytes of data whose header claims an array of `shape`."""
    text = json.dumps({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(size)


def bombs(folder):
    """Files that claim, or expand to, far more than they are; a few kilobytes each."""
    torch = pytest.importorskip("torch")
    (folder / "claims.safetensors").write_bytes(header_of([2**40]))
    (folder / "empty.safetensors").write_bytes(header_of([0, 2**40, 2**40], 0))
    (folder / "length.safetensors").write_bytes((2**60).to_bytes(8, "little") + b"{}")
    deep = b'{"w":' + b"[" * 100_000
    (folder / "deep.safetensors").write_bytes(len(deep).to_bytes(8, "little") + deep)
    torch.save({"w": torch.zeros(1).expand(2**20, 2**12)}, folder / "expanded.pth")
    zeros = bytes(2**24)
    for name in ("zeros.npz", "zeros.pth"):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as file:
            for i in range(20):
                file.writestr(f"archive/data/{i}", zeros)
    np.save(folder / "claims.npy", np.zeros(4))
    whole = (folder / "claims.npy").read_bytes()
    (folder / "claims.npy").write_bytes(whole.replace(b"(4,), }     ", b"(4" + b"0" * 5 + b",), }"))
    return sorted(folder.iterdir())


def test_a_bomb_is_one_line_and_takes_no_memory(tmp_path):
    files = bombs(tmp_path)
    assert sum(path.stat().st_size for path in files) < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in files:
        with pytest.raises(WeightFileError, match=path.name) as raised:
            read_weights(path)
        assert "\n" not in str(raised.value)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000  # kilobytes


def test_a_damaged_header_of_our_own_is_one_line(tmp_path):
    path = tmp_path / "a.safetensors"
    for text in ("[" * 100_000, "[]", "{}", '{"model": 3}', "no json"):
        write_safetensors(path, ARRAYS, {"jaxdl": text})
        with pytest.raises(CheckpointError, match="its header is damaged") as raised:
            load_weights(path)
        assert "\n" not in str(raised.value)
