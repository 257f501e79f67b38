"""What a config of an optimizer refuses."""

import pytest

from jaxdl.checks import UsageError
from jaxdl.optim.config import OptimConfig


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "optim.lr must be >= 0, got -1.0"),
        ({"name": "adamm"}, "optim.name must be one of .*adam.*'adamm'"),
        ({"schedule": "cos"}, "optim.schedule must be one of .*cosine"),
        ({"momentum": 1.5}, "optim.momentum must lie in"),
        ({"cycle": 0.0}, r"optim.cycle must lie in \(0, 1\], got 0.0"),
        ({"accumulate": 0}, "optim.accumulate must be at least 1, got 0"),
        ({"swa": 1.0}, r"optim.swa must lie in \[0, 1\), got 1.0"),
        ({"swa": 0.5, "ema": 0.9}, "ema and swa exclude each other"),
        ({"name": "lbfgs", "clip_norm": 1.0}, "optim.clip_norm does not go with lbfgs"),
    ],
)
def test_values_out_of_range_are_refused(options, message):
    with pytest.raises((UsageError, ValueError), match=message):
        OptimConfig(**options)
