"""What a run ran on: versions, devices, caches; and the settings that every command starts with."""

import functools
import importlib.metadata
import json
import logging
import os
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

from jaxdl.data.tfds import cache_dir

PACKAGES = (
    "jaxdl",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "numpy",
    "tensorflow-datasets",
)


def quiet() -> None:
    """Keeps the start-up noise of XLA and absl off stderr, and warnings to a line each.

    To be called before jax is imported.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    logging.getLogger("absl").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.formatwarning = lambda message, *where: f"warning: {message}\n"


def use_compilation_cache() -> None:
    """Keeps compiled programs on disk, so that a second start takes a second."""
    import jax

    if jax.config.values["jax_compilation_cache_dir"] is None:
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "xla"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


@functools.cache
def versions() -> dict[str, str]:
    """The versions that a result depends on; a package that is absent is left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def device_name() -> str:
    """The kind of device that jax computes on."""
    import jax

    device = jax.devices()[0]
    return f"{device.platform}: {device.device_kind}"


def describe() -> dict[str, Any]:
    """Versions, devices, machine and command, as plain values."""
    import jax

    return {
        "versions": versions(),
        "device": device_name(),
        "devices": jax.device_count(),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "command": " ".join(sys.argv),
    }


def write_environment(folder: Path) -> None:
    """Writes `environment.json` into a run folder."""
    (folder / "environment.json").write_text(json.dumps(describe(), indent=2) + "\n")
