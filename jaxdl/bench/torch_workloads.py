"""The workloads of `jaxdl bench` as PyTorch trains them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from jaxdl.bench.workloads import (
    C3D,
    CLASSES,
    CONVNET,
    MASK_CONVS,
    NOISE,
    PROJECTOR,
    PROPOSALS,
    RATE,
    REGION_RATIOS,
    REGION_SIDES,
    REGIONS,
    SAMPLES,
    TEXT,
    UNET,
    VOCABULARY,
    WORKLOADS,
    Workload,
    draw_rows,
)
from jaxdl.interop.torch_twins import (
    adversarial,
    classifiers,
    clip,
    clips,
    detectors,
    embedding,
    segmenters,
    sequences,
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """Where and how a workload is done; 0: as many as the workload says."""

    device: str = "cpu"
    bfloat16: bool = False
    """What can be is computed in bfloat16 (`torch.autocast`)."""
    steps: int = 0
    batch: int = 0

    def of(self, work: Workload) -> Workload:
        """The workload in these numbers."""
        steps, batch = self.steps or work.steps, self.batch or work.batch
        return dataclasses.replace(work, steps=steps, batch=batch)


def torch_steps(name: str, form: str, setting: Setting = Setting()) -> Callable[[], None]:
    """`work()` trains as many steps as a round has; `form` is eager, channels_last or compile."""
    work = setting.of(WORKLOADS[name])
    if name == "dcgan":
        return game_steps(work, form, setting.device)
    if work.objects:
        return region_steps(name, work, setting.device)
    model = twin(name).to(setting.device)
    rows = {k: torch.from_numpy(v).to(setting.device) for k, v in draw_rows(work).items()}
    images = "image" in rows
    if images:
        rows["image"] = rows["image"].movedim(-1, -3).contiguous()
        optimizer: Any = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    layout: Any = torch.channels_last if form == "channels_last" else torch.contiguous_format
    model.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    call: Any = torch.compile(model) if form == "compile" else model

    def loss_of(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if images:
            return image_loss(name, call, batch, layout)
        given = [batch["source"]] if name == "lstm" else [batch["source"], batch["target"][:, :-1]]
        logits = call(*given)[0] if name == "lstm" else call(*given)
        return F.cross_entropy(logits.flatten(0, 1), batch["target"][:, 1:].long().flatten())

    def step(at: torch.Tensor) -> None:
        batch = {key: value[at] for key, value in rows.items()}
        with torch.autocast(setting.device, torch.bfloat16, enabled=setting.bfloat16):
            loss = loss_of(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if not images:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    def run() -> None:
        order = torch.randperm(len(next(iter(rows.values()))), device=setting.device)
        for i in range(work.steps):
            first = i * work.batch % len(order)
            step(order[first : first + work.batch])

    return run


def image_loss(name: str, call: Any, batch: dict[str, torch.Tensor], layout: Any) -> torch.Tensor:
    """The loss of a workload with images, which are given to the network in `layout`."""
    image = batch["image"].to(memory_format=layout)
    if name == "simclr":
        pairs = torch.stack([image, image.flip(3)], dim=1).flatten(0, 1)
        return embedding.nt_xent(call(pairs.to(memory_format=layout)), 0.5)
    if name == "clip":
        return clip.clip_loss(*call(image, batch["text"].long()))
    return F.cross_entropy(call(image), batch["label"].long())


def game_steps(work: Workload, form: str, device: str) -> Callable[[], None]:
    """The rounds of DCGAN."""
    networks = [network.to(device) for network in game_networks(work)]
    optimizers = [torch.optim.Adam(n.parameters(), lr=RATE, betas=(0.5, 0.999)) for n in networks]
    layout: Any = torch.channels_last if form == "channels_last" else torch.contiguous_format
    for network in networks:
        network.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    calls = [torch.compile(n) if form == "compile" else n for n in networks]
    images = torch.from_numpy(draw_rows(work)["image"]).movedim(-1, 1).clip(-1, 1).contiguous()
    images = images.to(device)

    def run() -> None:
        order = torch.randperm(len(images), device=device)
        for i in range(work.steps):
            at = order[i * work.batch % len(order) :][: work.batch]
            noises = 2 * torch.rand(2, work.batch, NOISE, device=device) - 1
            real = images[at].to(memory_format=layout)
            adversarial.step((calls[0], calls[1]), (optimizers[0], optimizers[1]), real, noises)

    return run


def region_steps(name: str, work: Workload, device: str) -> Callable[[], None]:
    """The rounds of region CNNs, which take a list of images and of their objects."""
    model = twin(name).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    rows = {k: torch.from_numpy(v).to(device) for k, v in draw_rows(work).items()}
    images = rows["image"].movedim(-1, 1).contiguous()
    objects = {"boxes": rows["boxes"], "labels": rows["labels"].long() + 1}
    if name == "mask_rcnn":
        objects["masks"] = rows["masks"].to(torch.uint8)

    def run() -> None:
        order = torch.randperm(len(images), device=device)
        for i in range(work.steps):
            at = order[i * work.batch % len(order) :][: work.batch]
            losses = model(list(images[at]), [{k: v[j] for k, v in objects.items()} for j in at])
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()
            optimizer.step()

    return run


def game_networks(work: Workload) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Generator and discriminator."""
    shape: Any = work.shape
    generator = adversarial.Generator(NOISE, shape, 1024, (128, 64))
    return generator, adversarial.Discriminator(shape, (32, 64))


