"""Means by hand judge the average over clips; counts, which clip is learned from."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.video.clips.over_clips import OverClips, each_clip, one_clip

VIDEO = jnp.arange(2 * 3).reshape(2, 3, 1, 1, 1, 1) * jnp.ones((2, 3, 4, 2, 2, 1))


class Means(nn.Module):
    """Logits: the mean of a clip, and 1."""

    def __call__(self, x, *, train):
        mean = x.mean(axis=(1, 2, 3, 4))
        return jnp.stack([mean, jnp.ones_like(mean)], axis=-1)


def test_probabilities_are_averaged_over_the_clips_of_a_film():
    logits = OverClips(Means()).apply({}, VIDEO, train=False)
    e = np.exp(np.arange(6.0)).reshape(2, 3)
    want = (e / (e + np.e)).mean(axis=1)
    np.testing.assert_allclose(jax.nn.softmax(logits)[:, 0], want, rtol=1e-5)


def test_one_clip_gives_the_logits_as_they_are():
    np.testing.assert_array_equal(
        OverClips(Means()).apply({}, VIDEO[:, :1], train=False), [[0, 1], [3, 1]]
    )


def test_training_draws_each_clip_alike_and_evaluation_takes_the_middle():
    rows = jnp.broadcast_to(VIDEO[1:], (600, *VIDEO.shape[1:]))
    clips = one_clip(jax.random.split(jax.random.key(0), 600), rows, train=True)
    assert clips.shape == (600, 4, 2, 2, 1)
    counts = np.bincount(np.asarray(clips[:, 0, 0, 0, 0], int))[3:]
    assert (abs(counts - 200) < 50).all()
    keys = jax.random.split(jax.random.key(0), 2)
    assert one_clip(keys, VIDEO, train=False)[:, 0, 0, 0, 0].tolist() == [1, 4]
    assert one_clip(keys, VIDEO[:, 0], train=True).shape == (2, 4, 2, 2, 1)


def test_every_clip_is_seen_as_a_row():
    seen = each_clip(VIDEO, lambda clips: clips[:, :2] + 1)
    assert seen.shape == (2, 3, 2, 2, 2, 1)
    assert seen[1, 2, 0, 0, 0, 0] == 6
    assert each_clip(VIDEO[:, 0], lambda clips: clips).shape == (2, 1, 4, 2, 2, 1)
