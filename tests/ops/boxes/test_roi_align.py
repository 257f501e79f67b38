"""RoI pooling and alignment against torchvision's kernels, written out in loops."""

import importlib
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.ops.boxes.roi_align import roi_align, roi_pool

FEATURES = np.random.default_rng(0).normal(size=(2, 9, 11, 3)).astype(np.float32)
BOXES = np.array(
    [
        [[0, 0, 22, 18], [3.3, 2.1, 15.2, 9.7], [5, 5, 5, 5], [-30, -20, -10, -8]],
        [[18, 10, 40, 60], [7.9, 3, 8.1, 17], [0.5, 0.5, 1.5, 1.5], [-4, -4, 30, 30]],
    ],
    np.float32,
)


INSIDE = np.array(
    [
        [[0, 0, 22, 18], [3.3, 2.1, 15.2, 9.7], [5, 5, 5, 5], [1, 2, 9, 17]],
        [[7.9, 3, 8.1, 17], [0.5, 0.5, 1.5, 1.5], [2, 2, 20, 12], [0, 0, 4, 4]],
    ],
    np.float32,
)


def align_in_loops(features, box, size, scale, samples, aligned):
    """torchvision's kernel (csrc/ops/cpu/roi_align_kernel.cpp): beyond the rim all is 0.

    Its Python form repeats the rim instead, so that is asked about boxes inside alone.
    """
    height, width, _ = features.shape
    x1, y1, x2, y2 = np.float64(box) * scale - (0.5 if aligned else 0)
    tall, wide = y2 - y1, x2 - x1
    if not aligned:
        tall, wide = max(tall, 1), max(wide, 1)

    def taps(v, length):
        v = max(v, 0)
        low = min(int(v), length - 1)
        part = v - low if low < length - 1 else 0.0
        return (low, 1 - part), (min(low + 1, length - 1), part)

    out = np.zeros((*size, features.shape[2]))
    rows, columns = (samples, samples) if isinstance(samples, int) else samples
    for p, q, i, j in np.ndindex(*size, rows, columns):
        y = y1 + (p + (i + 0.5) / rows) * tall / size[0]
        x = x1 + (q + (j + 0.5) / columns) * wide / size[1]
        if y < -1 or y > height or x < -1 or x > width:
            continue
        for (h, wh), (w, ww) in itertools.product(taps(y, height), taps(x, width)):
            out[p, q] += wh * ww * features[h, w] / (rows * columns)
    return out


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize(("scale", "samples"), [(0.5, 2), (0.25, 3)])
def test_roi_align_is_torchvisions_kernel_outside_too(aligned, scale, samples):
    got = roi_align(FEATURES, BOXES, size=(2, 3), scale=scale, samples=samples, aligned=aligned)
    for b, n in np.ndindex(2, 4):
        want = align_in_loops(FEATURES[b], BOXES[b, n], (2, 3), scale, samples, aligned)
        np.testing.assert_allclose(got[b, n], want, atol=1e-5)
    assert not np.asarray(got[0, 3]).any()  # it lies outside


@pytest.mark.parametrize(("size", "scale"), [((2, 3), 1.0), ((1, 4), 0.5)])
def test_a_box_has_as_many_samples_as_its_bins_have_cells(size, scale):
    boxes = np.array([[[0, 0, 11, 9], [1.5, 2, 3.1, 9], [2, 2, 2.5, 2.5], [8, 1, 12, 4]]])
    got = roi_align(FEATURES[:1], boxes, size=size, scale=scale, samples=None, aligned=False)
    for n, box in enumerate(boxes[0]):
        sides = np.maximum((box[2:] - box[:2]) * scale, 1)[::-1]  # height and width
        rows, columns = (math.ceil(side / bins) for side, bins in zip(sides, size, strict=True))
        want = align_in_loops(FEATURES[0], box, size, scale, (rows, columns), False)
        np.testing.assert_allclose(got[0, n], want, atol=1e-5)


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize(("size", "scale", "samples"), [((2, 3), 0.5, 2), ((4, 4), 0.25, 3)])
def test_roi_align_is_torchvisions_with_its_gradient(torchvision, aligned, size, scale, samples):
    import torch

    module = importlib.import_module("torchvision.ops.roi_align")
    features = torch.tensor(FEATURES.transpose(0, 3, 1, 2), requires_grad=True)
    rows = np.concatenate([np.repeat([[0.0], [1.0]], 4, axis=0), INSIDE.reshape(-1, 4)], axis=1)
    plain = module._roi_align.__wrapped__  # not through the compiler of torch
    want = plain(features, torch.tensor(rows, dtype=torch.float32), scale, *size, samples, aligned)
    weights = np.random.default_rng(1).normal(size=want.shape).astype(np.float32)
    (want * torch.tensor(weights)).sum().backward()

    def total(x):
        out = roi_align(x, INSIDE, size=size, scale=scale, samples=samples, aligned=aligned)
        return jnp.sum(out * weights.transpose(0, 2, 3, 1).reshape(out.shape)), out

    slope, out = jax.grad(total, has_aux=True)(jnp.array(FEATURES))
    got = out.reshape(8, *size, 3).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(got, want.detach(), atol=1e-5)
    np.testing.assert_allclose(slope, features.grad.permute(0, 2, 3, 1), atol=1e-5)