def backbone_of(work: Workload) -> classifiers.DeepConvNet:
    """The convolutional network without classes of simclr and clip."""
    return classifiers.DeepConvNet(0, channels=work.shape[-1], size=work.shape[0], **CONVNET)


def embedding_of_images() -> torch.nn.Module:
    """The network of simclr."""
    backbone = backbone_of(WORKLOADS["simclr"])
    return embedding.JointEmbedding(backbone, backbone.width, PROJECTOR)


def encoders_of_pairs() -> torch.nn.Module:
    """The networks of clip."""
    backbone = backbone_of(WORKLOADS["clip"])
    text = clip.TextEncoder(VOCABULARY, WORKLOADS["clip"].words, **TEXT)
    return clip.CLIP(backbone, backbone.width, text, TEXT["width"])


def region_cnn(name: str) -> torch.nn.Module:
    """The network of faster_rcnn or mask_rcnn, torchvision's."""
    return detectors.thin_region_cnn(
        CLASSES,
        **REGIONS,
        level_sides=REGION_SIDES,
        ratios=REGION_RATIOS,
        size=WORKLOADS[name].shape[0],
        proposals=PROPOSALS,
        samples=SAMPLES,
        mask_convs=MASK_CONVS if name == "mask_rcnn" else (),
    )


def twin(name: str) -> torch.nn.Module:
    """The network of a workload, or both of a game."""
    if name == "dcgan":
        return torch.nn.ModuleList(game_networks(WORKLOADS[name]))
    made: dict[str, Callable[[], torch.nn.Module]] = {
        "mlp": lambda: classifiers.MLP(784, (256,), CLASSES),
        "lenet": classifiers.LeNet,
        "cifar_convnet": classifiers.CIFARConvNet,
        "preact_resnet20": classifiers.PreActResNet,
        "vit": classifiers.ViT,
        "c3d": lambda: clips.C3D(CLASSES, size=WORKLOADS[name].shape[:3], **C3D),
        "unet": lambda: segmenters.UNet(CLASSES, **UNET),
        "faster_rcnn": lambda: region_cnn(name),
        "mask_rcnn": lambda: region_cnn(name),
        "simclr": embedding_of_images,
        "clip": encoders_of_pairs,
        "lstm": lambda: sequences.CharacterModel(VOCABULARY, embedding=64, hidden=256, layers=2),
        "transformer": lambda: sequences.Translator(
            VOCABULARY, WORKLOADS[name].shape[0], 128, 4, 2, 256
        ),
    }
    return made[name]()
