"""Eight simulated devices, a compilation cache, strict shapes; torchvision as far as it goes."""

import ctypes
import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests compile much and run little: without LLVM's optimizations they take half of the time.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import jax
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
CACHE = os.environ.get("JAXDL_TEST_CACHE", os.path.expanduser("~/.cache/jaxdl/tests"))
jax.config.update("jax_compilation_cache_dir", CACHE)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_programs():
    """What a module has compiled goes with it, or a worker grows to several gigabytes."""
    yield
    jax.clear_caches()
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc keeps what was freed, otherwise
        trim(0)


@pytest.fixture(scope="session")
def torchvision():
    """torchvision beside a CPU torch: its Python code works, its compiled operators are absent."""
    pytest.importorskip("torch")
    from jaxdl.interop.torch_twins.detectors import import_torchvision

    try:
        return import_torchvision()
    except ImportError:
        pytest.skip("needs torchvision")
