"""`jaxdl weights` from the outside."""

import jax
import numpy as np
import pytest

from jaxdl.checks import CheckpointError
from jaxdl.cli import main
from jaxdl.commands import export, weights
from jaxdl.models.registry import create_model
from jaxdl.models.weights.published import load_weights, variable_shapes
from jaxdl.models.weights.rule_sets import rules_for
from jaxdl.models.weights.weight_file import read_weights, write_safetensors
from jaxdl.models.weights.weight_rules import to_torch
from tests.commands.asking import ask


def call(capsys, *words):
    """(exit code, standard output, standard error) of `jaxdl weights ...`."""
    with pytest.raises(SystemExit) as stop:
        main(argv=["weights", *map(str, words)])
    out = capsys.readouterr()
    return stop.value.code, out.out, out.err


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A file under torchvision's names, of random numbers, for five classes."""
    model = create_model("mobilenet_v2", 5)
    rng = np.random.default_rng(0)
    like = variable_shapes(model, 224)
    drawn = jax.tree.map(lambda leaf: rng.uniform(0.5, 1.5, leaf.shape).astype(np.float32), like)
    path = tmp_path_factory.mktemp("weights") / "published.safetensors"
    write_safetensors(path, to_torch(rules_for(model), drawn))
    return path


def test_a_file_of_another_library_is_named_as_such(published, capsys):
    assert ask(weights, "show", published) == 0
    out = capsys.readouterr().out
    assert f"{len(read_weights(published))} arrays" in out
    assert "another library's file" in out


def test_import_show_and_back(published, tmp_path, capsys):
    ours, back = tmp_path / "ours.safetensors", tmp_path / "back.safetensors"
    words = ("import", published, "--model", "mobilenet_v2", "--out", ours)
    code, out, _ = call(capsys, *words, "--resize", 232, "--mean", 0, 0.5, 0)
    assert code == 0
    assert "mobilenet_v2, 5 classes, from torchvision" in out
    preprocessing = load_weights(ours).preprocessing
    assert (preprocessing.resize, preprocessing.mean) == (232, (0, 0.5, 0))
    code, out, _ = call(capsys, "show", ours)
    assert code == 0
    assert "params/head/kernel" in out
    assert "resize 232" in out
    code, out, _ = call(capsys, "show", published)
    assert code == 0
    assert "classifier.1.weight" in out
    assert "another library's file" in out
    assert ask(export, ours, "--to", "safetensors", "--out", back) == 0
    before, after = read_weights(published), read_weights(back)
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, strict=True)
    code, _, err = call(capsys, *words)
    assert code == 2
    assert f"{ours} exists" in err


def test_mistakes_are_one_line_and_an_exit_code(published, tmp_path, capsys):
    code, _, err = call(capsys, "import", published, "--model", "mobilnet_v2")
    assert code == 2
    assert "did you mean mobilenet_v2" in err
    code, _, err = call(capsys, "import", published, "--model", "resnet18", "--out", tmp_path / "x")
    assert code == 7
    assert "Traceback" not in err
    with pytest.raises(CheckpointError, match="not a weight file of jaxdl"):
        ask(export, published, "--to", "safetensors", "--out", tmp_path / "x")
    code, _, err = call(capsys, "show", tmp_path / "absent")
    assert code == 7
    assert not list(tmp_path.iterdir())


def test_what_a_file_is_stands_beside_it_and_is_shown(published, tmp_path, capsys, monkeypatch):
    halves, ours = tmp_path / "halves.safetensors", tmp_path / "ours.safetensors"
    arrays = {name: value.astype(np.float16) for name, value in read_weights(published).items()}
    write_safetensors(halves, arrays)
    assert "nothing else is known of it" in call(capsys, "show", halves)[1]
    monkeypatch.setenv("JAXDL_WEIGHTS_DIR", str(tmp_path))
    code, out, _ = call(capsys, "import", "halves", "--model", "mobilenet_v2", "--out", ours)
    assert code == 0
    said = f"{len(arrays)} of {len(arrays)} arrays widened from float16 to float32"
    assert said in out
    out = call(capsys, "show", "ours")[1]
    assert "license: not known" in out
    assert f"note: {said}" in out
    changed = bytearray(ours.read_bytes())
    changed[-1] ^= 1
    ours.write_bytes(changed)
    code, _, err = call(capsys, "show", "ours")
    assert code == 7
    assert "ours.safetensors.json describes a file of sha256" in err
    code, _, err = call(capsys, "show", "absent")
    assert code == 7
    assert "which has halves, ours" in err


def test_options_reach_the_import(published, tmp_path, capsys):
    doubles = tmp_path / "doubles.safetensors"
    arrays = {name: value.astype(np.float64) for name, value in read_weights(published).items()}
    write_safetensors(doubles, arrays)
    words = ("import", doubles, "--model", "mobilenet_v2", "--out", tmp_path / "ours")
    assert call(capsys, *words)[0] == 7
    assert call(capsys, *words, "--source", "timm")[0] == 2
    assert call(capsys, *words, "--cast", "--classes", 6)[0] == 7
    assert call(capsys, *words, "--cast", "--source", "torchvision")[0] == 0
