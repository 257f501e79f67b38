"""What `jaxdl bench --device` measures, in the order of its worth, as plain values."""

from dataclasses import dataclass, field
from typing import Any

from jaxdl.bench.workloads import CONVOLUTIONAL, WORKLOADS

COMPILED = ("preact_resnet20", "transformer", "resnet50", "vit_b_16")  # it takes long: only these
TINY = {"resnet50": "resnet18", "vit_b_16": "vit_ti_16"}
STEPS = {  # of a round: a few tenths of a second on a large card
    "mlp": 500,
    "lenet": 200,
    "cifar_convnet": 200,
    "preact_resnet20": 50,
    "lstm": 20,
    "transformer": 50,
    "vit": 50,
    "dcgan": 100,
    "simclr": 100,
    "clip": 100,
    "unet": 50,
    "faster_rcnn": 20,
    "mask_rcnn": 20,
    "c3d": 50,
}
FLOAT32 = (
    "dcgan",
    "simclr",
    "clip",
    "faster_rcnn",
    "mask_rcnn",
)  # whose steps have no other precision


@dataclass(frozen=True)
class Row:
    """One line of the table: `make` names the maker of the work, on both sides."""

    name: str
    title: str
    make: str
    options: dict[str, Any] = field(default_factory=dict)
    forms: tuple[str, ...] = ()
    """Of torch's side (none: jaxdl alone)."""


def all_rows(tiny: bool) -> list[Row]:
    """Every row; `tiny` has sizes with which a CPU is done in seconds."""
    rows = ceilings(tiny)
    rows += [training_row(name, "float32", tiny) for name in WORKLOADS]
    rows += [
        image_row("resnet50", "bfloat16", 256, tiny),
        image_row("vit_b_16", "bfloat16", 128, tiny),
    ]
    rows += [*searches(tiny), image_row("resnet50", "bfloat16", 256, tiny, streamed=True)]
    rows += [training_row(name, "bfloat16", tiny) for name in WORKLOADS if name not in FLOAT32]
    rows += [
        image_row("resnet50", "float32", 128, tiny),
        image_row("vit_b_16", "float32", 64, tiny),
    ]
    return rows


def ceilings(tiny: bool) -> list[Row]:
    """What the card gives at most: products of large matrices, and a copy."""
    side, size = (64, 1000) if tiny else (8192, 2**30)
    return [
        Row(
            "product_bfloat16",
            f"product, side {side}",
            "product",
            {"side": side, "precision": "bfloat16"},
            ("eager",),
        ),
        Row(
            "product_float32",
            f"product, side {side}",
            "product",
            {"side": side, "precision": "float32"},
            ("eager",),
        ),
        Row("copy", f"x + 1 of {size:,} floats", "copy", {"size": size}, ("eager",)),
    ]


def training_row(name: str, precision: str, tiny: bool) -> Row:
    """A workload of `jaxdl bench`."""
    work = WORKLOADS[name]
    options: dict[str, Any] = {"name": name, "precision": precision}
    options |= {"steps": 2, "batch": 4} if tiny else {"steps": STEPS[name], "batch": work.batch}
    forms = tuple(f for f in work.forms if f != "compile" or (name in COMPILED and not tiny))
    title = f"{work.title} ({options['batch']})"
    return Row(f"{name}_{precision}", title, "training", options, forms)


def image_row(name: str, precision: str, batch: int, tiny: bool, *, streamed: bool = False) -> Row:
    """A training step of a large model on images of 224 pixels."""
    sizes = {"batch": 2, "side": 32, "steps": 2} if tiny else {"batch": batch, "side": 224}
    model = TINY[name] if tiny else name
    options = {"steps": 20, "name": model, "precision": precision, "streamed": streamed, **sizes}
    forms = CONVOLUTIONAL if name.startswith("resnet") else ("eager", "compile")
    keep = precision == "bfloat16" and not tiny
    forms = () if streamed else tuple(f for f in forms if f != "compile" or keep)
    title = f"{name}, {options['side']} pixels ({options['batch']})"
    title += ", streamed" if streamed else ""
    row = f"{name}_{precision}" + ("_streamed" if streamed else "")
    return Row(row, title, "images", options, forms)


def searches(tiny: bool) -> list[Row]:
    """Neighbors, suppression and overlaps."""
    knn = (
        {"queries": 20, "points": 200, "width": 24}
        if tiny
        else {"queries": 10_000, "points": 50_000, "width": 3072}
    )
    count = 50 if tiny else 5000
    title = "{queries:,} by {points:,} rows of {width}".format(**knn)
    return [
        Row("neighbors", f"10 nearest, {title}", "neighbors", knn, ("eager",)),
        Row("nms", f"NMS of {count:,} boxes", "nms", {"count": count}, ("eager",)),
        Row("iou", f"IoU of {count:,} by {count:,} boxes", "iou", {"count": count}, ("eager",)),
    ]
