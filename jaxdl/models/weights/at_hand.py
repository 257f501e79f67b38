"""What a config's `model.weights` decides, worked out before a run so that it is saved with it."""

import dataclasses
from typing import Any

from jaxdl.models.registry import ModelConfig
from jaxdl.models.weights.known_files import KNOWN
from jaxdl.models.weights.preprocessing import Preprocessing
from jaxdl.models.weights.published import open_weights
from jaxdl.models.weights.weight_file import WeightFileError
from jaxdl.models.weights.weights_folder import find_weights
from jaxdl.say import say_once

GET = (
    "get them where there is a network: `python -c 'import torch, torchvision as t; "
    'torch.save(t.models.{name}(weights="DEFAULT").state_dict(), "{name}.pth")\'`, and set '
    "JAXDL_WEIGHTS_DIR to their folder"
)


def resolve_weights(
    cfg: ModelConfig, *, optional: bool = False
) -> tuple[ModelConfig, Preprocessing | None]:
    """`cfg` whose options `auto` are those that its weights were trained with, and what images
    go through before the model; None where it starts at random.

    `optional`: where the weights of a known name are not on this machine, that is said, with the
    way to them, and the model starts at random. Raises WeightFileError where a file is not there.
    """
    if not cfg.weights:
        return cfg, None
    try:
        path = find_weights(cfg.weights)
    except WeightFileError:
        if not optional or cfg.weights not in {facts.model for facts in KNOWN.values()}:
            raise
        say_once(
            f"weights {cfg.weights}: not on this machine, so training starts from scratch and "
            f"reaches much less; {GET.format(name=cfg.name)}"
        )
        return dataclasses.replace(cfg, weights=""), None
    weights = open_weights(path, cfg.name)
    chosen: dict[str, Any] = {
        name: value for name, value in weights.options.items() if getattr(cfg, name, "") == "auto"
    }
    return dataclasses.replace(cfg, **chosen), weights.preprocessing


def resolve_backbone(cfg: Any) -> Any:
    """A config that has `model`, `image` and `freeze`, with what its backbone's weights decide.

    Where they are not at hand, that is said, and it has neither weights nor anything frozen.
    """
    if not cfg.model.weights:
        return cfg
    model, images = resolve_weights(cfg.model, optional=True)
    if images is None:
        return dataclasses.replace(cfg, model=model, freeze=())
    image = dataclasses.replace(cfg.image, mean=images.mean, std=images.std)
    return dataclasses.replace(cfg, model=model, image=image)
