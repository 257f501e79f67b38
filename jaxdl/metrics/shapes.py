"""How near a shape is to the true one: voxels, sampled points, surfaces. Host arrays, one shape."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from jaxdl.checks import check_positive, check_rank, check_same_shape
from jaxdl.ops.nearest_in_space import nearest_point, nearest_triangle
from jaxdl.typing import ArrayLike, Host


def voxel_iou(a: ArrayLike, b: ArrayLike) -> Host:
    """Cells in both over cells in either: `(B, ...)` bool -> `(B,)`; 1 where both are empty."""
    check_same_shape("voxel_iou: a, b", a, b)
    a, b = (np.asarray(v, bool).reshape(len(v), -1) for v in (a, b))
    either = (a | b).sum(axis=1)
    return np.where(either > 0, (a & b).sum(axis=1) / np.maximum(either, 1), 1.0)


class Pairs(NamedTuple):
    """Each point of two clouds and its nearest in the other."""

    there: Host  # (N,) distances from a to b
    back: Host  # (M,) and from b to a
    nearest_of_a: Host  # (N,) rows of b
    nearest_of_b: Host  # (M,) rows of a


def nearest_pairs(a: ArrayLike, b: ArrayLike) -> Pairs:
    """What the scores below are made of: `(N, 3)`, `(M, 3)`; exact."""
    (there, of_a), (back, of_b) = nearest_point(a, b), nearest_point(b, a)
    there, back = (np.sqrt(np.asarray(squared, np.float64)) for squared in (there, back))
    return Pairs(there, back, np.asarray(of_a), np.asarray(of_b))


def chamfer_distance(pairs: Pairs) -> float:
    """The sum of the two means of squared distances; one far point moves it by its square."""
    return float((pairs.there**2).mean() + (pairs.back**2).mean())


def f1_score(pairs: Pairs, threshold: float) -> float:
    """The harmonic mean of precision and recall (Knapitsch et al. 2017): in [0, 1].

    Precision is the share of a within `threshold` of b, recall the share of b within it of a. A far
    point costs its own share, however far it is.
    """
    check_positive("f1_score: threshold", threshold)
    precision, recall = ((d <= threshold).mean() for d in (pairs.there, pairs.back))
    return float(2 * precision * recall / max(precision + recall, 1e-300))


def normal_consistency(pairs: Pairs, normals_a: ArrayLike, normals_b: ArrayLike) -> float:
    """The mean |cos| between the unit normals of nearest points, both ways (Mescheder et al. 2019).

    In [0, 1], arXiv 1812.03828, section 4. Args: normals `(N, 3)`, `(M, 3)`.
    """
    a, b = np.asarray(normals_a, np.float64), np.asarray(normals_b, np.float64)
    there = np.abs((a * b[pairs.nearest_of_a]).sum(axis=1)).mean()
    back = np.abs((b * a[pairs.nearest_of_b]).sum(axis=1)).mean()
    return float((there + back) / 2)


def point_to_surface(points: ArrayLike, vertices: ArrayLike, faces: Host) -> Host:
    """The distance of each point to the nearest point of a mesh, `(N, 3)` -> `(N,)`."""
    squared, _ = nearest_triangle(points, np.asarray(vertices)[faces])
    return np.sqrt(np.asarray(squared, np.float64))


def earth_mover(a: ArrayLike, b: ArrayLike, *, power: float = 1.0) -> float:
    """The least mean |x - y|^power over all one-to-one pairings (Rubner et al. 2000), exact.

    `(N, 3)`, `(N, 3)`. The time grows as N^3: for some thousand points at most; `sinkhorn` of
    `losses/point_sets.py` is the approximation.
    """
    check_rank("earth_mover: a", a, 2)
    check_same_shape("earth_mover: a, b", a, b)
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    cost = np.linalg.norm(a[:, None] - b[None], axis=-1) ** power
    return float(cost[linear_sum_assignment(cost)].mean())


def relative_depth_error(depth: ArrayLike, truth: ArrayLike) -> Host:
    """mean |depth - truth| / truth over pixels with a truth: `(B, H, W)` -> `(B,)`, NaN without."""
    check_same_shape("relative_depth_error: depth, truth", depth, truth)
    known = np.asarray(truth) > 0
    error = np.abs(np.asarray(depth, np.float64) - truth) / np.where(known, truth, 1)
    count = known.sum(axis=(1, 2))
    total = np.where(known, error, 0).sum(axis=(1, 2))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_angle(normals: ArrayLike, truth: ArrayLike) -> Host:
    """The mean angle in degrees over pixels with a true normal: `(B, H, W, 3)` -> `(B,)`."""
    check_same_shape("mean_angle: normals, truth", normals, truth)
    normals, truth = np.asarray(normals, np.float64), np.asarray(truth, np.float64)
    known = (truth**2).sum(axis=-1) > 0.5
    lengths = np.linalg.norm(normals, axis=-1) * np.linalg.norm(truth, axis=-1)
    cosine = (normals * truth).sum(axis=-1) / np.maximum(lengths, 1e-12)
    angle = np.where(known, np.degrees(np.arccos(np.clip(cosine, -1, 1))), 0)
    count = known.sum(axis=(1, 2))
    return np.where(count > 0, angle.sum(axis=(1, 2)) / np.maximum(count, 1), np.nan)
