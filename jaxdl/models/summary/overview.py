"""The first line of a training: on what data, how large a model, on which devices."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from jaxdl.config import read_toml
from jaxdl.data.splits.in_words import in_words
from jaxdl.data.splits.split import Split
from jaxdl.runs.environment import device_name
from jaxdl.runs.run_folder import CONFIG
from jaxdl.typing import Key, Tree


def overview(folder: Path, splits: Mapping[str, Split], params: Tree, devices: int = 1) -> str:
    """Data with its rows and classes, parameters, devices; the config in `folder` names the data.

    `params`: arrays or their shapes.
    """
    path = folder / CONFIG
    data = in_words(name_of(read_toml(path) if path.exists() else {}), splits)
    size = sum(x.size for x in jax.tree.leaves(params))
    return f"{data}; {size:,} parameters; on {devices} x {device_name()}"


def name_of(config: Mapping[str, Any]) -> str:
    """What a config learns from: its data set, its environment, else just "data"."""
    tables = (config.get(field) for field in ("data", "env"))
    names = (table.get("name") for table in tables if isinstance(table, Mapping))
    return next((name for name in names if name), "data")


def overview_of(folder: Path, splits: Mapping[str, Split], init: Callable[[Key], Any]) -> str:
    """`overview` of a task on one device, before `init` has made its state."""
    return overview(folder, splits, jax.eval_shape(init, jax.random.key(0)).params)
