"""Losses of style, content, variation and inversion against float64 loops and torch's autograd."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.losses.style import (
    content_loss,
    feature_error,
    gram_matrix,
    style_loss,
    total_variation,
)

RNG = np.random.default_rng(0)
F, P = RNG.normal(size=(2, 2, 4, 3, 5))  # (B, h, w, C)


def looped_gram(features, normalize):
    height, width, channels = features.shape
    gram = np.zeros((channels, channels))
    for i in range(height):
        for j in range(width):
            for c in range(channels):
                for d in range(channels):
                    gram[c, d] += features[i, j, c] * features[i, j, d]
    return gram / (height * width * channels) if normalize else gram


@pytest.mark.parametrize("normalize", [True, False])
def test_the_gram_matrix_and_the_style_loss_are_the_loops(normalize):
    grams = gram_matrix(jnp.asarray(F), normalize=normalize)
    wanted = [looped_gram(f, normalize) for f in F]
    np.testing.assert_allclose(grams, wanted, rtol=1e-4, atol=1e-5)
    targets = [looped_gram(p, normalize) for p in P]
    losses = [
        sum((g[c, d] - a[c, d]) ** 2 for c in range(5) for d in range(5))
        for g, a in zip(wanted, targets, strict=True)
    ]
    got = style_loss(jnp.asarray(F), jnp.asarray(np.stack(targets)), normalize=normalize)
    np.testing.assert_allclose(got, losses, rtol=1e-4)


def test_content_variation_and_inversion_are_the_loops():
    x = RNG.normal(size=(2, 5, 4, 3))
    for b in range(2):
        variation = 0.0
        for c in range(3):
            for i in range(5):
                for j in range(4):
                    variation += (x[b, i + 1, j, c] - x[b, i, j, c]) ** 2 if i < 4 else 0
                    variation += (x[b, i, j + 1, c] - x[b, i, j, c]) ** 2 if j < 3 else 0
        np.testing.assert_allclose(total_variation(jnp.asarray(x))[b], variation, rtol=1e-5)
        away = sum((f - p) ** 2 for f, p in zip(F[b].ravel(), P[b].ravel(), strict=True))
        size = sum(p * p for p in P[b].ravel())
        np.testing.assert_allclose(content_loss(jnp.asarray(F), jnp.asarray(P))[b], away, rtol=1e-5)
        error = feature_error(jnp.asarray(F), jnp.asarray(P))[b]
        np.testing.assert_allclose(error, away / size, rtol=1e-5)


def test_gradients_are_torchs():
    torch = pytest.importorskip("torch")
    gram = np.stack([looped_gram(p, True) for p in P])

    def ours(x):
        return (style_loss(x, jnp.asarray(gram)) + 0.3 * total_variation(x)).sum()

    x = torch.tensor(F.transpose(0, 3, 1, 2), requires_grad=True)  # (B, C, h, w), as is usual there
    flat = x.reshape(2, 5, -1)
    theirs = torch.bmm(flat, flat.transpose(1, 2)) / (5 * 4 * 3)
    loss = ((theirs - torch.tensor(gram)) ** 2).sum()
    loss = loss + 0.3 * (torch.diff(x, dim=2) ** 2).sum() + 0.3 * (torch.diff(x, dim=3) ** 2).sum()
    loss.backward()
    want = x.grad.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(jax.grad(ours)(jnp.asarray(F)), want, rtol=1e-3, atol=1e-4)


def test_features_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"equal shapes.*\(2, 4, 3, 5\).*\(2, 3, 3, 5\)"):
        content_loss(jnp.asarray(F), jnp.asarray(P[:, 1:]))
    with pytest.raises(ValueError, match=r"\(2, 4, 3, 5\) and \(2, 3, 3, 5\); invert a picture"):
        feature_error(jnp.asarray(F), jnp.asarray(P[:, 1:]))
