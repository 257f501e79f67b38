"""Every language config takes a step, in shapes; what its experiment shows."""

import json
import os
from datetime import date
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments.language.sequence_layers import (
    Config,
    Layer,
    SequenceConfig,
    gradient_norms,
    layers_to_see_all,
    measure,
    operations_in_a_row,
    tanh_net,
)
from experiments.language.windows import WindowEvaluator
from jaxdl.catalog import find_configs
from jaxdl.checks import UsageError
from jaxdl.data.captions import UNKNOWN, decode_caption
from jaxdl.experiment import read_config
from jaxdl.language.decoding import write_sequences
from tests.models.torch_layers import quick_jit

ROOT = Path(__file__).parents[2]
CONFIGS = {
    name: path for name, path in find_configs(ROOT).items() if path.parent.name == "language"
}
SMALL = {"shapes": ["--data.synthetic_rows=64"], "hello": []}


@pytest.mark.parametrize("name", sorted(CONFIGS.keys() - {"sequence_layers", "glove50_words"}))
def test_a_config_takes_a_step_in_shapes(name):
    experiment, cfg = read_config(CONFIGS[name], [])
    if (
        cfg.data.name == "coco_captions"
        and not (Path(os.environ.get("TFDS_DATA_DIR", "/nowhere")) / "coco_captions").is_dir()
    ):
        pytest.skip("coco_captions is not prepared")
    flags = [f"--data.batch_size={min(cfg.data.batch_size, 16)}"]
    if cfg.data.name == "text":
        flags.append(f"--data.path={ROOT / 'README.md'}")
    elif cfg.data.name not in ("hello", "coco_captions"):
        flags.append("--data.synthetic_rows=32")
    if cfg.data.name == "coco_captions":
        flags += ["--model.weights="]
        flags += ["--model.name=lenet", "--backbone.stage=stage2", "--data.image_size", "28"]
    _, cfg = read_config(CONFIGS[name], flags)
    task = experiment.builder(name)(cfg)
    state = jax.eval_shape(task.init, jax.eval_shape(jax.random.key, 0))
    split = task.splits["train"]
    batch = split.batch(split.rows(0, 1)[0])
    step = jax.vmap(task.step, (None, 0), axis_name="device", axis_size=1)
    new, metrics = jax.eval_shape(step, state, jax.tree.map(lambda x: x[None], dict(batch)))
    assert jax.tree.structure(new) == jax.tree.structure(state)
    assert all(
        a.shape[1:] == b.shape for a, b in zip(*map(jax.tree.leaves, (new, state)), strict=True)
    )
    assert "loss" in metrics


@pytest.mark.parametrize("scale", [0.8, 4.0])
def test_a_gradient_is_the_product_of_a_tanh_nets_jacobians(scale):
    cfg = Config(SequenceConfig(width=16), steps=12, seed=2)
    norms = gradient_norms(cfg, scale)
    _, params, x = tanh_net(cfg, scale)
    wx, wh, b, x = (np.asarray(v, np.float64) for v in (*(params[k] for k in ("wx", "wh", "b")), x))
    np.testing.assert_allclose(np.linalg.svd(wh)[1][0], scale, rtol=1e-5)
    h, jacobians = np.zeros(16), []
    for token in x:
        h = np.tanh(token @ wx + h @ wh + b)
        jacobians.append(np.diag(1 - h**2) @ wh.T)
    gradient, want = np.eye(16)[0], []
    for jacobian in jacobians[::-1]:
        gradient = gradient @ jacobian
        want.append(np.linalg.norm(gradient))
    np.testing.assert_allclose(norms, want, rtol=1e-3)
    assert (norms <= scale ** np.arange(1, 13) * 1.0001).all()
    assert norms[-1] < 0.01 if scale < 1 else norms[-1] > 5


@pytest.mark.parametrize("kernel", [3, 5])
def test_layers_until_the_last_output_sees_the_first_token(kernel):
    length, x = 8, np.random.default_rng(0).normal(size=(1, 8, 4)).astype(np.float32)
    for kind in ("rnn", "lstm", "conv", "attention"):
        layer = Layer(kind, kernel)
        variables = layer.init(jax.random.key(0), x)

        def far(x, count, layer=layer, variables=variables):
            for _ in range(count):
                x = layer.apply(variables, x)
            return x[0, -1].sum()

        count = int(layers_to_see_all(kind, length, kernel))
        assert np.abs(jax.grad(far)(x, count)[0, 0]).max() > 0
        assert count == 1 or not np.abs(jax.grad(far)(x, count - 1)[0, 0]).max()