@pytest.mark.parametrize("aligned", [True, False])
def test_slopes_of_roi_align_are_those_of_differences(aligned):
    boxes = np.array([[[1.37, 2.21, 6.83, 7.47]]], np.float32)

    def total(features, boxes):
        return jnp.sum(roi_align(features, boxes, size=(2, 2), aligned=aligned) ** 2)

    features = jnp.array(FEATURES[:1])
    of_features, of_boxes = jax.grad(total, (0, 1))(features, jnp.array(boxes))
    step = 1e-2
    for at in [(0, 3, 3, 0), (0, 5, 6, 2), (0, 8, 10, 1)]:
        moved = [float(total(features.at[at].add(d), boxes)) for d in (step, -step)]
        np.testing.assert_allclose(of_features[at], (moved[0] - moved[1]) / (2 * step), atol=1e-2)
    for i in range(4):
        shift = np.eye(4, dtype=np.float32)[i] * 1e-3
        moved = [float(total(features, boxes + d)) for d in (shift, -shift)]
        np.testing.assert_allclose(
            of_boxes[0, 0, i], (moved[0] - moved[1]) / 2e-3, rtol=0.02, atol=0.02
        )


def pool_in_loops(features, box, size, scale):
    """torchvision's kernel (csrc/ops/cpu/roi_pool_kernel.cpp) as it is written there."""
    height, width, channels = features.shape
    x1, y1, x2, y2 = (math.floor(abs(v) + 0.5) * (-1 if v < 0 else 1) for v in box * scale)
    tall, wide = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
    out, first = np.zeros((*size, channels)), {}
    for p in range(size[0]):
        for q in range(size[1]):
            h = [math.floor(p * tall / size[0]) + y1, math.ceil((p + 1) * tall / size[0]) + y1]
            w = [math.floor(q * wide / size[1]) + x1, math.ceil((q + 1) * wide / size[1]) + x1]
            h, w = np.clip(h, 0, height), np.clip(w, 0, width)
            for c in range(channels):
                best = None
                for i in range(*h):
                    for j in range(*w):
                        if best is None or features[i, j, c] > features[best]:
                            best = (i, j, c)
                if best is not None:
                    out[p, q, c], first[p, q, c] = features[best], best
    return out, first


@pytest.mark.parametrize(("size", "scale"), [((2, 3), 0.5), ((3, 3), 0.25)])
def test_roi_pool_is_torchvisions_kernel_with_its_gradient(size, scale):
    features = np.round(FEATURES)  # ties
    weights = np.random.default_rng(2).normal(size=(2, 4, *size, 3)).astype(np.float32)
    want, slope = np.zeros(weights.shape), np.zeros(features.shape)
    for b, n in np.ndindex(2, 4):
        want[b, n], first = pool_in_loops(features[b], BOXES[b, n], size, scale)
        for at, place in first.items():
            slope[(b, *place)] += weights[(b, n, *at)]

    def total(x):
        out = roi_pool(x, BOXES, size=size, scale=scale)
        return jnp.sum(out * weights), out

    got_slope, got = jax.jit(jax.grad(total, has_aux=True))(jnp.array(features))
    np.testing.assert_allclose(got, want)
    np.testing.assert_allclose(got_slope, slope, atol=1e-6)


def test_regions_name_what_they_refuse():
    with pytest.raises(ValueError, match=r"boxes must be \(2, N, 4\)"):
        roi_align(jnp.array(FEATURES), jnp.ones((3, 4, 4)), size=(2, 2))
    with pytest.raises(ValueError, match="samples must be at least 1, got 0"):
        roi_align(jnp.array(FEATURES), jnp.array(BOXES), size=(2, 2), samples=0)
