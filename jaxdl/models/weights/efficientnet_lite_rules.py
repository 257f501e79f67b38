"""What the package efficientnet_lite_pytorch calls the parameters of our models."""

from collections.abc import Callable
from typing import Any

from jaxdl.models.mobile.efficientnet_lite import EfficientNetLite
from jaxdl.models.weights.weight_rules import Pattern, Rules


def efficientnet_lite_rules(model: EfficientNetLite) -> Rules:
    """Blocks are numbered through all stages."""
    units: list[Pattern] = [("expand", "0"), ("depthwise", "1"), ("project", "2")]
    modules: list[Pattern] = [
        ("stem/conv", "_conv_stem"),
        ("stem/norm", "_bn0"),
        ("last/conv", "_conv_head"),
        ("last/norm", "_bn1"),
        ("head", "_fc"),
    ]
    names = (
        f"stage{stage}_block{i}"
        for stage, (*_, repeats) in enumerate(model.stage_table(), 1)
        for i in range(1, repeats + 1)
    )
    for at, name in enumerate(names):
        for part, number in units:
            modules.append((f"{name}/{part}/conv", f"_blocks.{at}._{part}_conv"))
            modules.append((f"{name}/{part}/norm", f"_blocks.{at}._bn{number}"))
    return Rules(modules)


EFFICIENTNET_LITE: dict[type, Callable[[Any], Rules]] = {EfficientNetLite: efficientnet_lite_rules}
