"""A state that starts from given variables: what is given is there, the rest is as drawn."""

import jax
import numpy as np

from jaxdl.classification.task import ClassifierConfig, classifier_task
from jaxdl.data.config import DataConfig
from jaxdl.models.registry import model_options
from jaxdl.optim.config import Adam
from jaxdl.training.plan import LoopConfig
from jaxdl.training.warm_start import started_from


def test_given_variables_stand_in_the_first_state_and_in_its_averages():
    cfg = ClassifierConfig(
        data=DataConfig(name="digits"),
        model=model_options("mlp")(hidden=(3,)),
        optim=Adam(ema=0.9),
        loop=LoopConfig(steps=1),
    )
    task = classifier_task(cfg)
    drawn = task.init(jax.random.key(0))
    bias = np.arange(10.0, dtype=np.float32)
    state = started_from(task, {"params": {"head": {"bias": bias}}})(jax.random.key(0))
    for params in (state.params, state.ema):
        np.testing.assert_array_equal(params["head"]["bias"], bias)
        np.testing.assert_array_equal(params["head"]["kernel"], drawn.params["head"]["kernel"])
