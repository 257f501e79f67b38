"""The embedded set: 1,797 real scans of handwritten digits, 8x8, that come with scikit-learn."""

import numpy as np

from jaxdl.data.split import carve
from jaxdl.typing import Host

CLASSES = tuple("0123456789")
TEST_ROWS = 360


def load_digits() -> tuple[dict[str, dict[str, Host]], tuple[str, ...]]:
    """`{"train": ..., "test": ...}` of `image (N, 8, 8, 1)` uint8 and `label (N,)` int32; classes.

    1,437 and 360 rows, stratified by label, always the same ones. Grey levels 0..16 become 0..255.
    """
    from sklearn import datasets

    pixels, labels = datasets.load_digits(return_X_y=True)
    image = np.round(pixels.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    label = labels.astype(np.int32)
    train, test = carve(label, TEST_ROWS, seed=0)
    rows = {"train": train, "test": test}
    return {k: {"image": image[i], "label": label[i]} for k, i in rows.items()}, CLASSES
