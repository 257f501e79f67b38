"""What a run ran on: versions, devices, caches; and the settings that every command starts with."""

import functools
import importlib.metadata
import json
import logging
import os
import platform
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from jaxdl.cache import cache_dir
from jaxdl.plain_file import write_whole

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


# XLA's CPU compiler gives matrix products and reductions to a library, YNNPACK, that leaves a core
# idle in small convolutional nets: a ResNet-20 step took 1.7 times as long. Reductions alone are a
# gain there; the products of a recurrent net, many and small, are 1.3 to 1.5 times as fast with it.
# Only for compilers that are known to take the option: an unknown one ends the process.
CPU_OPTION = "xla_cpu_experimental_ynn_fusion_type"
REDUCTIONS = "LIBRARY_FUSION_TYPE_REDUCE"
WITH_PRODUCTS = f"LIBRARY_FUSION_TYPE_DOT,{REDUCTIONS}"
KNOWN_COMPILERS = ("0.10.2",)


def prepare_process() -> None:
    """What every command sets before jax is imported: a quiet start, pictures into files, XLA's
    option for a CPU."""
    quiet()
    os.environ["MPLBACKEND"] = "agg"  # a notebook's kernel exports one that only the kernel has
    flags = os.environ.get("XLA_FLAGS", "")
    if takes_cpu_option() and CPU_OPTION not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --{CPU_OPTION}={REDUCTIONS}".strip()


def takes_cpu_option() -> bool:
    """Whether the compiler is one that is known to take `CPU_OPTION`."""
    return importlib.metadata.version("jaxlib") in KNOWN_COMPILERS


def quiet() -> None:
    """Keeps the start-up noise of XLA and absl off stderr, and warnings to a line each."""
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


def commit() -> str | None:
    """The checkout's commit, with `-dirty` where files differ; None outside of one."""
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():  # in a person's own repository it would be theirs
        return None
    words = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(words, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def machine_name() -> str:
    """The processor's model and how many cores it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


def when_and_where() -> dict[str, str]:
    """The day, the commit and the machine of a measurement."""
    at = {"date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine_name()}
    found = commit()
    return {**at, "commit": found} if found else at


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
    write_whole(folder / "environment.json", json.dumps(describe(), indent=2) + "\n")
