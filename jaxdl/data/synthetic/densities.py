"""Synthetic points in the plane whose density is known: to fit, to sample from, to compare with.

Each density is a way to draw from eight uniform numbers, and its log density.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from jaxdl.checks import check_positive, unknown
from jaxdl.data.splits.philox import choose, uniforms
from jaxdl.data.synthetic.base import Generated
from jaxdl.typing import Host

NODES = 500  # of the sums along curves: the noise is wide beside their spacing


@dataclass(frozen=True)
class Density:
    """`draw(u, noise)`: `(n, 2)` uniforms, `(n, 2)` normals -> points, part; `log_density(x)`."""

    parts: int
    draw: Callable[[Host, Host], tuple[Host, Host]]
    log_density: Callable[[Host], Host]


class Points(Generated):
    """Points of one density by name. A row: `point` `(2,)` float32, `label` int32, its part."""

    def __init__(self, name: str, size: int = 100_000, seed: int = 0):
        super().__init__(size, seed)
        if name not in DENSITIES:
            raise unknown("Points", name, DENSITIES)
        self.name = name
        self.density = DENSITIES[name]
        self.classes = tuple(f"part {k}" for k in range(self.density.parts))

    @property
    def description(self) -> str:
        """One line for reports."""
        return f"synthetic points of {self.name}, seed {self.seed}"

    def make(self, rows: Host) -> dict[str, Host]:
        """See `Generated.make`."""
        u = uniforms(self.seed, "densities." + self.name, rows, 4)
        radius, angle = np.sqrt(-2 * np.log(u[:, 2])), 2 * np.pi * u[:, 3]
        noise = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        point, part = self.density.draw(u[:, :2], noise)
        return {"point": point.astype(np.float32), "label": part.astype(np.int32)}

    def log_density(self, points: Host) -> Host:
        """The natural logarithm of the density: `(n, 2)` -> `(n,)` float64, -inf where it is 0."""
        return self.density.log_density(np.asarray(points, np.float64))


def gaussians(centers: Host, sigma: float) -> Density:
    """A mixture of equal round Gaussians: `centers` `(k, 2)`."""
    check_positive("gaussians: sigma", sigma)

    def draw(u: Host, noise: Host) -> tuple[Host, Host]:
        part = choose(u[:, 0], len(centers))
        return centers[part] + sigma * noise, part

    return Density(len(centers), draw, lambda x: log_mixture(x, centers, sigma))


def log_mixture(x: Host, centers: Host, sigma: float) -> Host:
    """log of the mean over centers `(k, 2)` of N(x; center, sigma^2 I): `(n, 2)` -> `(n,)`."""
    square = ((x[:, None] - centers[None]) ** 2).sum(axis=-1)
    log_sum = special.logsumexp(-square / (2 * sigma**2), axis=1)
    return log_sum - np.log(len(centers) * 2 * np.pi * sigma**2)


def curves(functions: list[Callable[[Host], Host]], sigma: float) -> Density:
    """Gaussian noise around curves, each `t in [0, 1] -> (..., 2)`, t uniform.

    The density is an integral along the curves, here a midpoint sum.
    """
    t = (np.arange(NODES) + 0.5) / NODES
    nodes = np.concatenate([function(t) for function in functions])

    def draw(u: Host, noise: Host) -> tuple[Host, Host]:
        part = choose(u[:, 0], len(functions))
        along = np.stack([function(u[:, 1]) for function in functions])  # (parts, n, 2)
        return along[part, np.arange(len(u))] + sigma * noise, part

    return Density(len(functions), draw, lambda x: log_mixture(x, nodes, sigma))


def circles(radii: tuple[float, ...], sigma: float) -> Density:
    """Noise around concentric circles; the density is a Bessel function of the radius (Rice)."""

    def draw(u: Host, noise: Host) -> tuple[Host, Host]:
        part = choose(u[:, 0], len(radii))
        angle = 2 * np.pi * u[:, 1]
        around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.array(radii)[part, None] * around + sigma * noise, part

    def log_density(x: Host) -> Host:
        r = np.hypot(x[:, 0], x[:, 1])[:, None]
        k = np.array(radii)[None]
        bessel = np.log(special.ive(0, r * k / sigma**2))  # scaled by exp(-argument)
        each = bessel - (r - k) ** 2 / (2 * sigma**2) - np.log(2 * np.pi * sigma**2)
        return special.logsumexp(each, axis=1) - np.log(len(radii))

    return Density(len(radii), draw, log_density)


def checkerboard(cells: int, side: float) -> Density:
    """Uniform on every other square of `cells` x `cells`, of one side each, about the origin."""
    columns, rows = np.nonzero(np.add.outer(np.arange(cells), np.arange(cells)) % 2 == 0)

    def draw(u: Host, noise: Host) -> tuple[Host, Host]:
        place = u[:, 0] * len(columns)  # its fraction is the place within the square
        part = np.floor(place).astype(np.int64)
        x = columns[part] + place - part
        y = rows[part] + u[:, 1]
        return (np.stack([x, y], axis=1) - cells / 2) * side, part

    def log_density(x: Host) -> Host:
        square = np.floor(x / side + cells / 2)
        inside = ((square >= 0) & (square < cells)).all(axis=1) & (square.sum(axis=1) % 2 == 0)
        return np.where(inside, -np.log(len(columns) * side**2), -np.inf)

    return Density(len(columns), draw, log_density)


def pinwheel(arms: int, radial: float, across: float, twist: float) -> Density:
    """Gaussian arms turned by `twist` times their distance: a turn keeps areas, so density."""
    angles = 2 * np.pi * np.arange(arms) / arms

    def turned(x: Host, angle: Host) -> Host:
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], axis=1)

    def draw(u: Host, noise: Host) -> tuple[Host, Host]:
        part = choose(u[:, 0], arms)
        straight = noise * np.array([radial, across]) + np.array([2.0, 0.0])
        bend = twist * np.hypot(straight[:, 0], straight[:, 1])
        return turned(straight, angles[part] + bend), part

    def log_density(x: Host) -> Host:
        bend = twist * np.hypot(x[:, 0], x[:, 1])
        each = []
        for angle in angles:
            z = (turned(x, -angle - bend) - np.array([2.0, 0.0])) / np.array([radial, across])
            each.append(-0.5 * (z**2).sum(axis=1))
        scale = np.log(arms * 2 * np.pi * radial * across)
        return special.logsumexp(np.stack(each), axis=0) - scale

    return Density(arms, draw, log_density)


def upper_moon(t: Host) -> Host:
    """The upper of scikit-learn's two moons."""
    return np.stack([np.cos(np.pi * t), np.sin(np.pi * t)], axis=-1)


