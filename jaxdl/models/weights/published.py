"""Published weights as ours and back; our own weight files, each with its model and preprocessing.

weights = import_weights(Path("resnet50.pth"), "resnet50")
logits = weights.model().apply(weights.variables, weights.preprocessing(images), train=False)
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import CheckpointError, UsageError
from jaxdl.models.named import make_model
from jaxdl.models.weights.facts import IMAGENET, Facts, class_names, plain, write_facts
from jaxdl.models.weights.imagenet import imagenet_classes
from jaxdl.models.weights.known_files import facts_of, file_sha256
from jaxdl.models.weights.preprocessing import Preprocessing, published_preprocessing
from jaxdl.models.weights.rule_sets import find_source, rules_for
from jaxdl.models.weights.soundness import check_sound
from jaxdl.models.weights.unwrap import unwrap
from jaxdl.models.weights.weight_file import (
    PICKLES,
    read_metadata,
    read_weights,
    write_pickle,
    write_safetensors,
)
from jaxdl.models.weights.weight_rules import count_classes, from_torch, to_torch, widen, without
from jaxdl.typing import Tree

HEADER = "jaxdl"  # the name of our entry in a file's metadata


@dataclass(frozen=True)
class Weights:
    """Variables of a registered model, with all that is needed to use them."""

    name: str
    num_classes: int
    variables: Tree
    preprocessing: Preprocessing
    source: str  # the library that they come from
    options: Mapping[str, Any] = field(default_factory=dict)  # of the model
    classes: tuple[str, ...] = ()  # their names, where they are known
    facts: Facts | None = None  # what is known of the file
    said: tuple[str, ...] = ()  # what was done to it on the way

    def model(self) -> Any:
        """The Linen module."""
        return make_model(self.name, self.num_classes, **self.options)


def open_weights(path: str | Path, name: str, **options: Any) -> Weights:
    """The weights in our own file, or in another library's, for the model `name`.

    Raises UsageError where the file is known to be of another model, CheckpointError where it does
    not fit.
    """
    path = Path(path)
    own = own_facts(path)
    if own is None:
        return import_weights(path, name, **options)
    if own["model"] != name:
        raise UsageError(f"weights {path}: they are of {own['model']}, not of {name}")
    weights = load_weights(path)
    for option, value in weights.options.items():
        if options.get(option, value) not in (value, "auto"):
            raise UsageError(
                f"weights {path}: they are of {name} with {option} = {value}, "
                f"got {options[option]}; give the same"
            )
    weights = dataclasses.replace(weights, options={**options, **weights.options})
    check_fit(weights, path)
    return weights


def import_weights(
    path: str | Path,
    name: str,
    *,
    source: str | None = None,
    num_classes: int | None = None,
    change: Mapping[str, Any] | None = None,
    cast: bool = False,
    part: str | None = None,
    **options: Any,
) -> Weights:
    """The weights of another library's file for the registered model `name`.

    Without `source` and `num_classes` the file tells them; 0 classes leave its classifier out, and
    a file that has none gives a model without one. `part` says which of several sets of weights in
    the file is meant, see `unwrap`. `change` replaces fields of the published preprocessing.
    Narrower floats become float32, which loses nothing; `cast` takes wider ones, too. What is known
    of the file (see `facts_of`) counts before what is guessed.

    Raises CheckpointError with every name that is missing, unused or misshapen, UsageError where
    the file is known to be of another model.
    """
    path = Path(path)
    facts = _facts_for(path, name)
    arrays, opened = unwrap(read_weights(path), part, who=f"weights {path}")
    arrays, said = widen(arrays)
    probe = make_model(name, 1000, **options)
    source = source or (facts.names if facts else None)
    source = source or find_source(probe, list(arrays), variable_shapes(probe, Preprocessing.size))
    rules, options = rules_for(probe, source), options | trained_options(probe, facts)
    rows = count_classes(rules, arrays)
    classes = rows if num_classes is None else num_classes
    published = facts.preprocessing if facts else published_preprocessing(source, name)
    preprocessing = dataclasses.replace(published, **(change or {}))

    def shapes(classes: int) -> Tree:
        return variable_shapes(make_model(name, classes, **options), preprocessing.size)

    if rows and not classes:
        arrays = without(rules, arrays, shapes(rows), shapes(0))
        said.append("the classifier is left out")
    if not rows:
        said.append("there is no classifier in the file")
    who = f"{path} as {source}'s {name}"
    variables = from_torch(rules, arrays, shapes(classes), who=who, cast=cast)
    names = class_names(facts.classes) if facts and classes else ()
    said = (*opened, *said)
    return Weights(name, classes, variables, preprocessing, source, options, names, facts, said)


def _facts_for(path: Path, name: str) -> Facts | None:
    """What is known of another library's file. Raises UsageError for one of another model."""
    if own_facts(path) is not None:
        raise UsageError(f"weights {path}: is a file of jaxdl already; load_weights reads it")
    facts = facts_of(path)
    if facts is not None and facts.model != name:
        raise UsageError(f"weights {path}: they are of {facts.model}, not of {name}")
    return facts


