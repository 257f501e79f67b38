"""Networks by name: each says its own options, is built with them, and refuses others."""

import pickle

import jax
import pytest

from jaxdl.checks import UsageError
from jaxdl.video.models.by_name import VIDEO_MODELS, VideoModelConfig, build_video_model
from tests.video.models.random_variables import shapes_of

CLIP = (1, 16, 64, 64, 3)


@pytest.mark.parametrize("name", VIDEO_MODELS)
def test_each_is_built_from_its_options(name):
    cfg = VideoModelConfig.choose(name)()
    assert cfg.name == name
    assert pickle.loads(pickle.dumps(cfg)) == cfg
    model = build_video_model(cfg, 7)
    assert model.num_classes == 7
    assert type(model) is VIDEO_MODELS[name]


def test_options_reach_the_network():
    options = VideoModelConfig.choose("slow_fusion")
    cfg = options(features=(3, 5), pools=(2, 2), non_local=True)
    params = shapes_of(build_video_model(cfg, 7), CLIP)["params"]
    assert params["stack"]["conv2"]["conv"]["kernel"].shape == (3, 3, 3, 3, 5)
    assert params["head"]["kernel"].shape == (5, 7)
    assert "non_local" in params
    assert not jax.tree.leaves(
        shapes_of(build_video_model(options(norm="none"), 7), CLIP).get("batch_stats")
    )
    assert "convolution" in (options.__doc__ or "")


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="slowfas.*slowfast"):
        VideoModelConfig.choose("slowfas")
