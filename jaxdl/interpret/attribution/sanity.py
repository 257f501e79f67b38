"""Does a map depend on what was learned? (Adebayo et al. 2018, arXiv 1810.03292, section 3.1)"""

from collections.abc import Callable, Iterator
from typing import Any

import flax.traverse_util
import jax
import numpy as np
import scipy.stats

from jaxdl.interpret.network import Network
from jaxdl.typing import Array, Host

Explain = Callable[[Network], Array]  # -> maps (B, ...)


def cascading_randomization(
    network: Network, images: Array, key: Array
) -> Iterator[tuple[str, Network]]:
    """The network with its last layer drawn anew, then the last two, ... down to the first.

    Each with the layer's name. Layers are drawn as the model initializes them, weights of files
    left out; what a batch norm has counted goes with its layer.
    """
    model: Any = network.model
    if getattr(model, "start", None) is not None:
        model = model.clone(start=None)
    order: list[tuple[str, ...]] = []

    def init(key: Array) -> Any:
        drawn = model.init(key, images, train=False)
        # In here, since a dict that leaves a traced function has its keys sorted.
        for path in flax.traverse_util.flatten_dict(drawn["params"]):
            if path[:-1] not in order:
                order.append(path[:-1])
        return drawn

    drawn = flax.traverse_util.flatten_dict(jax.jit(init)(key))
    arrays = dict(flax.traverse_util.flatten_dict(network.variables))
    for layer in reversed(order):
        arrays |= {path: value for path, value in drawn.items() if path[1:-1] == layer}
        yield "/".join(layer), network.replace(variables=flax.traverse_util.unflatten_dict(arrays))


def randomization_check(
    network: Network, images: Array, explain: Explain, key: Array
) -> dict[str, Host]:
    """Layer, from the top -> Spearman's correlation of the maps before and after, one per picture.

    "After" has that layer and all above it drawn anew. NaN where a map is the same everywhere.
    """
    before = np.asarray(explain(network))
    correlations = {}
    for layer, randomized in cascading_randomization(network, images, key):
        after = np.asarray(explain(randomized))
        rows = [rank_correlation(a, b) for a, b in zip(before, after, strict=True)]
        correlations[layer] = np.array(rows)
    return correlations


def rank_correlation(a: Host, b: Host) -> float:
    """Spearman's: Pearson's correlation of the ranks, equal values at their mean rank."""
    ranks = [scipy.stats.rankdata(values) for values in (a, b)]
    if any(np.ptp(values) == 0 for values in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])