def trained_options(model: Any, facts: Facts | None) -> dict[str, Any]:
    """The options of `facts` that `model` leaves to them: those that are `auto`."""
    options = facts.options if facts else {}
    return {k: plain(v) for k, v in options.items() if getattr(model, k, None) == "auto"}


def export_weights(path: str | Path, weights: Weights, *, source: str | None = None) -> None:
    """Writes the weights under the names of `source`, as safetensors or, by its ending, as .pth.

    What they are stands beside it, see `write_facts`.
    """
    path, source = Path(path), source or weights.source
    arrays = to_torch(rules_for(weights.model(), source), weights.variables)
    write = write_pickle if path.suffix in PICKLES else write_safetensors
    write(path, arrays)
    write_facts(path, facts_about(path, weights, source))


def facts_about(path: Path, weights: Weights, names: str) -> Facts:
    """What the file `path`, which holds `weights` under the `names` of a library, is."""
    before = weights.facts
    known = IMAGENET if weights.classes == imagenet_classes() else weights.classes
    return Facts(
        weights.name,
        names,
        weights.preprocessing,
        file_sha256(path),
        source=before.source if before else f"a file with {weights.source}'s names",
        license=before.license if before else "not known",
        classes=known,
        options=weights.options,
        notes=(*(before.notes if before else ()), *weights.said),
    )


def save_weights(path: str | Path, weights: Weights) -> None:
    """Our own file: safetensors with our names; model, options and preprocessing in its header.

    What it is stands beside it, too, see `write_facts`.
    """
    path = Path(path)
    flat: Any = flax.traverse_util.flatten_dict(weights.variables, sep="/")
    known = IMAGENET if weights.classes == imagenet_classes() else list(weights.classes)
    facts = {
        "model": weights.name,
        "num_classes": weights.num_classes,
        "options": dict(weights.options),
        "source": weights.source,
        "preprocessing": dataclasses.asdict(weights.preprocessing),
        "classes": known,
    }
    arrays = {name: np.asarray(value) for name, value in flat.items()}
    write_safetensors(path, arrays, {HEADER: json.dumps(facts)})
    write_facts(path, facts_about(path, weights, HEADER))


def load_weights(path: str | Path) -> Weights:
    """What `save_weights` wrote.

    Raises CheckpointError where the file does not fit its model, is not finite or has a negative
    variance.
    """
    path = Path(path)
    header = own_facts(path)
    if header is None:
        raise CheckpointError(
            f"{path}: not a weight file of jaxdl; make one of a published file with "
            f"`jaxdl weights import {path} --model NAME`"
        )
    arrays = read_weights(path)
    check_sound(str(path), arrays, {name for name in arrays if name.endswith("/var")})
    weights = Weights(
        header["model"],
        header["num_classes"],
        flax.traverse_util.unflatten_dict(arrays, sep="/"),
        Preprocessing(**{k: plain(v) for k, v in header["preprocessing"].items()}),
        header["source"],
        {k: plain(v) for k, v in header["options"].items()},
        class_names(plain(header.get("classes", ()))),
        facts_of(path),
    )
    check_fit(weights, path)
    return weights


def check_fit(weights: Weights, path: Path) -> None:
    """Raises CheckpointError, with what differs, unless the variables are those of the model."""
    like = described(variable_shapes(weights.model(), weights.preprocessing.size))
    differing = sorted(like ^ described(weights.variables))[:10]
    if differing:
        raise CheckpointError(f"{path} does not fit {weights.name}:\n  " + "\n  ".join(differing))


def own_facts(path: Path) -> dict[str, Any] | None:
    """The header of our own file; None for a file of another kind.

    Raises CheckpointError where there is no file.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: cannot be read (there is no such file)")
    header = read_metadata(path).get(HEADER)
    if header is None:
        return None
    try:
        facts = json.loads(header)
        needed = {"model": str, "num_classes": int, "preprocessing": dict, "source": str}
        wrong = [name for name, kind in needed.items() if not isinstance(facts[name], kind)]
        if wrong or not isinstance(facts["options"], dict):
            raise ValueError(f"{', '.join(wrong) or 'options'} of a wrong type")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else repr(error)
        raise CheckpointError(f"{path}: its header is damaged ({reason})") from None
    return facts


def variable_shapes(model: Any, size: int) -> Tree:
    """The model's variables as shapes, for images `(size, size, 3)`."""
    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    return jax.eval_shape(partial(model.init, train=False), jax.eval_shape(jax.random.key, 0), x)


def described(variables: Tree) -> set[str]:
    """ "path type(shape)" of every variable."""
    flat: Any = flax.traverse_util.flatten_dict(variables, sep="/")
    return {f"{name} {leaf.dtype}{tuple(leaf.shape)}" for name, leaf in flat.items()}
