"""Names of models and what they stand for, read from the source text, which must not import jax."""

import ast
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxdl.checks import UsageError, unknown

HERE = Path(__file__).parent
PLAIN = (bool, int, float, str)
# Fields that hold a function or a layer, and where its name is looked up.
NAMED = {
    "act": ("jaxdl.layers.activation", "activation_layer", "jaxdl.ops.activation", "ACTIVATIONS"),
    "norm": ("jaxdl.layers.norm.registry", "norm_layer", "jaxdl.layers.norm.registry", "NORMS"),
}

ADDED: dict[str, Callable[..., Any]] = {}  # by `register_model`, outside of this folder


def make_model(name: str, num_classes: int, **options: Any) -> Any:
    """The model of that name, a Linen module; `options` are its own fields.

    Raises UsageError with the nearest names for a name or an option that there is not.
    """
    return with_options(load_model(name), name, num_classes=num_classes, **options)


def with_options(model: Callable[..., Any], name: str, **options: Any) -> Any:
    """`model(**options)`, with `act` and `norm` by their names; `name` is the model's in errors.

    Raises UsageError with the nearest names for an option that there is not.
    """
    known = inspect.signature(model).parameters
    for option in options:
        if option not in known:
            raise unknown(f"model {name}: option", option, known.keys() - {"parent", "name"})
    types = typing.get_type_hints(model)
    for option in NAMED.keys() & options.keys():
        if isinstance(options[option], str) and not is_plain(types.get(option)):
            options[option] = _by_name(name, option, options[option])
    return model(**options)


@functools.cache
def model_table() -> dict[str, tuple[str, str]]:
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


def load_model(name: str) -> Callable[..., Any]:
    if name in ADDED:
        return ADDED[name]
    table = model_table()
    if name not in table:
        raise unknown("model", name, [*table, *ADDED])
    module, attribute = table[name]
    return getattr(importlib.import_module(module), attribute)


def _by_name(model: str, option: str, value: str) -> Any:
    """What the name of an activation or a norm stands for."""
    if value == "maxout":
        raise UsageError(f"model {model}: maxout halves the channels; mlp and deep_convnet take it")
    module, finder, *_ = NAMED[option]
    return getattr(importlib.import_module(module), finder)(value)


def is_plain(kind: Any) -> bool:
    """bool, int, float, str, or a tuple of one of them."""
    if typing.get_origin(kind) is tuple:
        return all(item in (*PLAIN, ...) for item in typing.get_args(kind))
    return kind in PLAIN
