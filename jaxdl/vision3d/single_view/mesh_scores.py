"""How near predicted surfaces are to those of solids, and what the mean shape would score."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np

from jaxdl.data.meshes.mesh import Mesh, sample_surface
from jaxdl.data.synthetic import compositions
from jaxdl.metrics.shapes import f1_score, nearest_pairs
from jaxdl.typing import Host
from jaxdl.vision3d.fields.marching_cubes import marching_cubes, to_space

POINTS = 8000  # on each surface
NEAR = 0.02, 0.04  # thresholds, over the longest side
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)  # of the training solids that are at a place of the mean shape
ASKED = 40  # of them, the share is chosen on


def true_points(label: int, measures: Host, frame: Host, seed: int) -> Host:
    """Points spread over the surface of a solid, turned by `frame` `(3, 3)`: `(POINTS, 3)`."""
    draw = np.random.default_rng(seed)
    u = draw.random((1, POINTS * compositions.OVERSAMPLED, 4))
    measures = np.asarray(measures, np.float64)[None]
    return compositions.surface_points(int(label), measures, u)[0] @ frame.T


def spread_points(mesh: Mesh, seed: int = 0) -> Host:
    """Points spread over a mesh, `(POINTS, 3)`."""
    return sample_surface(mesh, np.random.default_rng(seed).random((POINTS, 3)))[0]


def f1_of(points: Host, truth: Host, longest: float) -> Host:
    """F1 at both of `NEAR`, `(2,)`."""
    pairs = nearest_pairs(points, truth)
    return np.array([f1_score(pairs, near * float(longest)) for near in NEAR])


class Truth(NamedTuple):
    """A solid's points, its longest side, and what brings a mean shape's points to their frame."""

    points: Host
    longest: float
    place: Callable[[Host], Host] = np.asarray


def mean_shape(voxels: Host, truths: Iterable[Truth]) -> Mesh:
    """The surface where a share of the solids is inside, of that of `SHARES` with the best F1.

    `voxels` `(N, R, R, R)` over [-1, 1]^3; F1 at the wider threshold, the mean over the first
    `ASKED` of `truths`.
    """
    inside = np.asarray(voxels, np.float32).mean(axis=0)
    step = 2 / inside.shape[0]
    asked = list(islice(truths, ASKED))
    best, best_score = None, -1.0
    for share in SHARES:
        surface = to_space(marching_cubes(share - inside, pad=1.0), -1 + step / 2, step)
        if not len(surface.faces):
            continue
        points = spread_points(surface)
        score = np.mean([f1_of(t.place(points), t.points, t.longest)[1] for t in asked])
        if score > best_score:
            best, best_score = surface, score
    if best is None:
        raise ValueError(f"mean_shape: no place is inside of {SHARES[0]:.0%} of the solids")
    return best
