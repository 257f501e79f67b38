"""Float64 loops judge the four losses, a worked case what is told, and learning the chain."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.video.localization.temporal_rcnn import (
    Localized,
    TemporalRCNN,
    detect_actions,
    localization_losses,
)

LENGTHS = (4, 12)


def iou(a, b):
    inter = max(min(a[1], b[1]) - max(a[0], b[0]), 0)
    return inter / (a[1] - a[0] + b[1] - b[0] - inter) if inter else 0.0


def encode(a, b):
    center = [(x[0] + x[1]) / 2 for x in (a, b)]
    length = [x[1] - x[0] for x in (a, b)]
    return np.array([(center[1] - center[0]) / length[0], np.log(length[1] / length[0])])


def smooth_l1(d):
    d = abs(d)
    return float(np.where(d < 1, 0.5 * d**2, d - 0.5).sum())


def mean(values):
    return float(np.mean(values)) if values else 0.0


def test_the_four_losses_are_faster_rcnns_in_loops():
    draw = np.random.default_rng(0)
    truth, labels, kept = [(3.0, 8.0), (14.0, 26.0), (0.0, 0.0)], [1, 0, 1], [True, True, False]
    proposals = [(3.5, 8.5), (0.0, 4.0), (12.0, 25.0), (20.0, 30.0)]
    score, moves = draw.normal(size=16), draw.normal(size=(16, 2))
    logits, offsets = draw.normal(size=(4, 3)), draw.normal(size=(4, 2))
    found = Localized(*(jnp.array(v)[None] for v in (score, moves, proposals, logits, offsets)))
    losses = jax.jit(partial(localization_losses, lengths=LENGTHS))(
        found, jnp.array([truth]), jnp.array([labels]), jnp.array([kept])
    )
    real = truth[:2]
    anchors = [(4 * c + 2 - n / 2, 4 * c + 2 + n / 2) for c in range(8) for n in LENGTHS]
    right, wrong, moved = [], [], []
    for anchor, s, m in zip(anchors, score, moves, strict=True):
        best = max(real, key=lambda t: iou(anchor, t))
        if iou(anchor, best) >= 0.5:
            right.append(np.log(1 + np.exp(-s)))
            moved.append(smooth_l1(m - encode(anchor, best)))
        elif iou(anchor, best) < 0.3:
            wrong.append(np.log(1 + np.exp(s)))
    np.testing.assert_allclose(losses["rpn_score"][0], (mean(right) + mean(wrong)) / 2, rtol=1e-4)
    np.testing.assert_allclose(losses["rpn_offset"][0], mean(moved), rtol=1e-4)
    inside, outside, better = [], [], []
    for proposal, z, o in zip(proposals, logits, offsets, strict=True):
        overlap = [iou(proposal, t) for t in real]
        own = int(np.argmax(overlap))
        hit = overlap[own] >= 0.5
        label = 1 + labels[own] if hit else 0
        loss = np.log(np.exp(z).sum()) - z[label]
        (inside if hit else outside).append(loss)
        if hit:
            better.append(smooth_l1(o - encode(proposal, real[own])))
    assert (len(inside), len(outside)) == (2, 2)
    np.testing.assert_allclose(losses["class"][0], (mean(inside) + mean(outside)) / 2, rtol=1e-4)
    np.testing.assert_allclose(losses["offset"][0], mean(better), rtol=1e-4)


def test_a_recording_without_actions_has_losses_of_no_action_alone():
    net = TemporalRCNN(2, lengths=LENGTHS, features=4, hidden=4, proposals=3)

    @jax.jit
    def losses_of_nothing(signal):
        found, _ = net.init_with_output(jax.random.key(0), signal, train=False)
        empty = jnp.zeros((1, 2, 2)), jnp.zeros((1, 2), int), jnp.zeros((1, 2), bool)
        return localization_losses(found, *empty, lengths=LENGTHS)

    losses = losses_of_nothing(jnp.zeros((1, 32, 2)))
    assert all(np.isfinite(v).all() for v in losses.values())
    assert losses["rpn_offset"][0] == losses["offset"][0] == 0


@pytest.mark.parametrize(
    ("nms_iou", "told"), [(0.4, [(0, 0), (1, 2)]), (0.9, [(0, 0), (0, 1), (1, 2)])]
)
def test_the_surest_of_each_class_hides_others_of_its_class(nms_iou, told):
    """Three proposals, no offsets: 0 and 1 overlap by .8 and are of class 0, 2 is of class 1."""
    proposals = np.array([[0.0, 10.0], [1.0, 9.0], [0.0, 10.0]])
    logits = np.log(np.array([[0.05, 0.9, 0.05], [0.2, 0.75, 0.05], [0.1, 0.01, 0.89]]))
    found = Localized(
        jnp.zeros((1, 1)), jnp.zeros((1, 1, 2)), jnp.array(proposals[None]),
        jnp.array(logits[None]), jnp.zeros((1, 3, 2)),
    )  # fmt: skip
    detected = jax.jit(partial(detect_actions, length=20, nms_iou=nms_iou, count=6))(found)
    good = detected.kept[0] & (detected.scores[0] > 0.5)
    got = sorted(
        zip(detected.labels[0][good].tolist(), detected.scores[0][good].tolist(), strict=True)
    )
    want = sorted((k, float(np.exp(logits[row, k + 1]))) for k, row in told)
    np.testing.assert_allclose(got, want, rtol=1e-5)
