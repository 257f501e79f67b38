"""What can be wrong with the world of a process: set in the process itself before its work."""


def devices(count: int) -> None:
    """So many simulated devices."""
    import jax

    jax.config.update("jax_num_cpu_devices", count)


def grace(seconds: float) -> None:
    """So little time for the loop to answer a signal."""
    from jaxdl.training import signals

    signals.GRACE = seconds
