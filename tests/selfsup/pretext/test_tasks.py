"""Puzzles: what is changed is what is judged, by the formulas in NumPy; heads and patches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.layers.patches import from_patches, to_patches
from jaxdl.selfsup.pretext.networks import PixelHead
from jaxdl.selfsup.pretext.tasks import (
    TASKS,
    add_noise,
    hide_surroundings,
    hide_window,
    make_task,
    scaled,
    unscaled,
)

IMAGES = np.random.default_rng(0).random((6, 24, 24, 3)).astype(np.float32)
KEYS = jax.random.split(jax.random.key(0), 6)


def test_patches_are_cut_as_numpy_cuts_and_joined_again():
    patches = np.asarray(to_patches(jnp.asarray(IMAGES), 8))
    np.testing.assert_array_equal(patches[2, 1, 2].reshape(8, 8, 3), IMAGES[2, 8:16, 16:24])
    np.testing.assert_array_equal(from_patches(jnp.asarray(patches), 8), IMAGES)


def test_a_pixel_head_gives_a_square_for_each_place():
    head = PixelHead(4, 5, hidden=3)
    x = jnp.asarray(np.random.default_rng(1).normal(size=(2, 3, 2, 7)), jnp.float32)
    out, _ = head.init_with_output(jax.random.key(0), x, train=False)
    assert out.shape == (2, 12, 8, 5)


@pytest.mark.parametrize(
    ("spoil", "share"), [(hide_window, 1 / 4), (hide_surroundings, 5 / 9), (add_noise, 1.0)]
)
def test_an_image_is_spoilt_where_it_is_said_to_be(spoil, share):
    image = jnp.asarray(IMAGES)
    spoilt, where = (np.asarray(x) for x in spoil(KEYS, image))
    assert np.mean(where) == pytest.approx(share)
    np.testing.assert_array_equal(spoilt[~where], IMAGES[~where])
    assert np.mean(np.any(spoilt != IMAGES, axis=-1)[where]) > 0.95
    task = make_task({1 / 4: "inpainting", 5 / 9: "outpainting"}.get(share, "denoising"), IMAGES)
    batch = task.pose(KEYS, image)
    out = np.random.default_rng(2).normal(size=IMAGES.shape).astype(np.float32)
    want = [
        np.mean((o - (x - 0.5) / 0.25)[w] ** 2)
        for o, x, w in zip(out, IMAGES, np.asarray(batch["where"]), strict=True)
    ]
    np.testing.assert_allclose(task.losses(jnp.asarray(out), batch), want, rtol=1e-4)


@pytest.mark.parametrize("name", ["rotation", "jigsaw"])
def test_the_right_answer_undoes_a_puzzle(name):
    task = make_task(name, IMAGES)
    colors = np.random.default_rng(5).uniform(0.2, 1, (6, 3, 3, 3))
    images = colors.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)  # a color for each tile
    batch = task.pose(KEYS, jnp.asarray(images))
    assert len(set(np.asarray(batch["label"]).tolist())) > 1
    right = 50 * jax.nn.one_hot(batch["label"], task.classes)
    assert np.max(task.losses(right, batch)) < 1e-6
    given, solved = (np.asarray(x) for x in task.show(right, batch).values())
    same = np.all(np.abs(solved - images) < 1e-5, axis=-1)
    edge = np.all(solved < 1e-5, axis=-1)  # of a tile, black
    assert np.all(same | edge)
    assert np.mean(same) == pytest.approx(1 if name == "rotation" else (7 / 8) ** 2)
    assert np.mean(np.all(np.abs(given - images) < 1e-5, axis=-1)) < 0.7


def test_colors_are_told_by_weighted_cross_entropy_and_the_network_sees_none():
    task = make_task("colorization", IMAGES)
    batch = task.pose(KEYS, jnp.asarray(IMAGES))
    np.testing.assert_allclose(np.ptp(batch["image"], axis=-1), 0, atol=1e-5)
    np.testing.assert_allclose(batch["image"], task.given(jnp.asarray(IMAGES)), atol=1e-6)
    squares = np.asarray(batch["lab"])[..., 1:].reshape(6, 6, 4, 6, 4, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(batch["ab"], squares, atol=1e-3)
    code = np.asarray(task.bins.encode(jnp.asarray(squares.reshape(-1, 2), jnp.float32)))
    logits = np.random.default_rng(3).normal(size=(6, 6, 6, code.shape[1]))
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    each = -task.weights[code.argmax(axis=1)] * np.sum(code * log_p.reshape(code.shape), axis=1)
    want = each.reshape(6, -1).mean(axis=1)
    np.testing.assert_allclose(
        task.losses(jnp.asarray(logits, jnp.float32), batch), want, rtol=1e-3
    )


def test_hidden_patches_are_judged_in_units_of_their_own():
    task = make_task("masked_patches", IMAGES)
    batch = task.pose(KEYS, jnp.asarray(IMAGES))
    out = np.random.default_rng(4).normal(size=(6, 36, 48)).astype(np.float32)
    want = []
    for o, image, order in zip(out, (IMAGES - 0.5) / 0.25, np.asarray(batch["order"]), strict=True):
        errors = []
        for patch in order[9:]:
            y, x = 4 * (patch // 6), 4 * (patch % 6)
            aim = image[y : y + 4, x : x + 4].ravel()
            aim = (aim - aim.mean()) / np.sqrt(aim.var() + 1e-6)
            errors.append(np.mean((o[patch] - aim) ** 2))
        want.append(np.mean(errors))
    np.testing.assert_allclose(task.losses(jnp.asarray(out), batch), want, rtol=1e-4)


def test_what_a_network_sees_is_scaled_and_comes_back():
    assert set(TASKS) >= {"rotation", "jigsaw", "colorization", "inpainting", "outpainting"}
    np.testing.assert_allclose(unscaled(scaled(jnp.asarray(IMAGES))), IMAGES, atol=1e-6)
