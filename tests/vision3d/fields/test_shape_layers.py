"""Nested shape layers against loops over cells, on bodies with hollows within hollows."""

from itertools import pairwise

import numpy as np
import pytest

from jaxdl.vision3d.fields.shape_layers import decode_layers, depth_maps, encode_layers, fill
from jaxdl.vision3d.fields.voxels import centers


def shells(*radii, size=16):
    """A body between pairs of spheres."""
    x, y, z = np.meshgrid(*[centers(size)] * 3, indexing="ij")
    return sum(np.sqrt(x**2 + y**2 + z**2) < r for r in radii) % 2 == 1


def filled_by_loops(voxels):
    """Cells with a cell of the body on both sides, itself included, along each axis."""
    filled = np.zeros_like(voxels)
    for cell in np.ndindex(voxels.shape):
        sides = []
        for axis in range(3):
            line = voxels[tuple(slice(None) if i == axis else cell[i] for i in range(3))]
            sides += [line[: cell[axis] + 1].any(), line[cell[axis] :].any()]
        filled[cell] = all(sides)
    return filled


@pytest.mark.parametrize("seed", range(2))
def test_a_layer_is_what_lies_between_its_depth_maps(seed):
    voxels = np.random.default_rng(seed).random((7, 7, 7)) < 0.05
    np.testing.assert_array_equal(fill(depth_maps(voxels)), filled_by_loops(voxels))


def test_each_hollow_takes_one_more_layer():
    for count, radii in enumerate([(0.9,), (0.9, 0.7), (0.9, 0.7, 0.5), (0.9, 0.7, 0.5, 0.3)], 1):
        body = shells(*radii)
        for layers in range(1, 6):
            exact = (decode_layers(encode_layers(body, layers)) == body).all()
            assert exact == (layers >= count)


def test_layers_are_nested_and_enough_of_them_give_any_body_back():
    body = np.random.default_rng(3).random((8, 8, 8)) < 0.4
    encoded = encode_layers(body, 12)
    filled = [fill(maps) for maps in encoded]
    for outer, inner in pairwise(filled):
        assert not (inner & ~outer).any()
    np.testing.assert_array_equal(decode_layers(encoded), body)
    errors = [(decode_layers(encoded[:n]) != body).sum() for n in range(1, 13)]
    assert errors == sorted(errors, reverse=True)


def test_an_empty_body_and_no_layer():
    assert not decode_layers(encode_layers(np.zeros((4, 4, 4), bool), 2)).any()
    with pytest.raises(ValueError, match="layers"):
        encode_layers(np.zeros((4, 4, 4), bool), 0)
