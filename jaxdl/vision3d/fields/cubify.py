"""Cubify (Gkioxari et al. 2019, arXiv 1906.02739, section 3.2): a mesh around occupied voxels."""

import numpy as np

from jaxdl.checks import check_positive, check_rank
from jaxdl.data.meshes.mesh import Mesh
from jaxdl.typing import Host
from jaxdl.vision3d.fields.cell_cases import RINGS


def cubify(probabilities: Host, threshold: float = 0.5, *, bound: float = 1.0) -> Mesh:
    """A cube for each voxel above `threshold`, without sides between two; vertices are shared.

    Args: `probabilities` `(R, R, R)`, index x, y, z over [-bound, bound]^3. Returns: a closed mesh,
    which may be empty. Where cubes touch along an edge alone it has four faces.
    """
    check_rank("cubify: probabilities", probabilities, 3)
    check_positive("cubify: bound", bound)
    there = np.pad(np.asarray(probabilities) > threshold, 1)
    shape = np.array(there.shape)
    quads = []
    for side, ring in enumerate(RINGS):
        axis, end = divmod(side, 2)
        open_ = there & ~np.roll(there, -1 if end else 1, axis=axis)
        cell = np.argwhere(open_)
        quads.append(cell[:, None] + np.array(ring))
    corners = np.concatenate(quads)  # (q, 4, 3), in cells of the padded grid
    keys = np.ravel_multi_index(tuple(np.moveaxis(corners, -1, 0)), tuple(shape + 1))
    used, number = np.unique(keys, return_inverse=True)
    quad = number.reshape(-1, 4)
    places = np.stack(np.unravel_index(used, tuple(shape + 1)), axis=1) - 1.0
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    return Mesh(places * (2 * bound / np.array(probabilities.shape)) - bound, faces)