def test_operations_in_a_row_are_those_counted_by_hand():
    """A plain RNN: W_x x + b, then product, sum and tanh a step; a convolution: itself, + b."""
    x = jnp.ones((1, 2, 4))
    assert operations_in_a_row(lambda x: jnp.tanh(jnp.sin(x) + x), x) == 3
    side_by_side = lambda x: jax.lax.scan(lambda c, row: (c, jnp.sin(row)), 0.0, x)[1]  # noqa: E731
    assert operations_in_a_row(side_by_side, jnp.ones(50)) == 1
    assert operations_in_a_row(lambda x: jax.lax.cumsum(x).reshape(-1), jnp.ones(50)) == 1
    counts = {}
    for kind in ("rnn", "lstm", "conv", "attention"):
        layer = Layer(kind, 3)
        variables = layer.init(jax.random.key(0), x)
        counts[kind] = [
            operations_in_a_row(layer.apply, variables, jnp.ones((1, n, 4))) for n in (2, 8, 9)
        ]
    assert counts["rnn"] == [3 * n + 1 for n in (2, 8, 9)]
    assert counts["conv"] == [2, 2, 2]
    two, eight, nine = counts["lstm"]
    assert eight - two == 6 * (nine - eight) > 0
    assert len(set(counts["attention"])) == 1
    with pytest.raises(ValueError, match="how long a while is"):
        operations_in_a_row(lambda x: jax.lax.while_loop(jnp.all, jnp.sin, x), x[0, 0, 0])


def test_the_memory_of_attention_grows_with_the_square():
    cfg = Config(SequenceConfig(width=4, rows=1), rounds=1)
    mib = {kind: [measure(cfg, kind, n)["mib"] for n in (64, 256)] for kind in ("rnn", "attention")}
    assert mib["rnn"][1] == pytest.approx(4 * mib["rnn"][0], rel=0.3)
    assert mib["attention"][1] > 10 * mib["attention"][0]


def test_layers_that_there_are_not_are_refused():
    with pytest.raises(UsageError, match="kinds"):
        Config(kinds=("gru",))
    with pytest.raises(UsageError, match=r"sequences\.width"):
        SequenceConfig(width=6)
    with pytest.raises(UsageError, match="kernel must be odd"):
        Config(kernel=4)


def test_a_captioner_writes_under_a_persons_pictures(tmp_path):
    flags = ["--data.synthetic_rows=16", "--data.batch_size=8", "--data.image_size", "24"]
    flags += [
        "--model.name=lenet",
        "--backbone.stage=stage2",
        "--loop.steps=1",
        "--decoder.width=4",
    ]
    experiment, cfg = read_config(CONFIGS["shapes_caption_lstm"], flags)
    task = experiment.builder("test")(cfg)
    assert experiment.predict is not None, "captioners take pictures"
    state = jax.jit(task.init)(jax.random.key(0))
    run = SimpleNamespace(folder=tmp_path, cfg=cfg, task=task, state=state)
    image = task.splits["train"].read("image")[0]
    Image.fromarray(image).save(tmp_path / "a.png")
    made = experiment.predict(run, [tmp_path / "a.png", tmp_path / "no.png"], tmp_path)
    prepared = task.prepare(
        jax.random.split(jax.random.key(0), 1),
        task.splits["train"].batch(np.arange(1)),
        train=False,
    )
    (seen, _), length = prepared["inputs"], prepared["target"].shape[1]
    ids = write_sequences(task.model, state.variables, seen, length=length).tokens
    want = decode_caption(np.asarray(ids)[0], task.splits["train"].vocabulary)
    assert made.lines == [
        f"{tmp_path / 'a.png'}  {want or '(nothing)'}",
        f"sheet of pictures: {tmp_path / 'sheet.png'}",
    ]
    assert made.faults == [f"{tmp_path / 'no.png'}: no such file or directory"]


