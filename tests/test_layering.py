"""Imports go one way; a package at its top loads nothing heavy."""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BASE = {"typing", "checks", "config", "draw"}
SHARED = [
    "base",
    "ops",
    "layers|losses|metrics",
    "data|training|models",
    "domain",
    "interop",
    "cli",
]
# In a level with several packages these may import each other, as design has it.
SIDEWAYS = {
    ("losses", "layers"),
    ("training", "data"),
    ("training", "models"),
    ("layers", "losses"),
}


def level(package):
    if package in BASE:
        return 0
    for number, names in enumerate(SHARED):
        if package in names.split("|"):
            return number
    return SHARED.index("domain")


def violations(source, package):
    """What `source`, a file of the package `package`, must not import."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] in ("experiments", "tests"):
                found.append(name)
            if parts[0] != "jaxdl" or len(parts) < 2 or parts[1] == package:
                continue
            lower = level(parts[1]) < level(package)
            if not lower and package != "cli" and (package, parts[1]) not in SIDEWAYS:
                both_base = parts[1] in BASE and package in BASE
                if not both_base:
                    found.append(name)
            if package == "data" and parts[1] in ("ops", "layers"):
                found.append(name)
        if package == "data" and any(n.split(".")[0] in ("jax", "flax") for n in names):
            found.append("jax")
    return found


FILES = sorted((ROOT / "jaxdl").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path):
    package = path.relative_to(ROOT / "jaxdl").parts[0].removesuffix(".py")
    assert violations(path.read_text(), package) == []


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("ops", "from jaxdl.layers.conv import Conv"),
        ("ops", "import jaxdl.training.loop"),
        ("layers", "from jaxdl.models import registry"),
        ("training", "from jaxdl.classic.features.pca import pca"),
        ("classic", "from jaxdl.ops.boxes.geometry import iou"),
        ("data", "import jax.numpy as jnp"),
        ("models", "from experiments.classification import train"),
    ],
)
def test_a_forbidden_import_is_found(package, line):
    assert violations(f"def f():\n{textwrap.indent(line, '    ')}\n", package)


def test_packages_are_empty_and_grab_bags_absent():
    for path in (ROOT / "jaxdl").rglob("__init__.py"):
        if path.parent.name != "jaxdl":
            assert path.read_text() == "", path
    banned = {"utils.py", "helpers.py", "common.py", "misc.py"}
    assert not [path for path in FILES if path.name in banned]


def test_importing_jaxdl_loads_nothing_heavy():
    code = "import sys, jaxdl.cli; print([m for m in ('jax', 'numpy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
