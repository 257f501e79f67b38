"""Weights of PyTorch models in and out of ours, by rules that say what a parameter is called there.

A rule leads from our name to theirs, never back: the way in and the way out read the same table, so
a file that is read and written again is the same file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.models.weights.soundness import check_sound
from jaxdl.typing import Host, Tree

# The last part of our name -> theirs
LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}
Pattern = tuple[str, str]
T = TypeVar("T")


@dataclass(frozen=True)
class Rules:
    """What the parameters of one of our models are called in another library.

    A pattern is a regular expression for a whole name of ours, parts joined by "/", and a template
    of theirs: `{1}` is the first group, `{1-1}` that number less one.
    """

    modules: Sequence[Pattern]  # of modules; the leaves then follow LEAVES
    leaves: Sequence[Pattern] = ()  # of single parameters, which go first
    flattened: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Linear modules whose input is a flattened image of this height and width."""
    renamed: Sequence[Pattern] = ()
    """Names in old files of theirs -> their names now; matched whole, groups as above."""
    head: str = "head"  # our last linear module: its rows are the classes
    ones: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Free parameters of ours (last part of the name) -> axes of length 1 that theirs has, too;
    those that are not named have a batch axis there: (1, L, D)."""
    constants: Mapping[str, Host] = field(default_factory=dict)
    """Arrays under their names that no training changes, and that we have no parameters for."""
    transposed: Sequence[str] = ()
    """Modules that are transposed convolutions, whose kernels have the inputs first there."""
    counters: bool = True
    """Whether their norms count batches; frozen ones do not."""


@dataclass(frozen=True)
class Place:
    """One array: where it is in our tree and in their file, and its shape in both."""

    path: tuple[str, ...]  # collection first
    theirs: str
    shape: tuple[int, ...]
    image: tuple[int, int] | None = None  # of a flattened input
    ones: tuple[int, ...] | None = None  # see `Rules.ones`
    transposed: bool = False  # see `Rules.transposed`

    @property
    def their_shape(self) -> tuple[int, ...]:
        """The shape in their file."""
        return self.out(np.broadcast_to(np.float32(0), self.shape)).shape

    def out(self, array: Host) -> Host:
        """Our array as theirs: channels first, outputs before inputs."""
        if self.path[-1] != "kernel":
            return array if self.path[-1] in LEAVES else np.expand_dims(array, self._ones)
        if self.image is not None:
            array = array.reshape(*self.image, -1, self.shape[-1])
            return array.transpose(3, 2, 0, 1).reshape(self.shape[::-1])
        window = range(array.ndim - 2)
        if self.transposed:
            return array.transpose(array.ndim - 2, array.ndim - 1, *window)
        return array.transpose(array.ndim - 1, array.ndim - 2, *window)

    def back(self, array: Host) -> Host:
        """Their array as ours."""
        if self.path[-1] != "kernel":
            return array.reshape(self.shape)
        if self.image is not None:
            array = array.reshape(self.shape[-1], -1, *self.image)
            return array.transpose(2, 3, 1, 0).reshape(self.shape)
        last = (0, 1) if self.transposed else (1, 0)
        return array.transpose(*range(2, array.ndim), *last)

    @property
    def _ones(self) -> tuple[int, ...]:
        return tuple(range(3 - len(self.shape))) if self.ones is None else self.ones


def places(rules: Rules, variables: Tree) -> list[Place]:
    """The place of every array (or shape) of `variables` in their file."""
    found = []
    for keys, leaf in jax.tree_util.tree_leaves_with_path(variables):
        path = tuple(key.key for key in keys)
        module = "/".join(path[1:-1])
        image = rules.flattened.get(module)
        ones = rules.ones.get(path[-1])
        shape, turned = tuple(leaf.shape), module in rules.transposed
        found.append(Place(path, their_name(rules, path), shape, image, ones, turned))
    return found


def their_name(rules: Rules, path: tuple[str, ...]) -> str:
    """The name in their file of our parameter `path` (collection first)."""
    name = "/".join(path[1:])
    for whole in fill_in(rules.leaves, name):
        return whole
    for module in fill_in(rules.modules, "/".join(path[1:-1])):
        return f"{module}.{LEAVES[path[-1]]}"
    raise CheckpointError(f"weights: no rule says what {name} is called there")


def from_torch(
    rules: Rules,
    arrays: Mapping[str, Host],
    like: Tree,
    *,
    who: str = "weights",
    cast: bool = False,
) -> Tree:
    """The variables that `arrays` (their names) hold, of `like`'s structure, shapes and dtypes.

    `num_batches_tracked`, which carries no weight, and constants are passed over. Raises
    CheckpointError with every missing, unused and misshapen name, every constant that is another
    and every array that is not float32 (`cast` takes other floats too), not finite or a negative
    variance.
    """
    arrays = {_renamed(rules, name): value for name, value in arrays.items()}
    expected = places(rules, like)
    wrong = list(_problems(expected, arrays, cast, rules.constants))
    if wrong:
        raise CheckpointError("\n  ".join([f"{who} does not fit the model:", *wrong]))
    with np.errstate(over="ignore"):  # what becomes infinite is named below
        leaves = [
            np.asarray(place.back(arrays[place.theirs]), np.float32, order="C")
            for place in expected
        ]
    names = [place.theirs for place in expected]
    variances = {place.theirs for place in expected if place.path[-1] == "var"}
    check_sound(who, dict(zip(names, leaves, strict=True)), variances)
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def to_torch(rules: Rules, variables: Tree) -> dict[str, Host]:
    """All arrays of `variables` under their names, with a zero `num_batches_tracked` a norm.

    Without those where `rules.counters` says that theirs have none.
    """
    arrays = {}
    values = jax.tree.leaves(variables)
    for place, value in zip(places(rules, variables), values, strict=True):
        arrays[place.theirs] = np.asarray(place.out(np.asarray(value)), order="C")
        if place.path[-1] == "var" and rules.counters:
            counter = place.theirs.replace("running_var", "num_batches_tracked")
            arrays[counter] = np.zeros((), np.int64)
    return arrays | dict(rules.constants)


def fit(rules: Rules, names: Sequence[str], like: Tree) -> float:
    """The share of names on either side that the other one has too, 0 to 1."""
    ours = {place.theirs for place in places(rules, like)}
    theirs = {_renamed(rules, name) for name in names if not _counter(name)} - set(rules.constants)
    return len(ours & theirs) / max(len(ours | theirs), 1)


def count_classes(rules: Rules, arrays: Mapping[str, Host]) -> int:
    """The number of rows of the last linear layer; 0 where there is none."""
    bias = their_name(rules, ("params", rules.head, "bias"))
    for name, value in arrays.items():
        if _renamed(rules, name) == bias:
            return len(value)
    return 0


def without(rules: Rules, arrays: Mapping[str, T], whole: Tree, kept: Tree) -> dict[str, T]:
    """`arrays` but for those of `whole`, a model's variables, that `kept`, a part of it, lacks."""
    names = [{place.theirs for place in places(rules, tree)} for tree in (whole, kept)]
    dropped = names[0] - names[1]
    return {name: a for name, a in arrays.items() if _renamed(rules, name) not in dropped}