def test_windows_are_measured_and_written_as_in_loops():
    """From logits of each window by itself: windows that fill no whole batch count, too."""
    flags = [f"--data.path={ROOT / 'README.md'}", "--data.max_length=8", "--data.batch_size=5"]
    flags += ["--model.width=8", "--model.depth=1", "--model.hidden=8"]
    flags += ["--sample.length=6", "--sample.top_k=1"]
    experiment, cfg = read_config(CONFIGS["shakespeare_transformer"], flags)
    task = experiment.builder("test")(cfg)
    state = jax.jit(task.init)(jax.random.key(0))
    split = task.splits["train"].take(np.arange(7), name="few")
    assert task.evaluate is not None
    got = task.evaluate(state, split, None)
    nats, tokens = [], split.read("tokens")
    run = jax.jit(partial(task.model.apply, train=False))
    for window, logits in zip(tokens, run(state.variables, tokens[:, :-1]), strict=True):
        for row, target in zip(np.float64(logits), window[1:], strict=True):
            nats.append(np.log(np.exp(row).sum()) - row[target])
    assert len(nats) == 7 * 8
    assert got["bits"] == pytest.approx(np.mean(nats) / np.log(2), rel=1e-5)
    want = [split.vocabulary.index("\n")]
    for _ in range(2):  # half a window of 8 after the half before it, the likeliest each time
        seen = want[-4:]
        for _ in range(4):
            ids = np.zeros((7, 8), np.int32)
            ids[0, : len(seen)] = seen
            seen.append(int(run(state.variables, ids)[0, len(seen) - 1].argmax()))
        want += seen[-4:]
    text = WindowEvaluator(task.model, cfg).sample(state.variables, split.vocabulary)
    assert text == "".join(split.vocabulary[i] for i in want[:7])


def test_the_class_of_a_date_is_its_month():
    """As the standard library reads the target."""
    experiment, cfg = read_config(CONFIGS["dates_months"], ["--data.synthetic_rows=64"])
    task = experiment.builder("test")(cfg)
    split = task.splits["train"]
    batch = split.batch(np.arange(40))
    label = np.asarray(task.prepare(None, batch, train=True)["label"])
    texts = ["".join(decode_caption(ids, split.vocabulary).split()) for ids in batch["target"]]
    assert [date.fromisoformat(text).month for text in texts] == (label + 1).tolist()
    with pytest.raises(UsageError, match="data.name must be dates"):
        read_config(CONFIGS["dates_months"], ["--data.name=copy"])


def test_training_moves_the_vector_of_unknown_where_words_are_rare(tmp_path):
    """One SGD step, where `min_count` makes <UNK> of words that occur once; without, none is."""
    images = [{"id": i, "file_name": f"{i}.png", "height": 24, "width": 24} for i in range(4)]
    for image in images:
        Image.new("RGB", (24, 24), (40 * image["id"], 9, 9)).save(tmp_path / image["file_name"])
    notes = [
        {"id": i, "image_id": i, "caption": f"a thing {word}"}
        for i, word in enumerate(("red", "blue", "odd", "new"))
    ]
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"images": images, "annotations": notes}))
    flags = ["--data.name=coco_json", f"--data.path={path}", f"--data.images={tmp_path}"]
    flags += ["--data.image_size", "24", "--data.batch_size=3", "--model.name=lenet"]
    flags += ["--backbone.stage=stage2"]
    flags += ["--decoder.width=4", "--decoder.hidden=4", "--optim.name=sgd"]
    words, tasks = {}, {}
    for least in (1, 2):
        more = [*flags, f"--data.min_count={least}"]
        experiment, cfg = read_config(CONFIGS["shapes_caption_rnn"], more)
        tasks[least] = experiment.builder("test")(cfg)
        words[least] = tasks[least].splits["train"].read("captions")
    assert UNKNOWN not in words[1]
    assert (words[2] == UNKNOWN).sum() == 3
    state = quick_jit(tasks[2].init)(jax.random.key(0))
    batch = jax.tree.map(lambda x: x[None], dict(tasks[2].splits["train"].batch(np.arange(3))))
    step = quick_jit(jax.vmap(tasks[2].step, (None, 0), axis_name="device", axis_size=1))
    before = np.asarray(state.params["decoder"]["embed"]["table"])
    after = np.asarray(step(state, batch)[0].params["decoder"]["embed"]["table"])[0]
    assert np.abs(after - before)[UNKNOWN].max() > 0
