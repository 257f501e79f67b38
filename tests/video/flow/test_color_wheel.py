"""torchvision's own picture of a flow judges ours."""

import numpy as np
import pytest

from jaxdl.video.flow.color_wheel import draw_flow, key_picture


def test_a_flow_has_the_colors_of_torchvision(torchvision):
    import torch

    flow = np.random.default_rng(0).normal(size=(40, 50, 2)).astype(np.float32)
    want = (
        torchvision.utils.flow_to_image(torch.from_numpy(flow).permute(2, 0, 1))
        .permute(1, 2, 0)
        .numpy()
    )
    assert np.abs(draw_flow(flow).astype(int) - want).max() <= 1  # float32 there


def test_no_move_is_white_and_a_move_beyond_the_most_is_dark():
    assert (draw_flow(np.zeros((2, 2, 2))) == 255).all()
    right = np.array([1.0, 0.0])
    assert draw_flow(right, most=1).tolist() == [255, 0, 0]
    assert draw_flow(2 * right, most=1).tolist() == [191, 0, 0]


def test_the_key_is_white_in_the_middle_and_beyond_the_wheel():
    key = key_picture(65)
    assert key[32, 32].tolist() == [255] * 3 == key[0, 0].tolist()
    assert key[32, 63].tolist()[0] == 255
    assert key[32, 63].max() - key[32, 63].min() > 200


def test_a_flow_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="must be finite"):
        draw_flow(np.full((2, 2, 2), np.nan))
