"""The catalog: jaxdl's own configs and experiments, and a person's beside them.

jaxdl's stand in the source checkout or in the installed package. A person's are `configs/` and
`experiments/` of the current folder, any file, any module that can be imported, and what installed
packages name under the entry point `jaxdl.experiments`. Nobody's shadow anybody's.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxdl.checks import UsageError, unknown
from jaxdl.config import say_renamed
from jaxdl.old_names import CONFIGS

ENTRY_POINTS = "jaxdl.experiments"


def home() -> Path:
    """Where jaxdl's own `configs` and `experiments` are: its checkout, else the package itself."""
    package = Path(__file__).parent
    return package.parent if (package.parent / "configs").is_dir() else package


def results_root() -> Path:
    """Where a person's results.json is: a folder with one or with configs, else the checkout."""
    here = Path.cwd()
    is_own = (here / "results.json").is_file() or (here / "configs").is_dir()
    return here if is_own or home() == Path(__file__).parent else home()


def find_configs(root: Path) -> dict[str, Path]:
    """Name -> file of every config under `root/configs`."""
    return {path.stem: path for path in sorted((root / "configs").rglob("*.toml"))}


def all_configs() -> dict[str, Path]:
    """Name -> file: jaxdl's own configs, and those of the current folder's `configs/`."""
    ours, own = _beside(find_configs)
    return ours | own


def find_config(name: str) -> Path:
    """A config or an experiment's script by its path, or a config by its name.

    Raises UsageError, with near names, where there is none, and where one name stands for two.
    """
    path = Path(name)
    if path.suffix in (".toml", ".py"):
        if not path.is_file():
            raise UsageError(f"config {name}: there is no such file")
        return path
    if name in CONFIGS:
        say_renamed(f"config {name}", [CONFIGS[name]])
        name = CONFIGS[name]
    ours, own = _beside(find_configs)
    if name not in ours | own:
        raise unknown("config", name, ours | own, "`jaxdl list` shows them all.")
    _check_one("config", name, ours, own)
    return (ours | own)[name]


def load_script(name: str) -> ModuleType:
    """An experiment's module: the path of a .py file, jaxdl's or one's own by its name with dots.

    Raises UsageError with near names where there is none, or where it is no experiment.
    """
    ours, own = _beside(_scripts)
    if name.endswith(".py"):
        module = _load_file(Path(name))
    elif name in ours | own:
        _check_one("experiment", name, ours, own)
        module = _load_ours(name) if name in ours else _load_file(own[name])
    else:
        module = _load_installed(name)
        if module is None:
            hint = "`jaxdl list` shows what configs use; your own: a .py file or a module."
            raise unknown("experiment", name, ours | own, hint)
    if not hasattr(module, "Config") or not (hasattr(module, "build") or hasattr(module, "run")):
        raise UsageError(
            f"experiment {name}: {module.__file__} must define a dataclass Config, and build(cfg) "
            "or run(cfg, run_dir); `jaxdl new experiment NAME` writes an example"
        )
    return module


def _scripts(root: Path) -> dict[str, Path]:
    """Name with dots -> file of every script under `root/experiments`."""
    folder = root / "experiments"
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts): path
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__init__.py"
    }


def _beside(find: Callable[[Path], dict[str, Path]]) -> tuple[dict[str, Path], dict[str, Path]]:
    """jaxdl's own, and what stands here that is neither that nor a copy of it."""
    ours = find(home())
    if Path.cwd() == home():
        return ours, {}
    return ours, {
        name: path
        for name, path in find(Path.cwd()).items()
        if name not in ours or ours[name].read_bytes() != path.read_bytes()
    }


def _check_one(what: str, name: str, ours: Mapping[str, Path], own: Mapping[str, Path]) -> None:
    if name in ours and name in own:
        raise UsageError(
            f"{what} {name}: there are two, jaxdl's {ours[name]} and yours, {own[name]}; give "
            "the path of one, or rename yours"
        )


def _load_ours(name: str) -> ModuleType:
    root = home()
    if root == Path(__file__).parent:
        return importlib.import_module(f"jaxdl.experiments.{name}")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return importlib.import_module(f"experiments.{name}")


def _load_file(path: Path) -> ModuleType:
    """The module of a file, which finds the modules beside it."""
    if not path.is_file():
        raise UsageError(f"experiment {path}: there is no such file")
    path = path.resolve()
    name = f"jaxdl_experiment_{path.stem}"  # no name that an import could mean
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(path):
        return known
    _append_to_path(path.parent)
    spec: Any = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load_installed(name: str) -> ModuleType | None:
    """What a package has under that entry point, else the module of that name."""
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name == name:
            return entry.load()
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    _append_to_path(Path.cwd())
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # not even its package
        return None
    return None if found is None or found.origin is None else importlib.import_module(name)


def _append_to_path(folder: Path) -> None:
    """At the end: what stands there hides no installed module."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
