"""Models by name. Listing them reads source text only: it must be quick and must not import jax."""

import ast
import dataclasses
import fnmatch
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError, unknown


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which model; `choose` gives the dataclass of that model's own options."""

    name: str = "lenet"

    @staticmethod
    def choose(name: str) -> type["ModelConfig"]:
        """`model_options(name)`."""
        return model_options(name)


HERE = Path(__file__).parent
PLAIN = (bool, int, float, str)
# Fields that hold a function or a layer, and where its name is looked up.
NAMED = {
    "act": ("jaxdl.layers.activation", "activation_layer", "jaxdl.ops.activation", "ACTIVATIONS"),
    "norm": ("jaxdl.layers.norm.registry", "norm_layer", "jaxdl.layers.norm.registry", "NORMS"),
}


def list_models(pattern: str = "*") -> list[str]:
    """Sorted names of all registered models that match a shell pattern."""
    return sorted(fnmatch.filter(_table(), pattern))


def create_model(name: str, num_classes: int, **options: Any) -> Any:
    """The model of that name, a Linen module; `options` are its own fields.

    Raises UsageError with the nearest names for a name or an option that there is not.
    """
    model = _load(name)
    known = inspect.signature(model).parameters
    for option in options:
        if option not in known:
            raise unknown(f"model {name}: option", option, known.keys() - {"parent", "name"})
    types = typing.get_type_hints(model)
    for option in NAMED.keys() & options.keys():
        if isinstance(options[option], str) and not _plain(types.get(option)):
            options[option] = _by_name(name, option, options[option])
    return model(num_classes=num_classes, **options)


def build_model(cfg: ModelConfig, num_classes: int) -> Any:
    """The model of a config's `model` table."""
    options = {f.name: getattr(cfg, f.name) for f in dataclasses.fields(cfg)}
    return create_model(options.pop("name"), num_classes, **options)


def model_options(name: str) -> type[ModelConfig]:
    """A frozen dataclass of what can be chosen about a model: `name` first, then its plain fields.

    Plain are bool, int, float, str and tuples of one of them; a field `act` or `norm` that holds a
    function or a layer is chosen by its name. `num_classes` comes from the data and is left out.
    The docstring holds the comments next to the fields, so that a command line can show
    them.
    """
    model = _load(name)
    types = typing.get_type_hints(model)
    comments = {"name": "which model"} | _comments(model)
    fields: list[tuple[str, Any, Any]] = [("name", str, name)]
    for option, parameter in inspect.signature(model).parameters.items():
        if option in ("num_classes", "parent", "name"):
            continue
        if not _plain(types.get(option)):
            default = _name_of(option, parameter.default)
            if default:
                fields.append((option, str, default))
            continue
        if parameter.default is inspect.Parameter.empty:
            raise ValueError(f"model {name}: the field {option} must have a default")
        fields.append((option, types[option], parameter.default))
    doc = [f"  {field}: {comments[field]}" for field, *_ in fields if field in comments]
    return dataclasses.make_dataclass(
        "".join(part.capitalize() for part in re.split(r"[^a-zA-Z0-9]", name)) + "Options",
        fields,
        bases=(ModelConfig,),
        frozen=True,
        namespace={"__doc__": "\n".join([f"Options of {name}.", "", "Attributes:", *doc])},
    )


@functools.cache
def _table() -> dict[str, tuple[str, str]]:
    """name -> (module, attribute) of all that is decorated with `register` in this folder."""
    table = {}
    for path in sorted(HERE.rglob("*.py")):
        module = ".".join(path.relative_to(HERE).with_suffix("").parts)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            for name in _registered_names(node):
                assert name not in table, f"two models are named {name}"
                table[name] = (f"{__package__}.{module}", node.name)
    return table


def _registered_names(node: ast.ClassDef | ast.FunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Name) and decorator.id == "register":
            yield snake_case(node.name)
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "register":
            yield ast.literal_eval(decorator.args[0])


def snake_case(name: str) -> str:
    """`DenseNet` -> `dense_net`, `MLP` -> `mlp`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _load(name: str) -> Callable[..., Any]:
    table = _table()
    if name not in table:
        raise unknown("model", name, table)
    module, attribute = table[name]
    return getattr(importlib.import_module(module), attribute)


def _by_name(model: str, option: str, value: str) -> Any:
    """What the name of an activation or a norm stands for."""
    if value == "maxout":
        raise UsageError(f"model {model}: maxout halves the channels; mlp and deep_convnet take it")
    module, finder, *_ = NAMED[option]
    return getattr(importlib.import_module(module), finder)(value)


def _name_of(option: str, value: Any) -> str:
    """The name of a default, "" where it has none."""
    if option not in NAMED:
        return ""
    *_, module, table = NAMED[option]
    known = getattr(importlib.import_module(module), table)
    return next((name for name, known_value in known.items() if known_value is value), "")


def _plain(kind: Any) -> bool:
    """bool, int, float, str, or a tuple of one of them."""
    if typing.get_origin(kind) is tuple:
        return all(item in (*PLAIN, ...) for item in typing.get_args(kind))
    return kind in PLAIN


def _comments(model: Callable[..., Any]) -> dict[str, str]:
    """The comments at the ends of the lines that declare the fields or arguments."""
    comments = {}
    for cls in reversed(inspect.getmro(model) if inspect.isclass(model) else (model,)):
        if cls.__module__.startswith(f"{__package__}."):
            found = re.findall(r"^ +(\w+): .*  # (.+)$", inspect.getsource(cls), re.MULTILINE)
            comments |= dict(found)
    return comments
