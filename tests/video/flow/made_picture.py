"""A picture with something to see everywhere, coarse and fine."""

import numpy as np


def made_picture(height, width, seed=0):
    """uint8 `(H, W, 3)`: noise of several scales."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for scale in (2, 4, 8, 16):
        coarse = rng.uniform(size=(height // scale + 2, width // scale + 2, 3))
        picture += smooth_zoom(coarse, height, width, scale) * scale
    low, high = picture.min(), picture.max()
    return ((picture - low) / (high - low) * 255).astype(np.uint8)


def smooth_zoom(coarse, height, width, scale):
    from scipy.ndimage import zoom

    return zoom(coarse, (scale, scale, 1), order=3)[:height, :width]
