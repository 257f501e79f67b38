"""Normalization layers by name, so that a config can choose one."""

from functools import partial

from jaxdl.checks import unknown
from jaxdl.layers.norm.batch_norm import BatchNorm
from jaxdl.layers.norm.group_norm import Affine, GroupNorm, RMSNorm
from jaxdl.typing import AXIS, ModuleDef

NORMS: dict[str, ModuleDef] = {
    "batch": BatchNorm,  # statistics of each device's own rows
    "batch_sync": partial(BatchNorm, axis_name=AXIS),  # of the rows of all devices
    "layer": partial(GroupNorm, groups=1),
    "instance": partial(GroupNorm, groups=0),
    "group": GroupNorm,
    "rms": RMSNorm,
    "none": Affine,
}


def norm_layer(name: str) -> ModuleDef:
    """The layer of that name: `norm_layer(name)(train=train, name=...)(x)`."""
    if name not in NORMS:
        raise unknown("norm", name, NORMS)
    return NORMS[name]
