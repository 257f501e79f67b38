"""What the networks cost and whose weights they take, as one table.

Costs stand in `zoo_costs.json`, because tracing all networks takes minutes; what is not there yet
is worked out. `python -m jaxdl.models.zoo_table` writes the file anew.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jaxdl.cache import weights_dir
from jaxdl.checks import UsageError
from jaxdl.models.named import make_model, model_table
from jaxdl.models.summary.table import summarize, total
from jaxdl.models.weights.known_files import KNOWN
from jaxdl.models.weights.rule_sets import SOURCES, rules_for
from jaxdl.models.weights.weights_folder import weight_files

FILE = Path(__file__).with_name("zoo_costs.json")
LARGE = ("convnets", "mobile", "transformers")  # folders of networks for images of 224 pixels
HEAD = ("model", "for", "parameters", "FLOPs", "names of", "weights")
UNITS = "FLOPs: multiply-adds of one RGB image of that size; `jaxdl summary MODEL` has the layers"


class Costs(NamedTuple):
    """Of one network, with the classes and images that it was made for."""

    size: int  # pixels on a side, three channels
    classes: int
    parameters: int
    multiply_adds: int


def measure_costs(name: str) -> Costs:
    """Traces the network: for 224 pixels and 1000 classes (21 of pixels), or for 32 and 10."""
    module = model_table()[name][0].split(".")[-2]
    large = module in LARGE and not name.startswith(("cifar_", "preact_"))
    size, classes = (224, 1000) if large else (32, 10)
    if module == "segmentation":
        size, classes = 224, 21
    sums = total(summarize(make_model(name, classes), (size, size, 3)))
    return Costs(size, classes, sums.parameters, sums.multiply_adds)


@functools.cache
def stored_costs() -> dict[str, Costs]:
    """Those in the file."""
    return {name: Costs(*row) for name, row in json.loads(FILE.read_text()).items()}


def costs_of(name: str) -> Costs:
    """The stored ones, else measured."""
    return stored_costs().get(name) or measure_costs(name)


def name_sources(name: str) -> list[str]:
    """The libraries in whose names the network's weights are read and written."""
    model = make_model(name, costs_of(name).classes)
    found = []
    for source in SOURCES:
        try:
            rules_for(model, source)
            found.append(source)
        except UsageError:
            continue
    return found


def known_weights(name: str) -> list[str]:
    """Its weight files: the one on this machine, else published ones that are recognized."""
    folder = weights_dir()
    here = {path.stem: path.name for path in weight_files(folder)} if folder else {}
    published = [facts for facts in KNOWN.values() if facts.model == name]
    if name in here:
        return [f"{here[name]} (here)"]
    return [f"{facts.model} ({facts.license})" for facts in published]


def zoo_table(names: Sequence[str]) -> str:
    """A line per network, with a head and what the numbers mean."""
    rows: list[tuple[str, ...]] = [HEAD]
    for name in names:
        costs = costs_of(name)
        rows.append(
            (
                name,
                f"{costs.size} px, {costs.classes}",
                f"{costs.parameters:,}",
                f"{costs.multiply_adds:,}",
                ", ".join(name_sources(name)) or "-",
                ", ".join(known_weights(name)) or "-",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if i in (2, 3) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, UNITS])


def write_costs() -> None:
    """Measures all networks and writes the file."""
    lines = [f' "{n}": {json.dumps(list(measure_costs(n)))}' for n in sorted(model_table())]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    write_costs()
