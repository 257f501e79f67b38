"""Models by name. Listing them reads source text only: it must be quick and must not import jax."""

import dataclasses
import fnmatch
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from jaxdl.checks import UsageError
from jaxdl.models.named import ADDED, NAMED, is_plain, load_model, make_model, model_table

T = TypeVar("T")
WEIGHTS = "a file, or the name of one in JAXDL_WEIGHTS_DIR, whose weights it starts from"


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which model; `choose` gives the dataclass of that model's own options."""

    name: str = "lenet"
    weights: str = ""

    @staticmethod
    def choose(name: str) -> type["ModelConfig"]:
        """`model_options(name)`."""
        return model_options(name)

    def __reduce__(self) -> Any:
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        if type(self) is ModelConfig:
            return ModelConfig, tuple(values.values())
        return _options_of, (values,)  # pickle finds no class that was made by `model_options`


def _options_of(values: dict[str, Any]) -> ModelConfig:
    return model_options(values["name"])(**values)


def list_models(pattern: str = "*") -> list[str]:
    """Sorted names of all registered models that match a shell pattern."""
    return sorted(fnmatch.filter([*model_table(), *ADDED], pattern))


Model = typing.TypeVar("Model", bound=Callable[..., Any])


def register_model(name: str) -> Callable[[Model], Model]:
    """Decorator: a Linen module of one's own under `name`, for `create_model` and configs.

    Its fields are its options; one is `num_classes`. In this process alone; a later one of the
    same name takes its place, as when a cell of a notebook runs again. Raises UsageError for a
    name of the library's own, or a model without `num_classes`.
    """

    def add(model: Model) -> Model:
        if name in model_table():
            raise UsageError(f"register_model: {name!r} is a model of jaxdl; choose another name")
        if "num_classes" not in inspect.signature(model).parameters:
            raise UsageError(f"register_model {name!r}: the model needs a field num_classes: int")
        ADDED[name] = model
        model_options.cache_clear()
        return model

    return add


def create_model(
    name: str, num_classes: int | None = None, *, weights: str | Path = "", **options: Any
) -> Any:
    """The model of that name, a Linen module; `options` are its own fields.

    With `weights`, a file or the name of one in `JAXDL_WEIGHTS_DIR`, its `init` gives the variables
    of that file, which is read at once; so it does inside of another module. `num_classes` is by
    default the file's; with another number the layers that depend on it start anew. An option
    `auto` follows what the weights were trained with.

    Raises UsageError with the nearest names for a name or an option that there is not,
    CheckpointError where the weights do not fit.
    """
    if weights:
        from jaxdl.models.weights.start import pretrained_model  # not at the top: it imports jax

        return pretrained_model(name, str(weights), num_classes, **options)
    if num_classes is None:
        raise UsageError(f"model {name}: needs num_classes, or weights that tell them")
    return make_model(name, num_classes, **options)


def build_model(cfg: ModelConfig, num_classes: int) -> Any:
    """The model of a config's `model` table."""
    options = {f.name: getattr(cfg, f.name) for f in dataclasses.fields(cfg)}
    return create_model(options.pop("name"), num_classes, **options)


@functools.cache
def model_options(name: str) -> type[ModelConfig]:
    """A frozen dataclass of what can be chosen about a model; see `options_class`."""
    return options_class(name, load_model(name), ModelConfig)


def options_class(name: str, model: Callable[..., Any], base: type[T]) -> type[T]:
    """A frozen dataclass below `base` of the plain fields of `model`, after `name`.

    Plain are bool, int, float, str and tuples of one of them; a field `act` or `norm` that holds a
    function or a layer is chosen by its name. `num_classes` comes from the data and is left out.
    The docstring holds the comments next to the fields, so that a command line can show
    them.
    """
    types = typing.get_type_hints(model)
    comments = {"name": "which model", "weights": WEIGHTS} | _comments(model)
    fields: list[tuple[str, Any, Any]] = [("name", str, name)]
    for option, parameter in inspect.signature(model).parameters.items():
        if option in ("num_classes", "parent", "name"):
            continue
        if not is_plain(types.get(option)):
            default = _name_of(option, parameter.default)
            if default:
                fields.append((option, str, default))
            continue
        if parameter.default is inspect.Parameter.empty:
            raise ValueError(f"model {name}: the field {option} must have a default")
        fields.append((option, types[option], parameter.default))
    doc = [f"  {field}: {comments[field]}" for field, *_ in fields if field in comments]
    made: Any = dataclasses.make_dataclass(
        "".join(part.capitalize() for part in re.split(r"[^a-zA-Z0-9]", name)) + "Options",
        fields,
        bases=(base,),
        frozen=True,
        namespace={"__doc__": "\n".join([f"Options of {name}.", "", "Attributes:", *doc])},
    )
    return made


def _name_of(option: str, value: Any) -> str:
    """The name of a default, "" where it has none."""
    if option not in NAMED:
        return ""
    *_, module, table = NAMED[option]
    known = getattr(importlib.import_module(module), table)
    return next((name for name, known_value in known.items() if known_value is value), "")


def _comments(model: Callable[..., Any]) -> dict[str, str]:
    """The comments at the ends of the lines that declare the fields or arguments."""
    comments = {}
    for cls in reversed(inspect.getmro(model) if inspect.isclass(model) else (model,)):
        if cls.__module__.startswith("jaxdl."):
            found = re.findall(r"^ +(\w+): .*  # (.+)$", inspect.getsource(cls), re.MULTILINE)
            comments |= dict(found)
    return comments
