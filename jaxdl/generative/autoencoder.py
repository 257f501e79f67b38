"""Autoencoders of images: plain, variational, conditional on a class. Images in [0, 1]."""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdl.checks import check_rank
from jaxdl.losses.variational import sample_gaussian
from jaxdl.typing import Array

he = nn.initializers.he_normal()


class Perceptron(nn.Module):
    """(linear - act) for each of `hidden`, then linear: `(B, D)` -> `(B, out)`."""

    hidden: tuple[int, ...]
    out: int
    act: Callable[[Array], Array] = nn.relu

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        for i, width in enumerate(self.hidden, 1):
            x = self.act(nn.Dense(width, kernel_init=he, name=f"fc{i}")(x))
        return nn.Dense(self.out, name="out")(x)


class Autoencoder(nn.Module):
    """Image -> code -> image (Hinton & Salakhutdinov 2006), perceptrons that mirror each other.

    `inputs["image"] (B, H, W, C)` -> `{"logits": (B, H, W, C), "code": (B, latent)}`. With
    `classes` both halves are also given `inputs["label"] (B,)` as one-hot numbers.
    """

    shape: tuple[int, int, int]
    latent: int = 20
    hidden: tuple[int, ...] = (512, 512)
    classes: int = 0

    def setup(self) -> None:
        self.encoder = Perceptron(self.hidden, self.code_size)
        self.decoder = Perceptron(self.hidden[::-1], math.prod(self.shape))

    @property
    def code_size(self) -> int:
        """Numbers that the encoder gives."""
        return self.latent

    def encode(self, image: Array, label: Array | None = None) -> Any:
        """`(B, H, W, C)` -> `(B, latent)`."""
        check_rank("Autoencoder: image", image, 4)
        return self.encoder(self.given(image.reshape(len(image), -1), label))

    def decode(self, code: Array, label: Array | None = None) -> Array:
        """`(B, latent)` -> logits `(B, H, W, C)`."""
        return self.decoder(self.given(code, label)).reshape(-1, *self.shape)

    def given(self, x: Array, label: Array | None) -> Array:
        """`x` joined with the one-hot label, where the model is conditional."""
        if not self.classes:
            return x
        if label is None:
            raise ValueError(f"{type(self).__name__}: classes = {self.classes} needs labels")
        return jnp.concatenate([x, jax.nn.one_hot(label, self.classes, dtype=jnp.float32)], axis=1)

    def __call__(self, inputs: dict[str, Array], *, train: bool) -> dict[str, Array]:
        label = inputs.get("label")
        code = self.encode(inputs["image"], label)
        return {"logits": self.decode(code, label), "code": code}


class VAE(Autoencoder):
    """q(z | x) = N(mean, exp(log_var)), p(z) = N(0, 1) (Kingma & Welling 2013, arXiv 1312.6114).

    With `classes` it is conditional (Sohn et al. 2015): q(z | x, y), p(x | z, y). `inputs["noise"]
    (B, latent)`, standard normal, makes the sample. Gives `logits`, `code` (the mean), `log_var`.
    """

    @property
    def code_size(self) -> int:
        """A mean and a logarithm of the variance for each latent."""
        return 2 * self.latent

    def encode(self, image: Array, label: Array | None = None) -> tuple[Array, Array]:
        """`(B, H, W, C)` -> mean and log variance, `(B, latent)` each."""
        mean, log_var = jax.numpy.split(super().encode(image, label), 2, axis=1)
        return mean, log_var

    def __call__(self, inputs: dict[str, Array], *, train: bool) -> dict[str, Array]:
        label = inputs.get("label")
        mean, log_var = self.encode(inputs["image"], label)
        z = sample_gaussian(mean, log_var, inputs["noise"])
        return {"logits": self.decode(z, label), "code": mean, "log_var": log_var}
