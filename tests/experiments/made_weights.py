"""A made weight file `mobilenet_v2`, tiny, for the experiments that start from one."""

import flax.traverse_util
import numpy as np

from jaxdl.models.registry import create_model
from jaxdl.models.weights.preprocessing import Preprocessing
from jaxdl.models.weights.published import Weights, save_weights, variable_shapes

SMALL = {"expansions": (1, 2), "features": (4, 4), "repeats": (1, 1), "strides": (2, 2), "last": 8}
MODEL_FLAGS = [
    *(f"--model.{k}={v}" for k, v in SMALL.items() if isinstance(v, int)),
    *(w for k, v in SMALL.items() if isinstance(v, tuple) for w in (f"--model.{k}", *map(str, v))),
]


def make_weights(folder):
    """Writes it into `folder`; path -> array. Three classes; but for stage 2 norms are folded."""
    model = create_model("mobilenet_v2", 3, padding="same", **SMALL)
    rng = np.random.default_rng(0)
    like = flax.traverse_util.flatten_dict(variable_shapes(model, 32))
    drawn = {k: rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32) for k, leaf in like.items()}
    for path in drawn:
        if path[-1] == "mean" and "stage2" not in path[1]:
            drawn[path] *= 0
        elif path[-1] == "kernel":
            drawn[path] -= 1  # else all activations are cut off at 6, and nothing moves
    how = Preprocessing(size=32, resize=32, mean=(0.1,) * 3, std=(0.2,) * 3)
    tree = flax.traverse_util.unflatten_dict(drawn)
    weights = Weights("mobilenet_v2", 3, tree, how, "jaxdl", {"padding": "same", **SMALL})
    folder.mkdir()
    save_weights(folder / "mobilenet_v2.safetensors", weights)
    return {"/".join(k): v for k, v in drawn.items()}
