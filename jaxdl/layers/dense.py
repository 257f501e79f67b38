"""A linear layer for inputs of any rank."""

from functools import partial

import flax.linen as nn

from jaxdl.ops.matmul import dot_over_rows

Dense = partial(nn.Dense, dot_general=dot_over_rows)
"""`nn.Dense`, quicker to differentiate over `(B, L, D)`; see `dot_over_rows`."""
