"""Pictures in files, each with the maps of its class by one method or several: a sheet, arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.checks import DataError, UsageError
from jaxdl.evaluation.batched import apply_in_batches
from jaxdl.evaluation.picture_files import PictureFiles, Predicted
from jaxdl.interpret.attribution.methods import (
    METHODS,
    MethodOptions,
    explain,
    find_method,
)
from jaxdl.interpret.draw_maps import Column, draw_maps
from jaxdl.interpret.network import Network
from jaxdl.interpret.subjects import Subject, find_class
from jaxdl.typing import Array, Host

GROUP = 8  # pictures that are explained at once
SHEET = 12  # pictures on a sheet, at most
SMOOTH = ("gradcam", "cam", "occlusion")  # maps that lie over their picture


class Explained(NamedTuple):
    """Of some pictures: what is said of each, what they look like, and maps `(B, H, W)`."""

    titles: list[str]
    pictures: Host
    maps: dict[str, Host]
    facts: dict[str, Host]
    """What else the file of arrays has, a row for each picture."""
    outlines: list[Host] | None = None


def choose_methods(given: str, known: Sequence[str] = tuple(METHODS)) -> list[str]:
    """The methods in "gradcam,saliency", or all of `known` for "all"; UsageError for others."""
    if given == "all":
        return list(known)
    names = [name.strip() for name in given.split(",")]
    for name in names:
        find_method(name)
        if name not in known:
            raise UsageError(f"explain: {name} needs named stages; use {', '.join(known)}")
    return names


def explain_files(
    subject: Subject,
    files: Sequence[Path],
    methods: Sequence[str],
    folder: Path,
    *,
    target: str = "",
    options: MethodOptions = MethodOptions(),
) -> Predicted:
    """Maps of the likeliest class of each picture, or of the class `target`.

    Of several methods those that the network is not made for are left out, and said.
    Writes `folder/sheet.png` and `folder/maps.npz`. Files that are no pictures are left out, and
    named. Raises DataError where the scores are not finite.
    """
    wanted = find_class(target, subject.classes) if target else None
    found, names = PictureFiles(files, channels=subject.channels), []
    pictures: list[Host] = []
    for group, images in found:
        names += group
        pictures += images
    if not pictures:
        return Predicted([], found.faults)
    shown, seen = subject.prepare(pictures)
    chances = class_chances(subject.network, seen)
    classes = chances.argmax(axis=1) if wanted is None else np.full(len(seen), wanted)
    said = [describe(row, int(i), subject.classes) for row, i in zip(chances, classes, strict=True)]
    maps, unfit = {}, []
    for name in methods:
        try:
            maps[name] = maps_of(name, subject.network, seen, classes, options)
        except UsageError as error:
            if len(methods) == 1:
                raise
            unfit.append(f"left out: {error}")
    if not maps:
        raise UsageError(f"explain: no method fits this network; {unfit[0]}")
    facts = {"target": classes, "probability": chances[np.arange(len(classes)), classes]}
    titles = [f"{short(file.name)}\n{text}" for file, text in zip(names, said, strict=True)]
    lines = [f"{file}  {text}" for file, text in zip(names, said, strict=True)]
    explained = Explained(titles, shown, maps, {**facts, "name": np.array([str(n) for n in names])})
    return Predicted([*subject.about, *lines, *unfit, *save(explained, folder)], found.faults)


def class_chances(network: Network, images: Array) -> Host:
    """The probabilities `(B, K)` of all classes."""

    @jax.jit
    def program(network: Network, images: Array) -> Array:
        stages = network(images)
        if stages.get("logits", jnp.zeros(())).ndim != 2:
            raise UsageError(f"explain: {type(network.model).__name__} has no classes")
        return jax.nn.softmax(stages["logits"])

    chances = apply_in_batches(lambda rows: program(network, images[rows]), *sizes(images))
    if not np.isfinite(chances).all():
        raise DataError("explain: the network gives scores that are not finite")
    return chances


def maps_of(
    name: str, network: Network, images: Array, classes: Host, options: MethodOptions
) -> Host:
    """`(B, H, W)` by the method, each picture's for its class."""

    def call(rows: Host) -> Any:
        return explain(name, network, images[rows], classes[rows], options)

    return apply_in_batches(call, *sizes(images))


def sizes(images: Array) -> tuple[int, int]:
    """(all pictures, how many of them at once)."""
    return len(images), min(GROUP, len(images))


def describe(chances: Host, target: int, classes: Sequence[str]) -> str:
    """The class that is explained with its probability, and the likeliest where that is another."""
    best = int(chances.argmax())
    said = f"{classes[target]} {chances[target]:.1%}"
    return said if best == target else f"{said} (likeliest: {classes[best]} {chances[best]:.1%})"


def short(name: str, most: int = 24) -> str:
    """A file's name, its middle left out where it is long."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


def save(explained: Explained, folder: Path) -> list[str]:
    """Draws the sheet and writes the arrays; the lines that say where they are."""
    columns = [
        Column(METHODS[name].title, values[:SHEET], METHODS[name].signed, over=name in SMOOTH)
        for name, values in explained.maps.items()
    ]
    outlines = explained.outlines and explained.outlines[:SHEET]
    pictures, titles = list(explained.pictures[:SHEET]), explained.titles[:SHEET]
    figure = draw_maps(pictures, columns, titles, outlines=outlines)
    sheet, arrays = figure.save(folder / "sheet.png"), folder / "maps.npz"
    named: dict[str, Any] = {**explained.facts, **explained.maps, "image": explained.pictures}
    np.savez_compressed(arrays, **named)
    count = len(explained.titles)
    which = "" if count <= SHEET else f" (the first {SHEET} of {count})"
    return [f"sheet of maps: {sheet}{which}", f"maps as arrays: {arrays}"]
