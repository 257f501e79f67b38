"""Published weight files on photographs: the five likeliest classes, as torch gave them."""

import re
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from jaxdl.cache import weights_dir
from jaxdl.models.weights.known_files import KNOWN, facts_of
from jaxdl.models.weights.published import import_weights
from jaxdl.models.weights.weights_folder import find_weights
from tests.models.weights.twins import quick_jit

PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut")
PADDINGS = {"squeezenet1_1": {}, "mobilenet_v2": {"padding": "symmetric"}, "efficientnet_lite0": {}}
pytestmark = pytest.mark.skipif(weights_dir() is None, reason="JAXDL_WEIGHTS_DIR is not set")


@cache
def published():
    """(network, photograph) -> [(class, chance), ...] of the file that lies beside the weights."""
    text = Path(weights_dir() or "", "top5.txt").read_text()
    rows = re.findall(r"^(\w+) (?:\(.*?\) )?from the file (\w+): (.*)$", text, re.MULTILINE)
    split = {(net, name): re.findall(r"([^,]+) (0\.\d+)", line) for net, name, line in rows}
    return {k: [(n.strip(), float(p)) for n, p in found] for k, found in split.items()}


def photograph(name):
    """Its shorter side 256 and the other to the nearest pixel, which the published figures are of.

    (torchvision's rule, which `Preprocessing` follows, rounds down: chelsea is 384 wide then, and
    its Egyptian cat .31, not .40.)
    """
    data = pytest.importorskip("skimage.data")
    image = Image.fromarray(getattr(data, name)())
    scale = 256 / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


@pytest.mark.parametrize("net", PADDINGS)
def test_the_five_likeliest_classes_are_the_published_ones(net):
    weights = import_weights(find_weights(net), net, **PADDINGS[net])
    assert weights.options.get("padding", "same") == PADDINGS[net].get("padding", "same")
    x = weights.preprocessing([photograph(name) for name in PHOTOGRAPHS])
    apply = quick_jit(lambda v, x: weights.model().apply(v, x, train=False))
    chances = np.asarray(jax.nn.softmax(apply(weights.variables, x)))
    for name, row in zip(PHOTOGRAPHS, chances, strict=True):
        want = published()[net, name]
        assert len(want) == 5
        for label, chance in want:
            of_name = max(p for n, p in zip(weights.classes, row, strict=True) if n == label)
            assert abs(of_name - chance) <= 0.01, (net, name, label)
        likeliest = [weights.classes[i] for i in np.argsort(-row)[:5]]
        assert likeliest[0] == want[0][0]


def test_the_known_files_are_known():
    for facts in KNOWN.values():
        path = find_weights(facts.model)
        assert facts_of(path) == facts
    assert facts_of(find_weights("mobilenet_v2")).options == {"padding": "same"}
