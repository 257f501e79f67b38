"""Deep learning for vision in JAX.

What is listed here is loaded when it is first asked for; `import jaxdl` loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxdl.data.config import DataConfig as DataConfig
    from jaxdl.experiment import load_run as load_run
    from jaxdl.front import Fitted as Fitted
    from jaxdl.front import evaluate as evaluate
    from jaxdl.front import explain as explain
    from jaxdl.front import fit as fit
    from jaxdl.front import load_data as load_data
    from jaxdl.front import predict as predict
    from jaxdl.models.registry import ModelConfig as ModelConfig
    from jaxdl.models.registry import create_model as create_model
    from jaxdl.models.registry import list_models as list_models
    from jaxdl.models.registry import register_model as register_model
    from jaxdl.optim.config import SGD as SGD
    from jaxdl.optim.config import Adam as Adam
    from jaxdl.optim.config import AdamW as AdamW
    from jaxdl.optim.config import Momentum as Momentum
    from jaxdl.training.plan import LoopConfig as LoopConfig
    from jaxdl.training.prepare_images import ImageConfig as ImageConfig

__version__ = "0.1.0"

NAMES = {
    "jaxdl.data.config": ("DataConfig",),
    "jaxdl.experiment": ("load_run",),
    "jaxdl.front": ("Fitted", "evaluate", "explain", "fit", "load_data", "predict"),
    "jaxdl.models.registry": ("ModelConfig", "create_model", "list_models", "register_model"),
    "jaxdl.optim.config": ("SGD", "Adam", "AdamW", "Momentum"),
    "jaxdl.training.plan": ("LoopConfig",),
    "jaxdl.training.prepare_images": ("ImageConfig",),
}


def __getattr__(name: str) -> Any:
    for module, names in NAMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'jaxdl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *(name for names in NAMES.values() for name in names)])
