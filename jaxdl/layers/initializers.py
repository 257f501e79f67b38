"""Initial weights by name, so that a config can choose them."""

import flax.linen as nn

from jaxdl.checks import unknown

INITIALIZERS: dict[str, nn.initializers.Initializer] = {
    "zeros": nn.initializers.zeros,  # all units of a layer stay alike: they learn one thing
    "normal": nn.initializers.normal(0.01),
    "lecun": nn.initializers.lecun_normal(),  # std 1 / sqrt(n_in): Xavier's other definition
    "lecun_uniform": nn.initializers.lecun_uniform(),  # +- sqrt(3 / n_in)
    "xavier": nn.initializers.glorot_normal(),  # variance 2 / (n_in + n_out)
    "xavier_uniform": nn.initializers.glorot_uniform(),  # +- sqrt(6 / (n_in + n_out))
    "kaiming": nn.initializers.he_normal(),  # std sqrt(2 / n_in): ReLU halves the variance
    "kaiming_uniform": nn.initializers.he_uniform(),  # +- sqrt(6 / n_in)
}


def initializer(name: str) -> nn.initializers.Initializer:
    """`f(key, shape, dtype)` of that name: zeros, normal (std 0.01), lecun, xavier, ..., kaiming.

    Kaiming's std is sqrt(gain / n_in): gain 2, before ReLU, is `kaiming`, gain 1 is `lecun`. n_in
    is D of a linear kernel `(D, M)` and C K^2 of a convolution's `(K, K, C, F)`. Where torch and
    the papers draw `lecun`, `xavier` and `kaiming` from a whole normal, these are drawn from one
    that is cut off at two of its deviations and stretched so that the std is the same: no weight is
    beyond 2.28 std.
    """
    if name not in INITIALIZERS:
        raise unknown("initializer", name, INITIALIZERS)
    return INITIALIZERS[name]
