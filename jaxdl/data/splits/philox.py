"""Random numbers by position: word j of row i is a function of (seed, stream, i, j) and no more.

NumPy may change what its generators draw from one version to the next; this cannot change.
"""

import zlib

import numpy as np

from jaxdl.typing import Host


def philox_words(counters: Host, key: Host) -> Host:
    """Philox 4x32-10 (Salmon et al. 2011, section 3.3): `(..., 4)` uint32 counters, `(2,)` key."""
    c0, c1, c2, c3 = np.moveaxis(counters.astype(np.uint64), -1, 0)
    k0, k1 = (int(k) for k in key)
    for _ in range(10):
        high0, low0 = split(c0 * np.uint64(0xD2511F53))
        high1, low1 = split(c2 * np.uint64(0xCD9E8D57))
        c0, c1, c2, c3 = high1 ^ c1 ^ np.uint64(k0), low1, high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def split(product: Host) -> tuple[Host, Host]:
    """The high and the low 32 bits of uint64 numbers."""
    return product >> np.uint64(32), product & np.uint64(0xFFFFFFFF)


def words(seed: int, stream: str, rows: Host, count: int) -> Host:
    """`count` random uint32 words for each row: `rows` `(n,)` >= 0 -> `(n, count)`.

    `stream` names what they are for: two streams of one seed are independent.
    """
    rows = np.asarray(rows, np.uint64)[:, None]
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)[None]
    rows, blocks = np.broadcast_arrays(rows, blocks)
    name = np.full(rows.shape, zlib.crc32(stream.encode()), np.uint64)
    high, low = split(rows)
    counters = np.stack([blocks, low, high, name], axis=-1)
    key = np.array([seed >> 32, seed]) & 0xFFFFFFFF
    return philox_words(counters, key).reshape(len(rows), -1)[:, :count]


def uniforms(seed: int, stream: str, rows: Host, count: int) -> Host:
    """Numbers strictly between 0 and 1: `(n,)` -> `(n, count)` float64."""
    return (words(seed, stream, rows, count) + 0.5) * 2.0**-32


def normals(seed: int, stream: str, rows: Host, count: int) -> Host:
    """Standard normal numbers by Box and Muller: `(n,)` -> `(n, count)` float64."""
    u = uniforms(seed, stream, rows, 2 * count).reshape(len(rows), count, 2)
    return np.sqrt(-2 * np.log(u[..., 0])) * np.cos(2 * np.pi * u[..., 1])


def choose(u: Host, count: int) -> Host:
    """Uniform numbers as whole numbers 0..count - 1, any shape."""
    return np.floor(u * count).astype(np.int64)
