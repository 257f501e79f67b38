"""The host's own numbers of a run, which a checkpoint keeps beside the state."""

import time
from typing import Any

import jax
import numpy as np


class Tally:
    """Seconds and skipped steps, added up over resumed parts."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.spent = {"total": 0.0, "compile": 0.0, "train": 0.0}
        self.skipped = 0

    def seconds(self) -> dict[str, float]:
        """What has been spent on what until now."""
        now = time.perf_counter()
        return self.spent | {"total": self.spent["total"] + now - self.began}

    def to_host(self, sums: Any, *, keep_bad: bool) -> dict[str, Any]:
        """Plain values for a checkpoint, with the sums of the open log interval.

        `keep_bad` counts its bad steps, too: without it they are taken again.
        """
        return {
            "seconds": self.seconds(),
            "skipped": self.skipped,
            "sums": [float(x) for x in jax.tree.leaves(sums["pairs"])],
            "bad": int(sums["bad"]) * keep_bad,
        }

    def take_up(self, host: dict[str, Any], zero: Any) -> Any:
        """Goes on from the values of a checkpoint; returns its sums, of the structure of `zero`."""
        self.skipped = host["skipped"]
        self.spent = {k: v + host["seconds"].get(k, 0.0) for k, v in self.spent.items()}
        leaves = [np.asarray(x, np.float32) for x in host["sums"]]
        pairs = jax.tree.unflatten(jax.tree.structure(zero["pairs"]), leaves)
        return zero | {"pairs": pairs, "bad": np.int32(host["bad"])}
