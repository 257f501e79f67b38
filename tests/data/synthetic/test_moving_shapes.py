"""Moving shapes: the masks and flow tell, by SciPy's measures, what the label says."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage, stats
from sklearn.linear_model import LogisticRegression

from jaxdl.checks import UsageError
from jaxdl.data.synthetic.moving_shapes import FIELDS, MOTIONS, Moving

NAMES = list(MOTIONS)


@cache
def sample():
    moving = Moving(10_000, 1, frames=6, image_size=(32, 40), fields=FIELDS)
    return moving, moving.rows(np.arange(240))


def test_translations_move_the_masks_their_way():
    _, rows = sample()
    want = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1), "still": (0, 0)}
    for r in range(240):
        name = NAMES[rows["label"][r]]
        if name not in want:
            continue
        # The best circular shift from one frame's mask to the next.
        first, second = rows["masks"][r, 0], rows["masks"][r, 3]
        score = np.fft.ifft2(np.conj(np.fft.fft2(first)) * np.fft.fft2(second)).real
        y, x = np.unravel_index(score.argmax(), score.shape)
        y, x = (y + 16) % 32 - 16, (x + 20) % 40 - 20
        direction = np.array(want[name])
        assert np.array([x, y]) @ direction >= 3 * direction.any()
        assert abs(np.array([x, y]) @ (1 - np.abs(direction))) <= 1


@pytest.mark.parametrize(("name", "sign"), [("growing", 1), ("shrinking", -1)])
def test_sizes_grow_and_shrink_but_for_the_jump_back(name, sign):
    _, rows = sample()
    areas = rows["masks"][rows["label"] == NAMES.index(name)].sum(axis=(2, 3)).astype(float)
    steps = sign * np.diff(areas, axis=1)
    assert (np.sort(steps, axis=1)[:, 1:] > 0).all()
    assert ((steps < 0).sum(axis=1) <= 1).all()


def test_flow_carries_every_frame_into_the_next():
    _, rows = sample()
    height, width = 32, 40
    for r in range(0, 240, 3):
        for t in range(5):
            mask, flow = rows["masks"][r, t], rows["flow"][r, t]
            assert not flow[~mask].any()
            area, following = mask.sum(), rows["masks"][r, t + 1].sum()
            if not 0.75 < following / area < 1.34:
                continue  # the jump between largest and smallest
            ys, xs = np.nonzero(mask)
            x = (xs + 0.5 + flow[mask][:, 0]) % width
            y = (ys + 0.5 + flow[mask][:, 1]) % height
            inside = ndimage.map_coordinates(
                rows["masks"][r, t + 1].astype(float), [y - 0.5, x - 0.5], order=1, mode="grid-wrap"
            )
            assert inside.mean() > 0.8


@pytest.mark.parametrize(("name", "sign"), [("clockwise", 1), ("anticlockwise", -1)])
def test_turns_have_the_curl_of_their_side(name, sign):
    _, rows = sample()
    chosen = rows["label"] == NAMES.index(name)
    flow, masks = rows["flow"][chosen][:, 0], rows["masks"][chosen][:, 0]
    assert np.abs(flow[masks]).max() > 1
    for f, m in zip(flow, masks, strict=True):
        inner = m[:, 1:-1] & m[:, :-2] & m[:, 2:]
        curl = (f[:, 2:, 1] - f[:, :-2, 1])[inner] / 2  # d(flow_y)/dx > 0: clockwise, y down
        np.testing.assert_allclose(curl, sign * np.sin(np.pi / 8), atol=1e-4)


@pytest.mark.parametrize("frame", [0, 5])
def test_a_single_frame_says_nothing(frame):
    moving = Moving(10_000, 2, frames=6, image_size=(24, 24), fields=("masks", "label"))
    rows = moving.rows(np.arange(1500))
    masks, label = rows["masks"], rows["label"]
    seen = masks[:, frame]
    # The same marginal: area, place and shape moments do not depend on the class.
    ys, xs = np.mgrid[:24, :24] * 2 * np.pi / 24
    area = seen.sum(axis=(1, 2))
    numbers = [area, *((seen * f(g)).sum(axis=(1, 2)) for f in (np.sin, np.cos) for g in (xs, ys))]
    for number in numbers:
        groups = [number[label == k] for k in range(9)]
        assert stats.kruskal(*groups)[1] > 1e-3
    # A linear classifier of the pixels stays at chance, 1/9.
    flat = seen.reshape(1500, -1)[:, ::3].astype(float)
    model = LogisticRegression(max_iter=60, C=0.01).fit(flat[:1000], label[:1000])
    assert model.score(flat[1000:], label[1000:]) < 0.19


def test_video_is_brighter_on_the_arrow():
    _, rows = sample()
    video, masks = rows["video"].astype(float).mean(axis=-1), rows["masks"]
    for v, m in zip(video, masks, strict=True):
        assert v[m].min() > v[~m].max()


def test_a_row_depends_on_seed_and_index_alone():
    moving, rows = sample()
    for name, value in moving[77].items():
        np.testing.assert_array_equal(value, rows[name][77])
    assert len({v.tobytes() for v in rows["masks"]}) == 240


def test_options_choose_classes_and_fields():
    moving = Moving(50, motions=("left", "right"), frames=3)
    rows = moving.rows(np.arange(50))
    assert moving.classes == ("left", "right")
    assert set(rows) == {"video", "label"}
    assert rows["video"].shape == (50, 3, 32, 32, 3)
    assert set(rows["label"]) == {0, 1}
    assert moving.description.startswith("synthetic")
    with pytest.raises(UsageError, match="'sideways'"):
        Moving(motions=("sideways",))
    with pytest.raises(ValueError, match=r"frames.*1"):
        Moving(frames=1)
