"""Published nets on photographs: torch's own answers, where the real weights are at hand."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxdl.checks import UsageError
from jaxdl.evaluation.predict_published import predict_published

# What torch gave for the same files and photographs of scikit-image.
TORCH = {
    ("squeezenet1_1", "chelsea"): "Egyptian cat .40, tiger cat .34, tabby .25, lynx .01",
    ("squeezenet1_1", "coffee"): "espresso .97, consomme .03",
    ("squeezenet1_1", "rocket"): "pole .22, beacon .10, crane .09, missile .09, torch .08",
    ("squeezenet1_1", "astronaut"): "barbell .53, drumstick .12, reel .05, dumbbell .05",
    ("mobilenet_v2", "chelsea"): "Egyptian cat .45, tiger cat .37, tabby .12, lynx .01",
    ("mobilenet_v2", "coffee"): "espresso .80, consomme .07, eggnog .02",
    ("mobilenet_v2", "rocket"): "missile .36, projectile .12, crane .07, syringe .05, mosque .01",
    ("mobilenet_v2", "astronaut"): "wine bottle .13, jersey .10, red wine .04",
    ("efficientnet_lite0", "chelsea"): "tiger cat .38, Egyptian cat .37, tabby .16, lynx .02",
    ("efficientnet_lite0", "coffee"): "espresso .96, cup .01",
    ("efficientnet_lite0", "rocket"): "missile .38, projectile .25, drilling platform .05",
    ("efficientnet_lite0", "astronaut"): "football helmet .13, bobsled .12, go-kart .07",
}
PADDING = {"mobilenet_v2": {"padding": "symmetric"}}  # of torch's net, which gave the numbers


def weights_at_hand(name):
    folder = Path(os.environ.get("JAXDL_WEIGHTS_DIR", "/nowhere"))
    if not (folder / f"{name}.safetensors").is_file():
        pytest.skip(f"{name}.safetensors is not in JAXDL_WEIGHTS_DIR")


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2", "efficientnet_lite0"])
def test_the_likeliest_classes_are_torchs(name, tmp_path):
    data = pytest.importorskip("skimage.data")
    weights_at_hand(name)
    photos = [photo for model, photo in TORCH if model == name]
    for photo in photos:
        picture = Image.fromarray(getattr(data, photo)())
        scale = 256 / min(picture.size)
        # Their longer side was rounded; torchvision, and so jaxdl, cuts it: chelsea 385 or 384.
        size = [round(scale * side) for side in picture.size]
        picture.resize(size, Image.Resampling.BILINEAR).save(tmp_path / f"{photo}.png")
    files = [tmp_path / f"{photo}.png" for photo in photos]
    options = PADDING.get(name, {})
    lines, faults, rows = predict_published(name, name, files, tmp_path / "out", **options)
    assert faults == []
    assert [len(row["classes"]) for row in rows] == [5] * len(photos)
    assert (tmp_path / "out" / "sheet.png").is_file()
    for photo in photos:
        line = next(line for line in lines if f"{photo}.png" in line)
        found = dict(re.findall(r"  (\D+?) (\d+\.\d)%", line))
        for said in TORCH[name, photo].split(", "):
            kind, share = said.rsplit(" ", 1)
            assert abs(float(found[kind]) / 100 - float(share)) <= 0.0101, (photo, kind)


def test_a_file_of_ours_tells_its_classes_and_its_preprocessing(tmp_path):
    import jax
    import jax.numpy as jnp

    from jaxdl.models.registry import create_model
    from jaxdl.models.weights.preprocessing import Preprocessing
    from jaxdl.models.weights.published import Weights, save_weights

    options = {"expansions": (1,), "features": (4,), "repeats": (1,), "strides": (2,), "last": 8}
    model = create_model("mobilenet_v2", 6, **options)
    variables = model.init(jax.random.key(0), jnp.zeros((1, 16, 16, 3)), train=False)
    how = Preprocessing(size=16, resize=20, mean=(0.5,) * 3, std=(0.5,) * 3)
    classes = tuple("abcdef")
    weights = Weights("mobilenet_v2", 6, variables, how, "torchvision", options, classes)
    save_weights(tmp_path / "small.safetensors", weights)
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    given = str(tmp_path / "small.safetensors")
    lines, *_ = predict_published("mobilenet_v2", given, [tmp_path / "a.png"], tmp_path / "out")
    assert "shorter side 20 (bilinear), the middle 16 x 16" in lines[0]
    share = jax.nn.softmax(model.apply(variables, how([pixels]), train=False))[0]
    order = np.argsort(-np.asarray(share))[:5]
    want = "  ".join(f"{classes[i]} {share[i]:.1%}" for i in order)
    assert lines[1] == f"{tmp_path / 'a.png'}  {want}"
    with pytest.raises(UsageError, match="they are of mobilenet_v2, not of squeezenet1_1"):
        predict_published("squeezenet1_1", given, [tmp_path / "a.png"], tmp_path / "out")