def lower_moon(t: Host) -> Host:
    """The lower of scikit-learn's two moons."""
    return np.stack([1 - np.cos(np.pi * t), 0.5 - np.sin(np.pi * t)], axis=-1)


def spiral(turn: float) -> Callable[[Host], Host]:
    """One and a half rounds outwards to radius 4, beginning at `turn` rounds."""

    def function(t: Host) -> Host:
        angle = 2 * np.pi * (1.5 * np.sqrt(t) + turn)
        return 4 * np.sqrt(t)[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    return function


EIGHTHS = 2 * np.pi * np.arange(8) / 8
GRID = np.stack(np.meshgrid(np.arange(-2.0, 3), np.arange(-2.0, 3)), axis=-1).reshape(-1, 2)

DENSITIES = {
    "gaussian": gaussians(np.zeros((1, 2)), 1.0),
    "eight_gaussians": gaussians(4 * np.stack([np.cos(EIGHTHS), np.sin(EIGHTHS)], axis=1), 0.5),
    "grid_of_gaussians": gaussians(2 * GRID, 0.2),
    "two_moons": curves([upper_moon, lower_moon], 0.1),
    "two_spirals": curves([spiral(0.0), spiral(0.5)], 0.15),
    "circles": circles((1.0, 2.0, 3.0, 4.0), 0.1),
    "checkerboard": checkerboard(4, 2.0),
    "pinwheel": pinwheel(5, 0.5, 0.12, 0.5),
}
