"""Square patches of images as the channels of one place each, and back."""

from jaxdl.typing import Array


def to_patches(x: Array, size: int) -> Array:
    """`(B, H, W, C)` -> `(B, H / size, W / size, size^2 C)`."""
    b, h, w, c = x.shape
    x = x.reshape(b, h // size, size, w // size, size, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // size, w // size, size * size * c)


def from_patches(x: Array, size: int) -> Array:
    """The inverse of `to_patches`."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, size, size, c // size**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * size, w * size, c // size**2)
