"""Numbers that the weights of no trained model have."""

from collections.abc import Collection, Mapping

import numpy as np

from jaxdl.checks import CheckpointError
from jaxdl.typing import Host


def check_sound(who: str, arrays: Mapping[str, Host], variances: Collection[str] = ()) -> None:
    """Raises CheckpointError naming every array that is not finite or a negative variance.

    A model may hide them: a compiled maximum or ReLU can turn NaN into a number. `variances` are
    the names of the arrays that must not be negative.
    """
    wrong = []
    for name, array in arrays.items():
        if array.dtype.kind in "biu":
            continue
        bad = ~np.isfinite(array)
        if bad.any():
            wrong.append(f"{name}: {bad.sum()} of {bad.size} numbers are not finite")
        elif name in variances and array.min(initial=0) < 0:
            wrong.append(f"{name}: a variance is negative, {array.min():.3g}")
    if wrong:
        more = [f"and {len(wrong) - 10} more"] if len(wrong) > 10 else []
        lines = "\n  ".join(wrong[:10] + more)
        raise CheckpointError(f"{who} cannot be used; get the file again or mend it:\n  {lines}")
