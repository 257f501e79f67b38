"""Where a key lies among sorted keys, guessed by a model and put right by a short search.

Kraska et al. 2018, "The case for learned index structures", arXiv 1712.01208: a position in a
sorted array is the number of keys times their distribution function, which a model can learn. Two
stages: a root, here a small monotone net, chooses one of many lines, and the line says the
position; how far each line is off at most bounds the search.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.checks import check_at_least, check_rank
from jaxdl.typing import Array, Host, Tree


@dataclass(frozen=True)
class LearnedIndex:
    """`keys` `(N,)` ascending float64, and the models of their positions."""

    keys: Host
    root: dict[str, Host] = field(repr=False)
    lines: Host = field(repr=False)  # (M, 6): center, slope, intercept, first, last, error

    @property
    def model_bytes(self) -> int:
        """What is kept beside the keys: float32 in the root, eight bytes a number of a line."""
        return sum(leaf.size * 4 for leaf in self.root.values()) + self.lines.nbytes

    def windows(self, queries: Host) -> tuple[Host, Host]:
        """The first and the last place that may be the answer, `(Q,)` int64 each, ends included."""
        center, slope, intercept, first, last, error = self.lines[self.lines_of(queries)].T
        guess = np.clip(intercept + slope * (queries - center), first, last)
        low = np.maximum(np.floor(guess - error), first)
        return low.astype(np.int64), np.minimum(np.ceil(guess + error), last).astype(np.int64)

    def search(self, queries: Host) -> tuple[Host, Host]:
        """(the number of keys below each query `(Q,)`, comparisons with keys `(Q,)`)."""
        low, high = self.windows(queries)
        found, comparisons = bisect(self.keys, queries, low, high)
        wrong = ~is_lower_bound(self.keys, queries, found)
        comparisons = comparisons + 2  # with the neighbors: that the window held the answer
        if wrong.any():  # a root that is not monotone to the last bit
            ends = np.zeros(wrong.sum(), np.int64), np.full(wrong.sum(), len(self.keys))
            found[wrong], more = bisect(self.keys, queries[wrong], *ends)
            comparisons[wrong] += more
        return found, comparisons

    def lines_of(self, queries: Host) -> Host:
        """Which line the root chooses for each query, `(Q,)` int64."""
        share = root_share(self.root, queries, np)
        return np.clip((share * len(self.lines)).astype(np.int64), 0, len(self.lines) - 1)


def fit_index(
    keys: Host, *, lines: int = 1000, hidden: int = 16, steps: int = 500, lr: float = 0.01
) -> LearnedIndex:
    """Learns the root by Adam on the squared error of the share of keys below, then each line by
    least squares. `keys` `(N,)` ascend strictly."""
    check_rank("fit_index: keys", keys, 1)
    check_at_least("fit_index: lines", lines, 1)
    check_at_least("fit_index: hidden", hidden, 1)
    if len(keys) < 2 or not np.isfinite(keys).all() or (np.diff(keys) <= 0).any():
        raise ValueError("fit_index: keys must be two or more finite numbers that ascend strictly")
    keys = np.asarray(keys, np.float64)
    root = fit_root(keys, hidden=hidden, steps=steps, lr=lr)
    empty = LearnedIndex(keys, root, np.zeros((lines, 6)))
    ends = np.searchsorted(np.maximum.accumulate(empty.lines_of(keys)), np.arange(lines + 1))
    return LearnedIndex(keys, root, np.stack([fit_line(keys, *p) for p in pairwise(ends.tolist())]))


def fit_line(keys: Host, first: int, last: int) -> Host:
    """The line of the keys `first` to `last - 1`: its six numbers, of no key a constant.

    A query between two of its keys has its answer at the upper one, whose place is one more than
    the lower one's: so the error has one added, and holds for all queries if the slope is not < 0.
    """
    if first == last:
        return np.array([0, 0, first, first, first, 0], np.float64)
    own, place = keys[first:last], np.arange(first, last)
    center = own.mean()
    spread = ((own - center) ** 2).sum()
    slope = max(((own - center) * place).sum() / spread, 0) if spread > 0 else 0.0
    error = np.abs(place.mean() + slope * (own - center) - place).max() + 1
    return np.array([center, slope, place.mean(), first, last, error])


def fit_root(keys: Host, *, hidden: int, steps: int, lr: float) -> dict[str, Host]:
    """A sum of sigmoids that cannot fall: it starts at the keys' quantiles."""
    share = (np.arange(len(keys)) + 0.5) / len(keys)
    marks = np.quantile(keys, (np.arange(hidden) + 0.5) / hidden)
    gaps = np.maximum(np.gradient(marks) if hidden > 1 else np.array([np.std(keys)]), 1e-12)
    scale = np.float64(max(keys.std(), 1e-12))
    start = {
        "log_width": np.log(gaps / scale / 2).astype(np.float32),
        "place": ((marks - keys.mean()) / scale).astype(np.float32),
        "log_weight": np.zeros(hidden, np.float32),
    }
    fixed = {"mean": np.asarray(keys.mean()), "scale": np.asarray(scale)}
    chosen = np.linspace(0, len(keys) - 1, min(len(keys), 4096)).astype(int)
    x, y = jnp.asarray((keys[chosen] - fixed["mean"]) / scale), jnp.asarray(share[chosen])
    tx = optax.adam(lr)

    def loss(params: Tree) -> Array:
        unit = {"mean": jnp.zeros(()), "scale": jnp.ones(())}
        return jnp.mean((root_share({**params, **unit}, x, jnp) - y) ** 2)

    def step(carry: Tree, _: None) -> tuple[Tree, None]:
        params, state = carry
        updates, state = tx.update(jax.grad(loss)(params), state)
        return (optax.apply_updates(params, updates), state), None

    learn = jax.jit(lambda p: jax.lax.scan(step, (p, tx.init(p)), None, length=steps)[0][0])
    return {**{name: np.asarray(leaf) for name, leaf in learn(start).items()}, **fixed}


def root_share(root: Tree, x, xp):
    """The share of keys below `x` `(Q,)` as the root has it, in [0, 1]; `xp`: NumPy or JAX's."""
    z = (x - root["mean"]) / root["scale"]
    weight = xp.exp(root["log_weight"])
    z = (z[:, None] - root["place"][None]) / xp.exp(root["log_width"])[None]
    return (0.5 + 0.5 * xp.tanh(z / 2)) @ (weight / weight.sum())


def bisect(keys: Host, queries: Host, low: Host, high: Host) -> tuple[Host, Host]:
    """Binary search for each query in its own window `low..high`, ends included, all side by side.

    Returns the lower bounds `(Q,)`, if the windows hold them, and how many keys were read `(Q,)`.
    """
    low, high = low.copy(), high.copy()
    comparisons = np.zeros(len(queries), np.int64)
    while (open_ := low < high).any():
        middle = (low + high) // 2
        below = keys[np.minimum(middle, len(keys) - 1)] < queries
        low = np.where(open_ & below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
        comparisons += open_
    return low, comparisons


def is_lower_bound(keys: Host, queries: Host, found: Host) -> Host:
    """Whether the key before is less than the query and the key there is not, `(Q,)` bool."""
    before = (found == 0) | (keys[np.maximum(found - 1, 0)] < queries)
    there = (found == len(keys)) | (keys[np.minimum(found, len(keys) - 1)] >= queries)
    return before & there
