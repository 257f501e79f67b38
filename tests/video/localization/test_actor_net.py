"""Float64 loops judge targets, losses and peaks of cells."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.video.localization.actor_net import (
    SPREAD,
    Acting,
    ActorNet,
    actor_losses,
    center_targets,
    find_peaks,
)

BOXES = np.array([[2.0, 4, 14, 12], [9, 9, 11, 15], [0, 0, 4, 4]])
KEPT = np.array([True, True, False])
targets = jax.jit(partial(center_targets, size=(4, 5)))


def test_heat_cells_and_boxes_of_a_frame_in_loops():
    heat, cell, wanted = targets(jnp.array(BOXES), jnp.array(KEPT))
    centers = [(8, 8), (10, 12)]
    np.testing.assert_array_equal(cell[:2], [(2, 2), (3, 2)])  # row, column of 4 x 4 pixels
    for row, column in np.ndindex(4, 5):
        far = [(row - 2) ** 2 + (column - 2) ** 2, (row - 3) ** 2 + (column - 2) ** 2]
        np.testing.assert_allclose(
            heat[row, column], np.exp(-min(far) / (2 * SPREAD**2)), rtol=1e-5
        )
    for n, (x, y) in enumerate(centers):
        width, height = BOXES[n, 2:] - BOXES[n, :2]
        want = [
            x / 4 - cell[n, 1] - 0.5,
            y / 4 - cell[n, 0] - 0.5,
            np.log(width / 4),
            np.log(height / 4),
        ]
        np.testing.assert_allclose(wanted[n], want, atol=1e-6)


def test_losses_are_means_over_frames_and_actors_in_loops():
    draw = np.random.default_rng(0)
    heat, box, action = (draw.normal(size=(1, 2, 4, 5, *d)) for d in ((), (4,), (3,)))
    boxes, labels = np.stack([BOXES, BOXES + 4])[None], np.array([[2, 0, 1]])
    found = Acting(*map(jnp.array, (heat, box, action)))
    losses = jax.jit(actor_losses)(found, *map(jnp.array, (boxes, labels, KEPT[None])))
    want = {"heat": 0.0, "box": 0.0, "action": 0.0}
    for t in range(2):
        aim, cell, wanted = map(np.asarray, targets(jnp.array(boxes[0, t]), jnp.array(KEPT)))
        for row, column in np.ndindex(4, 5):
            p, h = 1 / (1 + np.exp(-heat[0, t, row, column])), float(aim[row, column])
            peak = h == 1
            want["heat"] -= (
                (1 - p) ** 2 * np.log(p) if peak else (1 - h) ** 4 * p**2 * np.log(1 - p)
            )
        for n in range(2):
            row, column = (int(v) for v in cell[n])
            want["box"] += np.abs(box[0, t, row, column] - np.asarray(wanted[n])).sum()
            z = action[0, t, row, column]
            want["action"] += np.log(np.exp(z).sum()) - z[labels[0, n]]
    for name, value in want.items():
        np.testing.assert_allclose(losses[name][0], value / 4, rtol=1e-4)  # 2 frames, 2 actors


def test_peaks_are_the_surest_cells_that_no_neighbor_outdoes():
    heat = np.full((1, 1, 4, 5), -9.0)
    heat[0, 0, 1, 1], heat[0, 0, 1, 2], heat[0, 0, 3, 4] = (
        2,
        1,
        1.5,
    )  # the second is beside the first
    box = np.zeros((1, 1, 4, 5, 4))
    box[0, 0, 1, 1] = [0.25, -0.5, np.log(2), np.log(3)]
    action = np.arange(20.0).reshape(1, 1, 4, 5, 1)
    found = Acting(*map(jnp.array, (heat, box, action)))
    peaks = jax.jit(partial(find_peaks, count=2))(found)
    np.testing.assert_allclose(peaks.scores[0, 0], 1 / (1 + np.exp([-2, -1.5])), rtol=1e-6)
    np.testing.assert_allclose(peaks.boxes[0, 0], [[3, -2, 11, 10], [16, 12, 20, 16]], atol=1e-5)
    assert peaks.actions[0, 0, :, 0].tolist() == [6, 19]


def test_the_network_sees_other_frames_and_keeps_their_number():
    net = ActorNet(3, features=(2, 2, 2))
    video = jnp.zeros((1, 4, 8, 12, 3))
    run = jax.jit(lambda x: net.init_with_output(jax.random.key(0), x, train=False)[0])
    found = run(video)
    assert (found.heat.shape, found.action.shape) == ((1, 4, 2, 3), (1, 4, 2, 3, 3))
    other = run(video.at[:, 0].set(1.0))
    assert not np.allclose(found.heat[:, 1], other.heat[:, 1])
