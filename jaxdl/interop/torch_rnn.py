"""Weights of torch.nn.RNN, LSTM and GRU into `layers.recurrent.Recurrent` and back.

A state dict is name -> NumPy array; torch itself is not needed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxdl.checks import CheckpointError, check_one_of
from jaxdl.models.weights.soundness import check_sound
from jaxdl.typing import Host

# Where torch keeps our gates: LSTM i, f, g, o against i, f, o, g. Its own inverse.
ORDERS = {"rnn": (0,), "lstm": (0, 1, 3, 2), "gru": (0, 1, 2)}


def recurrent_from_torch(state_dict: Mapping[str, Any], *, cell: str) -> dict[str, Any]:
    """The parameters of `Recurrent` from torch's `weight_ih_l0`, `bias_hh_l1_reverse`, ...

    The two biases of torch are added up, but for the GRU's new gate, which keeps both.
    Raises CheckpointError for names that do not belong there or are missing, and for numbers that
    are not finite.
    """
    check_one_of("recurrent_from_torch: cell", cell, ORDERS)
    arrays = {name: np.asarray(value) for name, value in state_dict.items()}
    suffixes = [n.removeprefix("weight_ih_") for n in arrays if n.startswith("weight_ih_")]
    kinds = ("weight_ih_", "weight_hh_", "bias_ih_", "bias_hh_")
    wanted = {kind + suffix for suffix in suffixes for kind in kinds}
    if not suffixes or wanted != set(arrays):
        differing = ", ".join(sorted(wanted ^ set(arrays))) or "no weight_ih_l0"
        raise CheckpointError(f"recurrent_from_torch: names that do not fit: {differing}")
    check_sound("recurrent_from_torch: the state dict", arrays)
    return {_ours(s): _cell_from({k: arrays[k + s] for k in kinds}, cell) for s in suffixes}


def recurrent_to_torch(params: Mapping[str, Any], *, cell: str) -> dict[str, Host]:
    """The state dict of the torch module that computes the same; its second bias is 0.

    (But for the GRU's new gate, where it is `d`.)
    """
    check_one_of("recurrent_to_torch: cell", cell, ORDERS)
    made = {}
    for name, own in params.items():
        order = ORDERS[cell]
        ih, hh, b = (_reorder(np.asarray(own[n]).T, order) for n in ("wx", "wh", "b"))
        second = np.zeros_like(b)
        if cell == "gru":
            second[2 * hh.shape[1] :] = np.asarray(own["d"])
        suffix = name.replace("layer", "l").replace("_back", "_reverse")
        values = {"weight_ih_": ih, "weight_hh_": hh, "bias_ih_": b, "bias_hh_": second}
        made |= {kind + suffix: value for kind, value in values.items()}
    return made


def _cell_from(arrays: dict[str, Host], cell: str) -> dict[str, Host]:
    hidden, order = arrays["weight_hh_"].shape[1], ORDERS[cell]
    if arrays["weight_hh_"].shape[0] != len(order) * hidden:
        shape = arrays["weight_hh_"].shape
        raise CheckpointError(f"recurrent_from_torch: weight_hh of shape {shape} is of no {cell}")
    ih, hh, b, second = (_reorder(array, order) for array in arrays.values())
    if cell != "gru":
        return {"wx": ih.T, "wh": hh.T, "b": b + second}
    first = np.arange(len(b)) < 2 * hidden
    return {"wx": ih.T, "wh": hh.T, "b": b + second * first, "d": second[2 * hidden :]}


def _reorder(array: Host, order: tuple[int, ...]) -> Host:
    parts = np.split(array, len(order))
    return np.ascontiguousarray(np.concatenate([parts[i] for i in order]))


def _ours(suffix: str) -> str:
    return suffix.replace("l", "layer", 1).replace("_reverse", "_back")
