"""What can be wrong with the world of a process: set in the process itself before its work."""


def devices(count: int) -> None:
    """So many simulated devices."""
    import jax

    jax.config.update("jax_num_cpu_devices", count)


def grace(seconds: float) -> None:
    """So little time for the loop to answer a signal."""
    from jaxdl.training import signals

    signals.GRACE = seconds


def largest_file(size: int) -> None:
    """No file may grow beyond `size` bytes: writes then fail as on a full disk (EFBIG)."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def no_power() -> None:
    """A user like any other: permissions hold for root, too (its capabilities are dropped)."""
    import ctypes

    version = 0x20080522
    header, data = (ctypes.c_uint32 * 2)(version, 0), (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None).capset(header, data) != 0:
        raise OSError("capset failed")
