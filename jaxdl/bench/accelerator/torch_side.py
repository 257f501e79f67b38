"""The works of `jaxdl bench --device` as PyTorch does them."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from jaxdl.bench.accelerator.inputs import TIMES, Work, draw_boxes, draw_images, draw_vectors
from jaxdl.bench.torch_workloads import Setting, torch_steps
from jaxdl.bench.workloads import RATE

CLASSES = 1000
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
torch.set_float32_matmul_precision("high")  # TF32, as XLA takes it, too; cuDNN does as it comes


def device(form: str) -> Work:
    """Nothing to do; what the device is."""
    name = torch.cuda.get_device_name() if DEVICE == "cuda" else "cpu"
    return Work(lambda: None, 1, {"torch": torch.__version__, "device": name})


def product(form: str, side: int, precision: str = "bfloat16") -> Work:
    """A square product of matrices of normal numbers."""
    a, b = torch.randn(2, side, side, dtype=getattr(torch, precision), device=DEVICE)
    return Work(waiting(lambda: [a @ b for _ in range(TIMES)]), TIMES, {})


def copy(form: str, size: int) -> Work:
    """One read and one write of so many floats."""
    x = torch.zeros(size, device=DEVICE)
    return Work(waiting(lambda: [x + 1 for _ in range(TIMES)]), TIMES, {})


def training(form: str, name: str, precision: str, steps: int, batch: int) -> Work:
    """Steps of a workload of `jaxdl bench`."""
    setting = Setting(DEVICE, bfloat16=precision == "bfloat16", steps=steps, batch=batch)
    return Work(waiting(torch_steps(name, form, setting)), steps, {})


def images(
    form: str, name: str, precision: str, batch: int, side: int, steps: int, streamed: bool
) -> Work:
    """Steps of torchvision's model on uint8 images that are on the device."""
    from torchvision import models

    rows = draw_images(2 * batch, side, CLASSES)
    image = torch.from_numpy(rows["image"]).to(DEVICE)
    label = torch.from_numpy(rows["label"]).long().to(DEVICE)
    options = {"image_size": side} if name.startswith("vit") else {}
    model = getattr(models, name)(num_classes=CLASSES, **options).to(DEVICE)
    layout: Any = torch.channels_last if form == "channels_last" else torch.contiguous_format
    model.to(memory_format=layout)
    call: Any = torch.compile(model) if form == "compile" else model
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    reduced = precision == "bfloat16"

    def run() -> None:
        order = torch.randperm(len(label), device=DEVICE)
        for i in range(steps):
            at = order[i % 2 * batch :][:batch]
            x = image[at].movedim(-1, 1).float().to(memory_format=layout) / 63.75 - 2
            with torch.autocast(DEVICE, torch.bfloat16, enabled=reduced):
                loss = F.cross_entropy(call(x), label[at])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return Work(waiting(run), steps, {})


def neighbors(form: str, queries: int, points: int, width: int) -> Work:
    """The ten nearest rows of each query, 500 queries at a time; full float32."""
    near, far = (torch.from_numpy(x).to(DEVICE) for x in draw_vectors(queries, points, width))

    def run() -> Any:
        precision = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        parts = [torch.cdist(q, far).topk(10, largest=False) for q in near.split(500)]
        torch.set_float32_matmul_precision(precision)
        return [part.indices.cpu() for part in parts]

    return Work(waiting(run), 1, {})


def suppression(form: str, count: int) -> Work:
    """torchvision's `nms`."""
    from torchvision.ops import nms

    boxes, scores = (torch.from_numpy(x).to(DEVICE) for x in draw_boxes(count))
    return Work(waiting(lambda: nms(boxes, scores, 0.5)), 1, {})


def overlaps(form: str, count: int) -> Work:
    """torchvision's `box_iou`."""
    from torchvision.ops import box_iou

    boxes = torch.from_numpy(draw_boxes(count)[0]).to(DEVICE)
    return Work(waiting(lambda: box_iou(boxes, boxes)), 1, {})


def waiting(work: Callable[[], Any]) -> Callable[[], None]:
    """`work`, done when the device is."""

    def run() -> None:
        work()
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    return run


def drop() -> None:
    """Gives the memory back that nothing holds any more."""
    torch.compiler.reset()
    if DEVICE == "cuda":
        torch.cuda.empty_cache()


MAKERS: dict[str, Callable[..., Any]] = {
    "device": device,
    "product": product,
    "copy": copy,
    "training": training,
    "images": images,
    "neighbors": neighbors,
    "nms": suppression,
    "iou": overlaps,
    "drop": drop,
}