def _problems(
    expected: Sequence[Place],
    arrays: Mapping[str, Host],
    cast: bool,
    constants: Mapping[str, Host],
) -> Iterator[str]:
    known = {place.theirs for place in expected}
    for place in expected:
        array = arrays.get(place.theirs)
        if array is None:
            yield f"missing    {place.theirs} {place.their_shape}"
        elif array.shape != place.their_shape:
            yield f"misshapen  {place.theirs}: must be {place.their_shape}, got {array.shape}"
        elif not (array.dtype == np.float32 or (cast and is_float(array.dtype))):
            remedy = "; cast takes it" if is_float(array.dtype) else ""
            yield f"misread    {place.theirs}: must be float32, got {array.dtype}{remedy}"
    for name, array in arrays.items():
        if name in constants:
            if not np.array_equal(array, constants[name]):
                yield f"another    {name}: differs from what the model computes"
        elif name not in known and not _counter(name):
            yield f"unused     {name} {array.shape}"


def widen(arrays: Mapping[str, Host]) -> tuple[dict[str, Host], list[str]]:
    """The arrays, floats below 32 bits as float32, which loses nothing, and what was done.

    That is a line for each type, such as "53 of 262 arrays widened from float16 to float32".
    """
    narrow = {k: a.dtype.name for k, a in arrays.items() if is_float(a.dtype) and _bits(a) < 32}
    count, kinds = len(arrays), list(narrow.values())
    done = [
        f"{kinds.count(kind)} of {count} arrays widened from {kind} to float32"
        for kind in sorted(set(kinds))
    ]
    wide = {k: a.astype(np.float32) if k in narrow else a for k, a in arrays.items()}
    return wide, done


def _bits(array: Host) -> int:
    return 8 * array.dtype.itemsize


def is_float(dtype: Any) -> bool:
    """True for floats of any width, bfloat16 too."""
    return bool(jnp.issubdtype(dtype, jnp.floating))


def _counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _renamed(rules: Rules, name: str) -> str:
    return next(fill_in(rules.renamed, name), name)


def fill_in(patterns: Sequence[Pattern], name: str) -> Iterator[str]:
    """The templates of the patterns that match the whole name, filled in."""
    for pattern, template in patterns:
        match = re.fullmatch(pattern, name)
        if match:
            yield re.sub(r"\{(\d)(-1)?\}", lambda hole, m=match: _group(m, hole), template)


def _group(match: re.Match[str], hole: re.Match[str]) -> str:
    text: Any = match[int(hole[1])]
    return str(int(text) - 1) if hole[2] else text
