"""`import jaxdl`: every name leads where it is defined, and nothing heavy is loaded before."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import jaxdl

ROOT = Path(__file__).parents[1]


def test_every_name_is_there_and_stands_in_its_own_module():
    for module, names in jaxdl.NAMES.items():
        for name in names:
            assert getattr(jaxdl, name) is getattr(import_module(module), name)
            assert getattr(jaxdl, name).__module__ == module
            assert name in dir(jaxdl)
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = jaxdl.fitt


def heavy_modules(module: str, root: Path) -> list[str]:
    """Which of the slow libraries `import module` loads, in a fresh process."""
    heavy = ("jax", "flax", "numpy", "optax", "torch", "tensorflow", "matplotlib", "sklearn")
    code = f"import sys, {module}; print(*[m for m in {heavy} if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize("module", ["jaxdl", "jaxdl.cli"])
def test_importing_jaxdl_loads_nothing_heavy(module):
    assert heavy_modules(module, ROOT) == []


def test_a_heavy_import_is_found(tmp_path):
    (tmp_path / "wine.py").write_text("import numpy\n")
    assert heavy_modules("wine", tmp_path) == ["numpy"]
