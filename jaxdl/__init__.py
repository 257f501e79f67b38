"""Deep learning for vision in JAX."""

__version__ = "0.1.0"
