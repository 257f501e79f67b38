"""Which rules a model has, and whose names a file is written in."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxdl.checks import UsageError, check_one_of
from jaxdl.models.weights.efficientnet_lite_rules import EFFICIENTNET_LITE
from jaxdl.models.weights.segmenter_rules import SEGMENTERS
from jaxdl.models.weights.timm_rules import TIMM
from jaxdl.models.weights.torchvision_rules import TORCHVISION
from jaxdl.models.weights.weight_rules import Rules, fit
from jaxdl.typing import Tree

SOURCES: Mapping[str, Mapping[type, Any]] = {
    "torchvision": {**TORCHVISION, **SEGMENTERS},
    "timm": TIMM,
    "efficientnet_lite_pytorch": EFFICIENTNET_LITE,
}


def rules_for(model: Any, source: str = "torchvision") -> Rules:
    """The rules of the model's family. Raises UsageError where there are none."""
    check_one_of("weights: source", source, SOURCES)
    for cls in type(model).__mro__:
        if cls in SOURCES[source]:
            return SOURCES[source][cls](model)
    known = ", ".join(sorted(cls.__name__ for cls in SOURCES[source]))
    raise UsageError(
        f"weights: {source} has no names for {type(model).__name__}; there are rules for {known}"
    )


def find_source(model: Any, names: Sequence[str], like: Tree) -> str:
    """The library in whose names most of `names` fit the model."""
    shares = {}
    for source in SOURCES:
        try:
            shares[source] = fit(rules_for(model, source), names, like)
        except UsageError:
            continue
    if not shares:
        rules_for(model)  # raises, naming the families that have rules
    return max(shares, key=lambda source: shares[source])
