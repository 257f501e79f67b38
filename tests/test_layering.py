"""The rule of the house: each clause finds a planted violation, and none in the real tree."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

from tests.judges import CHAINS, UNTESTED, judged_by

ROOT = Path(__file__).parents[1]
JUDGED_BY = judged_by()

DOMAINS = (
    "classic classification language detection generative interpret rl segmentation selfsup video "
    "vision3d"
)
DATA = "clips files images masks meshes splits synthetic tables tfds"

# From the ground up: a file imports only lines above its own, and nothing sideways in its line.
# `CONTRIBUTING.md` shows the same table.
ROOMS = (
    ("typing", "checks", "old_names", "plain_file", "say"),
    ("config", "draw", "cache", "html_page"),
    ("ops",),
    ("losses", "layers", "metrics"),
    ("optim", "data", "runs"),
    ("models",),
    ("training",),
    ("evaluation",),
    ("search",),
    ("diagnose",),
    tuple(DOMAINS.split()),
    ("interop",),
    ("bench",),
    ("compare",),
    ("catalog",),
    ("experiment",),
    ("front",),
    ("commands",),
    ("cli",),
    ("skeleton",),
)
FOLDERS = {  # the rooms that are divided, and into what
    "ops": {"augment", "boxes", "forms", "upsampling"},
    "layers": {"norm", "sequence"},
    "data": set(DATA.split()),
    "runs": {"loggers"},
    "models": {"convnets", "mobile", "segmentation", "small", "summary", "transformers", "weights"},
    "classic": {"backprop", "clustering", "features"},
    "detection": {"dense", "instances", "set_prediction", "torchvision", "two_stage"},
    "generative": {"autoregressive", "gan"},
    "interpret": {"attribution", "synthesis"},
    "rl": {"agents", "environments", "tabular"},
    "selfsup": {"pretext"},
    "video": {"clips", "flow", "localization", "models"},
    "vision3d": {"fields", "single_view", "surfaces"},
    "interop": {"torch_twins"},
    "bench": {"accelerator"},
}
RANK = {room: line for line, rooms in enumerate(ROOMS) for room in rooms}
FOLDER_FILES, FILE_LINES, FUNCTION_LINES = 20, 400, 50
GRAB_BAGS = {"utils", "helpers", "common", "misc"}
FOREIGN_TO_DATA = ("jax", "flax", "jaxdl.ops", "jaxdl.layers")

Files = dict[str, str]  # path from the root of the checkout -> source


def house() -> Files:
    paths = [p for top in ("jaxdl", "experiments", "tests") for p in (ROOT / top).rglob("*.py")]
    return {p.relative_to(ROOT).as_posix(): p.read_text() for p in sorted(paths)}


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def room_of(module: str) -> str:
    """`jaxdl.ops.conv` -> `ops`; empty for `jaxdl` itself."""
    return module.split(".")[1] if "." in module else ""


def below(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


@cache
def nodes(source: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(source)))


def imports(path: str, files: Files) -> Iterator[tuple[str, str]]:
    """Every `(module, name)` that a file imports at any depth; no name for `import module`.

    A string that is a module of jaxdl, as in a table of what is loaded by name, is an import too,
    but for the command line, which is started as a process. `jaxdl` itself is the door: it loads
    what is asked of it, and nobody inside goes through it.
    """
    if path == "jaxdl/__init__.py":
        return
    modules = {module_of(p) for p in files}
    for node in nodes(files[path]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = PurePosixPath(path).parts[: -node.level] if node.level else ()
            module = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                yield (inner, "") if inner in modules else (module, alias.name)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.partition(":")[0]
            if name.startswith("jaxdl.") and name in modules - {"jaxdl.cli"}:
                yield name, ""


def find_unlisted_rooms(files: Files) -> list[str]:
    rooms, folders = set(), set()
    for path in files:
        first, *rest = path.split("/")
        if first == "jaxdl" and rest != ["__init__.py"]:
            rooms.add(rest[0].removesuffix(".py"))
            folders.update(["/".join(rest[:-1])] if len(rest) > 2 else [])
    listed = {f"{room}/{folder}" for room, inner in FOLDERS.items() for folder in inner}
    return sorted((rooms ^ set(RANK)) | (folders ^ listed))


def find_upward_imports(files: Files) -> list[str]:
    bad = []
    for path in files:
        room = room_of(module_of(path))
        for module, name in imports(path, files) if path.startswith("jaxdl/") else ():
            if module == "jaxdl" and name not in ("", "__version__"):
                bad.append(f"{path}: jaxdl.{name}")
            target = room_of(module) if below(module, "jaxdl") else ""
            if target and target != room and RANK.get(target, 99) >= RANK.get(room, 98):
                bad.append(f"{path}: {module}")
    return bad


def find_imports_of_experiments_or_tests(files: Files) -> list[str]:
    """Inside `jaxdl`; nor does an experiment import a test, or another experiment."""
    bad = []
    for path in files:
        tops = {"jaxdl": ("experiments", "tests"), "experiments": ("experiments", "tests")}
        for module, _ in imports(path, files):
            if any(below(module, top) for top in tops.get(path.split("/")[0], ())):
                bad.append(f"{path}: {module}")
    return bad


def find_cycles(files: Files) -> list[str]:
    """Files from which imports, lazy ones too, lead back to themselves."""
    paths = {module_of(p): p for p in files}
    graph = {p: {paths[m] for m, _ in imports(p, files) if m in paths} - {p} for p in files}

    @cache
    def reached(start: str) -> frozenset[str]:
        seen, todo = set(), list(graph[start])
        while todo:
            path = todo.pop()
            if path not in seen:
                seen.add(path)
                todo.extend(graph[path])
        return frozenset(seen)

    return [path for path in files if path in reached(path)]


def find_full_folders(files: Files) -> list[str]:
    folders = [str(PurePosixPath(p).parent) for p in files if not p.endswith("__init__.py")]
    return sorted({folder for folder in folders if folders.count(folder) > FOLDER_FILES})


def find_long_files(files: Files) -> list[str]:
    return [path for path, source in files.items() if len(source.splitlines()) > FILE_LINES]


def find_long_functions(files: Files) -> list[str]:
    return [
        f"{path}: {node.name}"
        for path, source in files.items()
        for node in nodes(source)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not path.startswith("tests/")
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES
    ]


def find_borrowed_names(files: Files) -> list[str]:
    """Names that are imported through a module that has only imported them itself."""
    paths = {module_of(p): p for p in files}
    borrowed = {}
    for module, path in paths.items():
        body = ast.parse(files[path]).body
        at_top = [n for n in body if isinstance(n, ast.ImportFrom | ast.Import)]
        borrowed[module] = {a.asname or a.name.split(".")[0] for n in at_top for a in n.names}
    return [
        f"{path}: {module}.{name}"
        for path in files
        for module, name in imports(path, files)
        if name in borrowed.get(module, ())
    ]


def find_foreign_imports_of_data(files: Files) -> list[str]:
    return [
        f"{path}: {module}"
        for path in files
        if path.startswith("jaxdl/data/")
        for module, _ in imports(path, files)
        if any(below(module, foreign) for foreign in FOREIGN_TO_DATA)
    ]


def find_filled_packages(files: Files) -> list[str]:
    """`__init__.py` with anything in it, but the one of jaxdl (and plain packages of tests)."""
    inits = {p: s for p, s in files.items() if p.endswith("/__init__.py")}
    return [path for path, source in inits.items() if source and path != "jaxdl/__init__.py"]


def find_grab_bags(files: Files) -> list[str]:
    return [p for p in files if GRAB_BAGS & set(p.removesuffix(".py").split("/"))]


def find_tests_without_a_first_line(files: Files) -> list[str]:
    """Test files whose first line is not a docstring that says what judges them."""
    tests = [p for p in files if PurePosixPath(p).name.startswith("test_")]
    return [p for p in tests if not re.match(r'"""[A-Z`*\d]?.{19,}', files[p])]


def mirror_of(path: str) -> str:
    """`jaxdl/ops/conv.py` -> `tests/ops/test_conv.py`."""
    place = PurePosixPath(path.replace("jaxdl/", "tests/", 1))
    return str(place.with_name(f"test_{place.name}"))


def near(path: str, files: Files) -> set[str]:
    """The modules that a test imports, and those that they import.

    Helpers of tests, the command line and its commands are looked through.
    """
    paths = {module_of(p): p for p in files}
    seen, todo, found = set(), [path], set()
    while todo:
        for module in {m for m, _ in imports(todo.pop(), files)} & set(paths) - seen:
            seen.add(module)
            found |= {module} | {m for m, _ in imports(paths[module], files)}
            through = module.startswith("tests.") or room_of(module) in ("cli", "commands")
            todo.extend([paths[module]] if through else [])
    return found


def find_unjudged_modules(
    files: Files, judged_by: dict[str, str] = JUDGED_BY, untested: dict[str, str] = UNTESTED
) -> list[str]:
    """Modules with neither a test of their own nor a true line in a table, and stale lines."""
    modules = {p for p in files if p.startswith("jaxdl/") and not p.endswith("__init__.py")}
    judges = {p: mirror_of(p) for p in modules if mirror_of(p) in files} | judged_by
    bad = {f"{p}: no test" for p in modules - set(judges) - set(untested)}
    for path, judge in judges.items():
        if path not in modules:
            bad.add(f"{path}: no such module")
        elif path in judged_by and mirror_of(path) in files:
            bad.add(f"{path}: has a test of its name, and needs no line")
        elif judge not in files:
            bad.add(f"{path}: no such test {judge}")
        elif module_of(path) not in near(judge, files):
            bad.add(f"{path}: {judge} imports neither it nor what imports it")
    bad |= {f"{p}: stale in UNTESTED" for p in untested if p not in modules or p in judges}
    return sorted(bad)


def find_homeless_tests(files: Files, judged_by: dict[str, str] = JUDGED_BY) -> list[str]:
    """Test files in no module's place that neither judge another module nor stand in `CHAINS`."""
    places = (
        {mirror_of(p) for p in files if p.startswith("jaxdl/")}
        | set(judged_by.values())
        | set(CHAINS)
    )
    free = re.compile(r"tests/((faults|experiments|scripts)/.*|test_\w+\.py)")
    tests = [p for p in files if p.startswith("tests/") and "/test_" in p]
    return [p for p in tests if p not in places and not free.fullmatch(p)]


LINE = "x = 1\n"
PLANTED = {  # clause -> a tree in which it must find something, and where
    find_unlisted_rooms: ({"jaxdl/cellar/wine.py": ""}, "cellar"),
    find_upward_imports: (
        {"jaxdl/ops/a.py": "def f():\n    from jaxdl.layers.conv import Conv\n"},
        "jaxdl/ops/a.py: jaxdl.layers.conv",
    ),
    find_imports_of_experiments_or_tests: (
        {"experiments/x/a.py": "import experiments.x.b\n"},
        "experiments/x/a.py: experiments.x.b",
    ),
    find_cycles: (
        {
            "jaxdl/ops/a.py": "from jaxdl.ops import b\n",
            "jaxdl/ops/b.py": "def f():\n    from jaxdl.ops.a import g\n",
        },
        "jaxdl/ops/b.py",
    ),
    find_full_folders: ({f"jaxdl/ops/a{i}.py": "" for i in range(21)}, "jaxdl/ops"),
    find_long_files: ({"tests/test_a.py": LINE * 401}, "tests/test_a.py"),
    find_long_functions: (
        {"jaxdl/a.py": "class A:\n  def f():\n" + 50 * "    x = 1\n"},
        "jaxdl/a.py: f",
    ),
    find_borrowed_names: (
        {
            "jaxdl/ops/a.py": "from jaxdl.ops.b import conv\n",
            "jaxdl/ops/b.py": "from jaxdl.ops.c import conv\n",
        },
        "jaxdl/ops/a.py: jaxdl.ops.b.conv",
    ),
    find_foreign_imports_of_data: (
        {"jaxdl/data/a.py": "import jax.numpy as jnp\n"},
        "jaxdl/data/a.py: jax.numpy",
    ),
    find_filled_packages: ({"jaxdl/ops/__init__.py": LINE}, "jaxdl/ops/__init__.py"),
    find_grab_bags: ({"tests/ops/utils.py": ""}, "tests/ops/utils.py"),
    find_tests_without_a_first_line: ({"tests/test_a.py": "import jax\n"}, "tests/test_a.py"),
    find_unjudged_modules: ({"jaxdl/ops/a.py": ""}, "jaxdl/ops/a.py: no test"),
    find_homeless_tests: ({"tests/ops/test_a.py": ""}, "tests/ops/test_a.py"),
}


@pytest.mark.parametrize("find", PLANTED, ids=lambda find: find.__name__)
def test_a_planted_violation_is_found(find):
    files, where = PLANTED[find]
    assert where in find(files)


@pytest.mark.parametrize("find", PLANTED, ids=lambda find: find.__name__)
def test_the_house_keeps_the_rule(find):
    assert find(house()) == []


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("ops", "import jaxdl.training.loop"),
        ("layers", "from jaxdl.models import registry"),
        ("losses", "from jaxdl.metrics.text import bleu"),
        ("classic", "from jaxdl.generative.vqvae import VQVAE"),
        ("training", "NAMES = {'pca': 'jaxdl.classic.features.pca:pca'}"),
    ],
)
def test_an_upward_or_sideways_import_is_found_in_every_form(room, line):
    pca = {"jaxdl/classic/features/pca.py": ""}
    assert find_upward_imports({f"jaxdl/{room}/a.py": line, **pca})
    assert not find_upward_imports({"jaxdl/commands/a.py": line, **pca})


def test_nobody_inside_goes_through_the_door():
    line = "from jaxdl import fit, __version__"
    assert find_upward_imports({"jaxdl/commands/a.py": line}) == ["jaxdl/commands/a.py: jaxdl.fit"]


@pytest.mark.parametrize(
    ("judged_by", "untested", "problem"),
    [
        ({"jaxdl/ops/b.py": "tests/test_a.py"}, {}, "no such module"),
        ({"jaxdl/ops/a.py": "tests/test_b.py"}, {}, "no such test"),
        ({"jaxdl/ops/a.py": "tests/test_a.py"}, {}, "imports neither it nor"),
        ({}, {"jaxdl/ops/b.py": "so"}, "stale in UNTESTED"),
    ],
)
def test_a_false_line_in_a_table_of_judges_is_found(judged_by, untested, problem):
    files = {"jaxdl/ops/a.py": "", "tests/test_a.py": LINE}
    assert problem in " ".join(find_unjudged_modules(files, judged_by, untested))


def listed_rooms(text: str) -> list[list[str]]:
    """The rooms between the two markers, line by line: the first column, without brackets."""
    table = text.partition("<!-- rooms -->")[2].partition("<!-- /rooms -->")[0]
    lines = []
    for line in table.splitlines():
        cell = line.split("|")[1] if line.startswith("|") else re.split(r"\s{2,}", line)[0]
        names = re.findall(r"\b[a-z]\w+", re.sub(r"\(.*?\)", "", cell))
        lines.extend([names] if names and not line.startswith("```") else [])
    return [line for line in lines if line != ["rooms"]]


def test_contributing_shows_the_table_of_rooms():
    assert listed_rooms((ROOT / "CONTRIBUTING.md").read_text()) == [list(r) for r in ROOMS]


def test_a_room_in_the_wrong_line_of_the_table_is_seen():
    table = "<!-- rooms -->\n| Rooms | What |\n|---|---|\n| `ops/` `data/` | x |\n<!-- /rooms -->"
    assert listed_rooms(table) == [["ops", "data"]]
