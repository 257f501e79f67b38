"""How long work on shapes in space takes, compared with SciPy, scikit-image and trimesh."""

from typing import Any

import numpy as np

from jaxdl.bench.interleaved import Work, compare_times
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.data.synthetic.solid_surfaces import KINDS, mesh
from jaxdl.metrics.shapes import chamfer_distance, nearest_pairs
from jaxdl.typing import Host
from jaxdl.vision3d.fields.marching_cubes import marching_cubes
from jaxdl.vision3d.surfaces.render import DISTANCE, FOCAL, rasterize


def bench_3d(
    points: int = 100_000, resolution: int = 128, size: int = 256, *, rounds: int = 5
) -> str:
    """Lines: exact chamfer of two clouds, marching cubes of a ball, rays through a picture."""
    draw = np.random.default_rng(0)
    a, b = (unit_sphere(draw.normal(size=(points, 3))) for _ in range(2))
    axis = np.linspace(-1, 1, resolution, dtype=np.float32)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    ball = np.sqrt(x**2 + y**2 + z**2) - 0.7
    vertices, faces = mesh(KINDS.index("torus"), np.array([[0.5, 0.2, 0]]), 22)
    torus = Mesh(vertices[0], faces)
    work: list[tuple[str, Work, Work | None, str]] = [
        (
            f"chamfer of {points} by {points} points",
            lambda: chamfer_distance(nearest_pairs(a, b)),
            _scipy_chamfer(a, b),
            "SciPy's trees",
        ),
        (
            f"marching cubes of {resolution}^3",
            lambda: marching_cubes(ball),
            _skimage_surface(ball),
            "scikit-image",
        ),
        (
            f"{size}x{size} rays to {len(faces)} faces",
            lambda: rasterize(torus, size),
            _trimesh_rays(torus, size),
            "trimesh",
        ),
    ]
    return "\n".join(
        compare_times(what, ours, other, rounds, whose=whose) for what, ours, other, whose in work
    )


def unit_sphere(points: Host) -> Host:
    """Points `(N, 3)` moved to the sphere of radius 1."""
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def _scipy_chamfer(a: Host, b: Host) -> Work:
    from scipy.spatial import KDTree

    def chamfer() -> float:
        there, back = KDTree(b).query(a)[0], KDTree(a).query(b)[0]
        return (there**2).mean() + (back**2).mean()

    return chamfer


def _skimage_surface(ball: Host) -> Work | None:
    try:
        from skimage import measure
    except ImportError:
        return None
    return lambda: measure.marching_cubes(ball, 0.0)


def _trimesh_rays(mesh: Mesh, size: int) -> Work | None:
    """trimesh's own ray casting; None where it, or the R-tree that it asks for, is absent."""
    try:
        import rtree  # noqa: F401  # pyright: ignore[reportMissingImports]
        import trimesh
    except ImportError:
        return None
    place = (np.arange(size) + 0.5 - size / 2) / (FOCAL * size)
    u, v = np.meshgrid(place, place)
    ways = np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3)
    eyes = np.tile([0, 0, -DISTANCE], (len(ways), 1))
    judge: Any = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    return lambda: judge.ray.intersects_first(eyes, ways)
