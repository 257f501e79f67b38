"""Episodes against the pictures they are drawn from; runs against scikit-learn's neighbors."""

from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from jaxdl.data.splits.split import Split
from jaxdl.losses.few_shot import prototype_logits
from jaxdl.ops.augment.moments import moment_move
from jaxdl.selfsup.episodes import Pose, RunEvaluator, by_embedding, draw_episode, flat_rows
from jaxdl.training.state import TrainState

KEYS = jax.random.split(jax.random.key(0), 6)
DRAWINGS = jnp.asarray(np.random.default_rng(0).random((6, 9, 12, 10, 1)), jnp.float32)
OPTIONS = ("strength", "class_strength", "shift", "pose")
draw = jax.jit(draw_episode, static_argnums=2, static_argnames=OPTIONS)
STILL = {"strength": 0.0, "class_strength": 0.0, "shift": 0.0}


def places(episode):
    """Which drawing of its class each picture is, `(classes, count)`; -1 where it is none."""
    off = np.abs(np.asarray(episode)[:, :, None] - np.asarray(DRAWINGS)[:, None])
    off = off.max(axis=(3, 4, 5))
    return np.where(off.min(axis=2) < 1e-5, off.argmin(axis=2), -1)


def test_an_episode_has_different_drawings_of_each_class():
    chosen = places(draw(KEYS, DRAWINGS, 4, **STILL))
    assert all(len(set(row)) == 4 and -1 not in row for row in chosen)
    assert len({tuple(row) for row in chosen}) > 1  # each class draws for itself


def test_a_class_meets_the_same_fate_in_any_batch():
    moves = {"strength": 0.1, "class_strength": 0.2, "shift": 1.0}
    whole = draw(KEYS, DRAWINGS, 3, **moves)
    part = draw(KEYS[2:4], DRAWINGS[2:4], 3, **moves)
    np.testing.assert_allclose(part, whole[2:4], atol=1e-6)


def test_a_class_moves_as_a_whole_and_drawings_by_themselves():
    one = jnp.broadcast_to(DRAWINGS[:, :1], DRAWINGS.shape)  # all drawings of a class are equal
    same = draw(KEYS, one, 3, **{**STILL, "class_strength": 0.3})
    np.testing.assert_allclose(same[:, 1], same[:, 0], atol=1e-5)
    assert np.abs(same[:, 0] - one[:, 0]).max() > 0.1
    for own in ({"strength": 0.3}, {"shift": 2.0}):
        moved = draw(KEYS, one, 3, **{**STILL, **own})
        assert np.abs(moved[:, 1] - moved[:, 0]).max(axis=(1, 2, 3)).min() > 0.1


def test_a_pose_comes_before_the_moves():
    """Without moves an episode has posed drawings; a shift moves what is posed."""
    pose = Pose(16, 3.0)
    still = draw(KEYS, DRAWINGS, 2, pose=pose, **STILL)
    assert still.shape == (6, 2, 16, 16, 1)
    flat = np.asarray(jax.jit(pose.apply)(flat_rows(DRAWINGS))).reshape(6, 9, 16, 16, 1)
    off = np.abs(np.asarray(still)[:, :, None] - flat[:, None]).max(axis=(3, 4, 5)).min(axis=2)
    assert off.max() < 1e-5
    shifted = draw(KEYS, DRAWINGS, 2, pose=pose, **{**STILL, "shift": 3.0})
    ink = jnp.concatenate([flat_rows(still), flat_rows(shifted)])[..., 0]
    move = jax.jit(lambda x: moment_move(x, (16, 16), spread=3.0))
    middle = np.asarray(move(ink))[:, :, 2].reshape(2, 12, 2)
    assert np.abs(middle[0] - middle[1]).max(axis=1).min() > 0.2
    np.testing.assert_array_equal(Pose().apply(DRAWINGS[:, 0]), DRAWINGS[:, 0])


def test_more_drawings_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="has 9 drawings, 10 are asked for"):
        draw(KEYS, DRAWINGS, 10, **STILL)


class Flat(nn.Module):
    """Pixels, some of them, as an embedding."""

    @nn.compact
    def __call__(self, x, *, train):
        return x.reshape(len(x), -1)[:, :40]


def test_runs_are_judged_as_by_scikit_learn(tmp_path: Path):
    rng = np.random.default_rng(1)
    answer = np.stack([rng.permutation(20) for _ in range(13)]).astype(np.int32)
    support = rng.integers(0, 256, (13, 20, 8, 8, 1)).astype(np.uint8)
    noisy = support.astype(float) + rng.normal(0, 130, support.shape)
    query = np.stack([x[a] for x, a in zip(noisy, answer, strict=True)]).clip(0, 255)
    rows = {"support": support, "query": query.astype(np.uint8), "answer": answer}

    def prepare(keys, batch, *, train):
        image = jnp.concatenate([batch["support"], batch["query"]], axis=1)
        image = flat_rows(image.astype(jnp.float32) / 255)
        return {"image": image[:, ::-1, :7], "pixels": image, "answer": batch["answer"]}

    state = TrainState(step=jnp.int32(0), params={}, opt_state=(), key=jax.random.key(0))
    evaluate = RunEvaluator(by_embedding(Flat(), prototype_logits), prepare)
    got = evaluate(state, Split(rows, name="test"), tmp_path)
    cut = {"one_shot": lambda x: x[:, ::-1, :7].reshape(20, -1)[:, :40]}
    cut["posed_pixels"] = lambda x: x[:, ::-1, :7].reshape(20, -1)
    cut["pixels"] = lambda x: x.reshape(20, -1)
    for name, seen in cut.items():
        right = []
        for s, q, a in zip(*rows.values(), strict=True):
            judge = KNeighborsClassifier(1).fit(seen(s.astype(float)), np.arange(20))
            right.append(judge.predict(seen(q.astype(float))) == a)
        assert got[name] == pytest.approx(np.mean(right), abs=1e-6)
        assert 0.3 < got[name] < 0.99
    assert (tmp_path / "run.png").stat().st_size > 5000
