"""Plants faults in a package of jaxdl and says which of them its tests notice.

    python scripts/mutate.py losses --count 20 --out mutants.json

A mutant changes one place of one module: an operator, comparison, constant, condition, argument,
a term of a sum, or a call. It is killed where the module's tests fail, cannot be imported, or take
four times as long as without it. Modules without a test of their own are left out, and named.
"""

import argparse
import ast
import copy
import json
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
FAILED = (1, 2)  # pytest's exit codes: tests failed; a module could not be imported
COPIED = ("jaxdl", "tests", "experiments", "configs", "scripts", "docs", "pyproject.toml")


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node may become, each with a name."""
    match node:
        case ast.BinOp():
            if type(node.op) in OPERATORS:
                yield "operator", _with(node, op=OPERATORS[type(node.op)]())
            if isinstance(node.op, ast.Add | ast.Sub):
                yield "dropped term", node.left
        case ast.Compare() if type(node.ops[0]) in OPERATORS:
            yield "comparison", _with(node, ops=[OPERATORS[type(node.ops[0])](), *node.ops[1:]])
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            yield "constant", ast.Constant(value + 1)
        case ast.If() | ast.IfExp():
            yield "negated condition", _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Call(args=[first, *others]) if not isinstance(first, ast.Starred):
            if others:
                yield "swapped arguments", _with(node, args=[others[0], first, *others[1:]])
            yield "removed call", first


def _with(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


class _Planter(ast.NodeTransformer):
    """Walks the places in one order; at place number `at` it plants what may stand there."""

    def __init__(self, at: int = -1) -> None:
        self.at, self.count, self.kind, self.line = at, 0, "", 0

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Raise | ast.AnnAssign | ast.arg):  # texts of errors, types
            return node
        chosen = None
        for kind, new in changes(node):
            if self.count == self.at:
                chosen, self.kind, self.line = new, kind, getattr(node, "lineno", 0)
            self.count += 1
        return chosen or self.generic_visit(node)


def count_places(source: str) -> int:
    """How many mutants a module has."""
    planter = _Planter()
    planter.visit(ast.parse(source))
    return planter.count


def plant(source: str, at: int) -> tuple[str, str, int]:
    """The module with mutant number `at`, the mutant's kind, and its line in `source`."""
    planter = _Planter(at)
    tree = ast.fix_missing_locations(planter.visit(ast.parse(source)))
    return ast.unparse(tree), planter.kind, planter.line


def tests_of(module: str, root: Path) -> list[str]:
    """The mirrored test of a module (below jaxdl/), or the one that tests/judges.py names."""
    folder, _, name = module.removesuffix(".py").rpartition("/")
    found = [f"tests/{folder}/test_{name}.py"] if folder else [f"tests/test_{name}.py"]
    judges = root / "tests" / "judges.py"
    judged_by = runpy.run_path(str(judges))["judged_by"]() if judges.exists() else {}
    found.append(judged_by.get(f"jaxdl/{module}", ""))
    return [test for test in found if (root / test).is_file()]


def notices(tests: list[str], root: Path, seconds: float) -> bool:
    """Whether the tests fail in this tree, or run out of time."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    env = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=root, env=env, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode in FAILED


def mutate(package: str, root: Path, count: int, seed: int, seconds: float) -> list[dict]:
    """A row a mutant: module, line, kind, whether killed. The tree at `root` is not changed.

    Raises RuntimeError where a module's tests fail without any mutant.
    """
    base = root / "jaxdl"
    sources = {str(p.relative_to(base)): p for p in sorted((base / package).rglob("*.py"))}
    texts = {m: path.read_text() for m, path in sources.items() if tests_of(m, root)}
    if untested := sorted(m for m in sources if m not in texts and Path(m).name != "__init__.py"):
        print(f"left out, without a test: {' '.join(untested)}")
    places = [(m, i) for m, text in texts.items() for i in range(count_places(text))]
    chosen = random.Random(seed).sample(places, min(count, len(places)))
    rows = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        for name in COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, tree / name)
            elif (root / name).exists():
                shutil.copy(root / name, tree / name)
        for module in sorted({module for module, _ in chosen}):
            tests, path = tests_of(module, tree), tree / "jaxdl" / module
            began = time.monotonic()
            if notices(tests, tree, seconds):
                raise RuntimeError(f"{module}: {' '.join(tests)} fail without a mutant")
            limit = 10 + 4 * (time.monotonic() - began)
            for at in sorted(i for m, i in chosen if m == module):
                text, kind, line = plant(texts[module], at)
                path.write_text(text)
                row = {"module": module, "line": line, "kind": kind, "place": at}
                rows.append({**row, "killed": notices(tests, tree, limit)})
            path.write_text(texts[module])
    return rows


def main() -> None:
    """Prints the survivors and the score, and writes all as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", help="a folder below jaxdl/")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seconds",
        type=float,
        default=120,
        help="limit of the tests of a module, without a mutant",
    )
    parser.add_argument("--out", type=Path, default=Path("mutants.json"))
    args = parser.parse_args()
    rows = mutate(args.package, Path.cwd(), args.count, args.seed, args.seconds)
    for row in rows:
        if not row["killed"]:
            print(f"survived: jaxdl/{row['module']}:{row['line']} {row['kind']} ({row['place']})")
    print(f"{args.package}: {sum(row['killed'] for row in rows)} of {len(rows)} killed")
    args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
