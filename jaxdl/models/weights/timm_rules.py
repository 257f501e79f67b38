"""What timm calls the parameters of our models."""

from collections.abc import Callable
from typing import Any

from jaxdl.models.convnets.resnet import ResNet
from jaxdl.models.transformers.vit import ViT
from jaxdl.models.weights.torchvision_rules import resnet_rules
from jaxdl.models.weights.weight_rules import Rules


def vit_rules(model: ViT) -> Rules:
    """`vit_*_patch*_*` with a class token."""
    return Rules(
        modules=[
            ("patches", "patch_embed.proj"),
            (r"block(\d+)/norm(\d)", "blocks.{1-1}.norm{2}"),
            (r"block(\d+)/attention/qkv", "blocks.{1-1}.attn.qkv"),
            (r"block(\d+)/attention/out", "blocks.{1-1}.attn.proj"),
            (r"block(\d+)/(fc\d)", "blocks.{1-1}.mlp.{2}"),
            ("norm", "norm"),
            ("head", "head"),
        ],
        leaves=[("token", "cls_token"), ("positions", "pos_embed")],
    )


TIMM: dict[type, Callable[[Any], Rules]] = {ResNet: resnet_rules, ViT: vit_rules}
