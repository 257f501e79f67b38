"""Parameters by path: which of them a list of patterns means."""

import fnmatch
from collections.abc import Sequence
from typing import Any

import jax

from jaxdl.checks import UsageError, nearest
from jaxdl.typing import Tree


def path_of(keys: Any) -> str:
    """`stage1_block1/conv1/kernel`, as `jaxdl summary` writes it."""
    return jax.tree_util.keystr(keys, simple=True, separator="/")


def match_paths(who: str, params: Tree, patterns: Sequence[str]) -> Tree:
    """A tree of bools like `params`: the last shell pattern that fits a path decides.

    `*` also crosses `/`; a pattern that starts with `!` leaves out what it fits: `["*kernel",
    "!head/*"]` are all kernels but the head's. Raises UsageError for one that fits nothing.
    """
    paths = [path_of(keys) for keys, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    chosen = dict.fromkeys(paths, False)
    for pattern in patterns:
        found = fnmatch.filter(paths, pattern.removeprefix("!"))
        if not found:
            close = ", ".join(nearest(pattern, paths))
            raise UsageError(f"{who}: no parameter fits {pattern!r}; there are {close}, ...")
        chosen |= dict.fromkeys(found, not pattern.startswith("!"))
    return jax.tree_util.tree_map_with_path(lambda keys, _: chosen[path_of(keys)], params)
