"""What can be wrong with the world of a process: set in the process itself before its work."""


def devices(count: int) -> None:
    """So many simulated devices."""
    import jax

    jax.config.update("jax_num_cpu_devices", count)
